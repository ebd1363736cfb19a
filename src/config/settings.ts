import type { Reader } from "./readers.ts";
import {
  address,
  approval,
  boolean,
  configMapName,
  duration,
  emptyAsNone,
  listName,
  oneOf,
  origins,
  path,
  postgresUrl,
  schemaName,
  severities,
  text,
  timeout,
} from "./readers.ts";

/** One setting, in all the manners of giving it. */
export interface Setting<T = unknown> {
  /** As in slipway.yaml; a dot is one level of nesting. */
  readonly name: string;
  readonly env: string;
  readonly flag: `--${string}`;
  /** What stands after the flag in help; absent: the flag alone means `true`. */
  readonly argument?: string;
  /** The default, as a person would write it. */
  readonly fallback?: string;
  /** The default in words, where no text could stand for it. */
  readonly fallbackWords?: string;
  readonly read: Reader<T>;
  /** Its value is never part of a message and is masked by `slipway config`. */
  readonly secret?: true;
  /** An empty text is a value here; elsewhere an empty variable counts as not set. */
  readonly emptyIsValue?: true;
  readonly meaning: string;
}

/** Every setting there is. Parsing, `slipway config`, help and the generated docs all come from here. */
export const SETTINGS = {
  database: {
    name: "database.url",
    env: "DATABASE_URL",
    flag: "--database-url",
    argument: "url",
    fallbackWords: "libpq's PGHOST, PGUSER, PGPASSWORD, PGDATABASE …",
    read: postgresUrl,
    secret: true,
    meaning: "the database to get ready",
  },
  databases: {
    name: "database.list",
    env: "SLIPWAY_DATABASES",
    flag: "--databases",
    argument: "folder",
    fallback: "",
    read: emptyAsNone(path),
    emptyIsValue: true,
    meaning:
      "instead of one URL, a folder with a file for each of many databases: its name is the database's, its content the URL",
  },
  databaseName: {
    name: "database.name",
    env: "SLIPWAY_DATABASE_NAME",
    flag: "--database-name",
    argument: "name",
    fallbackWords: "of a list: the one at JOB_COMPLETION_INDEX, in name order",
    read: listName,
    meaning: "which database of the list",
  },
  schemaPath: {
    name: "schema.path",
    env: "SLIPWAY_SCHEMA_PATH",
    flag: "--schema-path",
    argument: "folder",
    fallbackWords: "the bundled platform schema",
    read: emptyAsNone(path),
    emptyIsValue: true,
    meaning: "folder with bootstrap.sql, schemas/ and .slipwayignore; empty turns both phases off",
  },
  migrationsPath: {
    name: "migrations.path",
    env: "DB_USER_MIGRATIONS_PATH",
    flag: "--migrations-path",
    argument: "folder",
    fallback: "",
    read: emptyAsNone(path),
    emptyIsValue: true,
    meaning: "folder of user migrations; empty skips the phase",
  },
  migrationPlaceholders: {
    name: "migrations.placeholders",
    env: "SLIPWAY_MIGRATIONS_PLACEHOLDERS",
    flag: "--migrations-placeholders",
    fallback: "false",
    read: boolean,
    meaning: "fill {{NAME}} in user migrations too",
  },
  outOfOrder: {
    name: "migrations.outOfOrder",
    env: "SLIPWAY_OUT_OF_ORDER",
    flag: "--out-of-order",
    argument: "error|warn|allow",
    fallback: "warn",
    read: oneOf("error", "warn", "allow"),
    meaning:
      "a new migration below one that is already applied: refuse it, run it with a warning, or just run it",
  },
  missing: {
    name: "migrations.missing",
    env: "SLIPWAY_MISSING",
    flag: "--missing",
    argument: "error|warn|allow",
    fallback: "warn",
    read: oneOf("error", "warn", "allow"),
    meaning: "an applied migration whose file is gone: refuse, warn, or say nothing",
  },
  gap: {
    name: "migrations.gap",
    env: "SLIPWAY_GAP",
    flag: "--gap",
    argument: "error|warn|allow",
    fallback: "warn",
    read: oneOf("error", "warn", "allow"),
    meaning: "a number that is skipped before a migration that is to run: refuse, warn, or say nothing",
  },
  approve: {
    name: "approve",
    env: "SLIPWAY_APPROVE",
    flag: "--approve",
    argument: "plan-id,…",
    fallback: "",
    read: approval,
    emptyIsValue: true,
    meaning: "plans whose destructive changes may run; any works on development databases only",
  },
  connectWaitMs: {
    name: "connectWait",
    env: "SLIPWAY_CONNECT_WAIT",
    flag: "--connect-wait",
    argument: "duration",
    fallback: "5m",
    read: duration,
    meaning: "how long to wait for the server to accept connections",
  },
  lockWaitMs: {
    name: "lockWait",
    env: "SLIPWAY_LOCK_WAIT",
    flag: "--lock-wait",
    argument: "duration",
    fallback: "15m",
    read: duration,
    meaning: "how long to wait for another run's advisory lock",
  },
  waitTimeoutMs: {
    name: "wait.timeout",
    env: "SLIPWAY_WAIT_TIMEOUT",
    flag: "--timeout",
    argument: "duration",
    fallback: "10m",
    read: duration,
    meaning: "how long `slipway wait` waits",
  },
  lockTimeoutMs: {
    name: "lockTimeout",
    env: "SLIPWAY_LOCK_TIMEOUT",
    flag: "--lock-timeout",
    argument: "duration",
    fallback: "5s",
    read: duration,
    meaning: "PostgreSQL's lock_timeout for DDL, retried with back-off; 0 waits without end",
  },
  statementTimeoutMs: {
    name: "statementTimeout",
    env: "SLIPWAY_STATEMENT_TIMEOUT",
    flag: "--statement-timeout",
    argument: "duration",
    fallback: "off",
    read: timeout,
    meaning: "PostgreSQL's statement_timeout",
  },
  shadow: {
    name: "shadow.url",
    env: "SLIPWAY_SHADOW_URL",
    flag: "--shadow-url",
    argument: "url",
    fallbackWords: "a temporary database on the same server",
    read: postgresUrl,
    secret: true,
    meaning: "where a desired schema may be built for comparison",
  },
  stateSchema: {
    name: "stateSchema",
    env: "SLIPWAY_STATE_SCHEMA",
    flag: "--state-schema",
    argument: "name",
    fallback: "migrations",
    read: schemaName,
    meaning: "schema that holds slipway's own tables",
  },
  statusConfigMap: {
    name: "status.configMap",
    env: "SLIPWAY_STATUS_CONFIGMAP",
    flag: "--status-configmap",
    argument: "[namespace/]name",
    fallback: "",
    read: emptyAsNone(configMapName),
    emptyIsValue: true,
    meaning: "ConfigMap that shows the run to people who have kubectl alone; empty writes none",
  },
  terminationLog: {
    name: "terminationLog",
    env: "SLIPWAY_TERMINATION_LOG",
    flag: "--termination-log",
    argument: "file",
    fallback: "/dev/termination-log",
    read: emptyAsNone(path),
    emptyIsValue: true,
    meaning: "where the last line is left for the kubelet, if the file is there; empty leaves none",
  },
  logLevel: {
    name: "log.level",
    env: "SLIPWAY_LOG_LEVEL",
    flag: "--log-level",
    argument: "level",
    fallback: "info",
    read: oneOf("trace", "debug", "info", "warn", "error", "fatal", "silent"),
    meaning: "the least severe log line that is written",
  },
  logFormat: {
    name: "log.format",
    env: "SLIPWAY_LOG_FORMAT",
    flag: "--log-format",
    argument: "json|pretty|auto",
    fallback: "auto",
    read: oneOf("json", "pretty", "auto"),
    meaning: "form of the log lines; auto is pretty on a terminal and json elsewhere",
  },
  drift: {
    name: "drift",
    env: "SLIPWAY_DRIFT",
    flag: "--drift",
    argument: "apply|refuse|warn",
    fallback: "apply",
    read: oneOf("apply", "refuse", "warn"),
    meaning: "a managed schema was changed outside slipway: put it back, stop, or only warn",
  },
  extras: {
    name: "extras",
    env: "SLIPWAY_EXTRAS",
    flag: "--extras",
    argument: "keep|drop",
    fallback: "keep",
    read: oneOf("keep", "drop"),
    meaning: "objects that no desired schema ever had: keep them, or plan their drop",
  },
  onOlder: {
    name: "onOlder",
    env: "SLIPWAY_ON_OLDER",
    flag: "--on-older",
    argument: "keep|refuse|apply",
    fallback: "keep",
    read: oneOf("keep", "refuse", "apply"),
    meaning: "files older than what is applied: change nothing, stop, or go back to them by an approved plan",
  },
  serveListen: {
    name: "serve.listen",
    env: "SLIPWAY_LISTEN",
    flag: "--listen",
    argument: "host:port",
    fallback: "127.0.0.1:8080",
    read: address,
    meaning: "where `slipway serve` listens; 0.0.0.0:8080 for all addresses",
  },
  serveHealthListen: {
    name: "serve.healthListen",
    env: "SLIPWAY_HEALTH_LISTEN",
    flag: "--health-listen",
    argument: "host:port",
    fallback: "",
    read: emptyAsNone(address),
    emptyIsValue: true,
    meaning: "a listener of its own for /healthz, /readyz and /metrics; empty: where the API listens",
  },
  serveTokensFile: {
    name: "serve.tokensFile",
    env: "SLIPWAY_API_TOKENS_FILE",
    flag: "--api-tokens-file",
    argument: "file",
    fallback: "",
    read: emptyAsNone(path),
    emptyIsValue: true,
    meaning:
      "bearer tokens of the API, a line role:token or role:name:token each; read again when it changes",
  },
  serveTokens: {
    name: "serve.tokens",
    env: "SLIPWAY_API_TOKENS",
    flag: "--api-tokens",
    argument: "role:token,…",
    fallback: "",
    read: text,
    secret: true,
    emptyIsValue: true,
    meaning: "bearer tokens of the API, in the same form, separated by commas",
  },
  serveCorsOrigins: {
    name: "serve.corsOrigins",
    env: "SLIPWAY_CORS_ORIGINS",
    flag: "--cors-origins",
    argument: "origin,…",
    fallback: "",
    read: origins,
    emptyIsValue: true,
    meaning: "websites whose pages may use the API in a browser; empty: none but its own",
  },
  serveKubernetesAuth: {
    name: "serve.kubernetesAuth",
    env: "SLIPWAY_KUBERNETES_AUTH",
    flag: "--kubernetes-auth",
    fallback: "false",
    read: boolean,
    meaning:
      "let users of the cluster in: who may update the status ConfigMap as admin, who may get it to read",
  },
  lintRules: {
    name: "lint.rules",
    env: "SLIPWAY_LINT_RULES",
    flag: "--lint-rules",
    argument: "rule=severity,…",
    fallback: "",
    read: severities,
    emptyIsValue: true,
    meaning: "rules of `slipway lint` to be taken otherwise: off, note, warning or error",
  },
} as const satisfies Readonly<Record<string, Setting>>;

export const SETTINGS_LIST: readonly Setting[] = Object.values(SETTINGS);

/** Variables in slipway's name space that are no settings of a run, each with its meaning. */
export const OTHER_VARIABLES: Readonly<Record<string, string>> = {
  SLIPWAY_CONFIG: "path of the settings file; default ./slipway.yaml where there is one",
  SLIPWAY_SERVICEACCOUNT_DIR:
    "folder of token, ca.crt and namespace; default /var/run/secrets/kubernetes.io/serviceaccount",
};

/** `SLIPWAY_VAR_NAME` fills the placeholder `{{NAME}}`. */
export const VAR_PREFIX = "SLIPWAY_VAR_";

/** `--lock-wait` is `lockWait`, the key under which commander hands its value over. */
export function flagKey(setting: Setting): string {
  return setting.flag.slice(2).replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
