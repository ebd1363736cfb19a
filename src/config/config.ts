import { ProblemsError } from "../errors.ts";
import type { DatabaseTarget } from "./database.ts";
import { formatTarget } from "./database.ts";
import { type ChosenDatabase, COMPLETION_INDEX, chooseDatabase } from "./database-list.ts";
import { findDatabaseVariables } from "./database-parameters.ts";
import type { Given, Layers } from "./layers.ts";
import type { Address, Approval, ConfigMapName, Severities } from "./readers.ts";
import { SETTINGS } from "./settings.ts";
import { readTargets } from "./targets.ts";
import { findUnknownKeys, findUnknownVariables } from "./unknown.ts";
import type { ValueOrigin } from "./values.ts";
import { Values } from "./values.ts";
import { readVars } from "./vars.ts";

export interface Config {
  /** Absent only where a command needs no database and none is named. */
  readonly database: DatabaseTarget | undefined;
  /** Its name in the list that it was chosen from; absent for a database by itself. */
  readonly databaseName: string | undefined;
  /** Absent: a temporary database on the same server. */
  readonly shadow: DatabaseTarget | undefined;
  /** Absent: bootstrap and declarative schema are turned off. */
  readonly schemaPath: string | undefined;
  /** Absent: the phase is skipped. */
  readonly migrationsPath: string | undefined;
  readonly migrationPlaceholders: boolean;
  readonly outOfOrder: "error" | "warn" | "allow";
  readonly missing: "error" | "warn" | "allow";
  readonly gap: "error" | "warn" | "allow";
  readonly approve: Approval;
  readonly connectWaitMs: number;
  readonly lockWaitMs: number;
  /** How long `slipway wait` waits. */
  readonly waitTimeoutMs: number;
  /** 0: no limit */
  readonly lockTimeoutMs: number;
  /** 0: no limit */
  readonly statementTimeoutMs: number;
  readonly stateSchema: string;
  readonly statusConfigMap: ConfigMapName | undefined;
  /** The kubelet's file for the termination message; absent: none is written. */
  readonly terminationLog: string | undefined;
  readonly logLevel: "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";
  readonly logFormat: "json" | "pretty" | "auto";
  readonly drift: "apply" | "refuse" | "warn";
  readonly extras: "keep" | "drop";
  readonly onOlder: "keep" | "refuse" | "apply";
  readonly serve: ServeConfig;
  /** By rule of `slipway lint`; rules left out have their own severity. */
  readonly lintRules: Severities;
  /** By placeholder name: `SLIPWAY_VAR_APP_USER` is `APP_USER`. */
  readonly vars: Readonly<Record<string, string>>;
  /** For every setting, by its name in slipway.yaml: where its value came from, and how it may be shown. */
  readonly origins: Readonly<Record<string, ValueOrigin>>;
}

/** What only `slipway serve` looks at. */
export interface ServeConfig {
  readonly listen: Address;
  /** Absent: health is answered where the API listens. */
  readonly healthListen: Address | undefined;
  /** Absent: none is read. */
  readonly tokensFile: string | undefined;
  readonly tokens: string;
  /** Of other websites whose pages may ask. */
  readonly corsOrigins: readonly string[];
  /** Users of the cluster are let in too. */
  readonly kubernetesAuth: boolean;
}

export interface ConfigWithDatabase extends Config {
  readonly database: DatabaseTarget;
}

export interface ConfigInput extends Layers {
  /** Where the schema lies that ships with slipway. */
  readonly bundledSchemaPath: string;
  readonly needsDatabase: boolean;
  /** Gives the text of a password file, nothing where there is none. */
  readonly readFile?: (path: string) => string | undefined;
  /** Gives the names in a folder, nothing where there is none. */
  readonly listFolder?: (path: string) => readonly string[] | undefined;
}

/** The place in Kubernetes where a run of these settings is shown, as one text: `shop/status`. */
export function formatStatusTarget({
  statusConfigMap: target,
  databaseName,
}: Pick<Config, "statusConfigMap" | "databaseName">): string | undefined {
  if (target === undefined) return undefined;
  const row = databaseName === undefined ? "" : `#${databaseName}`;
  return `${target.namespace ?? ""}/${target.name}${row}`;
}

/** Pure. Throws CONFIG_INVALID with everything that is wrong. */
export function parseConfig(input: ConfigInput & { readonly needsDatabase: true }): ConfigWithDatabase;
export function parseConfig(input: ConfigInput): Config;
export function parseConfig(input: ConfigInput): Config {
  const values = new Values(input);
  const vars = readVars(input.env);
  const schemaPath = values.find(SETTINGS.schemaPath);
  const targets = takeTargets(values, input);
  const config: Config = {
    ...targets,
    schemaPath: values.isGiven(SETTINGS.schemaPath) ? schemaPath : input.bundledSchemaPath,
    migrationsPath: values.take(SETTINGS.migrationsPath),
    migrationPlaceholders: values.take(SETTINGS.migrationPlaceholders),
    outOfOrder: values.take(SETTINGS.outOfOrder),
    missing: values.take(SETTINGS.missing),
    gap: values.take(SETTINGS.gap),
    approve: values.take(SETTINGS.approve),
    connectWaitMs: values.take(SETTINGS.connectWaitMs),
    lockWaitMs: values.take(SETTINGS.lockWaitMs),
    waitTimeoutMs: values.take(SETTINGS.waitTimeoutMs),
    lockTimeoutMs: values.take(SETTINGS.lockTimeoutMs),
    statementTimeoutMs: values.take(SETTINGS.statementTimeoutMs),
    stateSchema: values.take(SETTINGS.stateSchema),
    statusConfigMap: values.take(SETTINGS.statusConfigMap),
    terminationLog: values.take(SETTINGS.terminationLog),
    logLevel: values.take(SETTINGS.logLevel),
    logFormat: values.take(SETTINGS.logFormat),
    drift: values.take(SETTINGS.drift),
    extras: values.take(SETTINGS.extras),
    onOlder: values.take(SETTINGS.onOlder),
    serve: {
      listen: values.take(SETTINGS.serveListen),
      healthListen: values.take(SETTINGS.serveHealthListen),
      tokensFile: values.take(SETTINGS.serveTokensFile),
      tokens: values.take(SETTINGS.serveTokens),
      corsOrigins: values.take(SETTINGS.serveCorsOrigins),
      kubernetesAuth: values.take(SETTINGS.serveKubernetesAuth),
    },
    lintRules: values.take(SETTINGS.lintRules),
    vars: Object.freeze(vars.values),
    origins: Object.freeze(values.origins),
  };
  const problems = [
    ...(input.file?.problems ?? []),
    ...values.problems,
    ...vars.problems,
    ...findUnknownVariables(input.env),
    ...findUnknownKeys(input.file),
  ];
  if (problems.length > 0) throw new ProblemsError("CONFIG_INVALID", problems);
  return Object.freeze(config);
}

function takeTargets(
  values: Values,
  input: ConfigInput,
): Pick<Config, "database" | "databaseName" | "shadow"> {
  const own = values.findWithOrigin(SETTINGS.database);
  const { chosen, isRefused: isListRefused } = takeFromList(values, input, own);
  const url = own ?? chosen?.url;
  const shadowUrl = values.findWithOrigin(SETTINGS.shadow);
  const isRefused = url === undefined && (isListRefused || values.isGiven(SETTINGS.database));
  const { env, readFile, needsDatabase } = input;
  const { database, shadow, problems } = readTargets({
    url: isRefused ? "refused" : url,
    shadowUrl,
    env,
    readFile,
    needsDatabase,
  });
  values.problems.push(...problems);
  if (database !== undefined) {
    const from = url?.from ?? findDatabaseVariables(env).join(", ");
    values.origins[SETTINGS.database.name] = { from, shown: formatTarget(database) };
  }
  if (shadow !== undefined && shadowUrl !== undefined) {
    values.origins[SETTINGS.shadow.name] = { from: shadowUrl.from, shown: formatTarget(shadow) };
  }
  return { database, databaseName: chosen?.name, shadow };
}

/** The database of a list that this process is for. A command that needs none needs no choice either. */
function takeFromList(
  values: Values,
  { env, readFile, listFolder, needsDatabase }: ConfigInput,
  url: Given | undefined,
): { readonly chosen?: ChosenDatabase; readonly isRefused: boolean } {
  const folder = values.findWithOrigin(SETTINGS.databases);
  const name = values.findWithOrigin(SETTINGS.databaseName);
  const isNameRefused = name === undefined && values.isGiven(SETTINGS.databaseName);
  const index = env[COMPLETION_INDEX];
  const { chosen, problems } = chooseDatabase({ folder, name, index, url, readFile, listFolder });
  if (isNameRefused || (problems.length > 0 && !needsDatabase)) return { isRefused: isNameRefused };
  values.problems.push(...problems);
  return { ...(chosen === undefined ? {} : { chosen }), isRefused: problems.length > 0 };
}
