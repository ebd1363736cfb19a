import { Command, CommanderError, Option } from "commander";
import type { Command as Action, Environment } from "./commands/environment.ts";
import type { LintFormat } from "./commands/lint.ts";
import type { Resolution } from "./commands/migrate-mend.ts";
import type { MoveOptions } from "./commands/migrate-move.ts";
import type { SchemaDumpOptions } from "./commands/schema-dump.ts";
import type { DatabaseEnvironment } from "./commands/session.ts";
import type { WaitFor } from "./commands/wait-target.ts";
import type { Config } from "./config/config.ts";
import { findNearest } from "./config/nearest.ts";
import { SETTINGS_LIST } from "./config/settings.ts";
import { SlipwayError } from "./errors.ts";
import { RELEASE } from "./release.ts";

/** What the command line asks for: settings as given by flags, and what to do with them. */
export interface Invocation {
  readonly flags: Readonly<Record<string, string | boolean | undefined>>;
  readonly needsDatabase: boolean;
  readonly json: boolean;
  readonly perform: Action;
}

type Flags = Record<string, string | boolean | undefined>;

interface Spec {
  readonly name: string;
  readonly summary: string;
  readonly example: string;
  readonly argument?: string;
  readonly options?: readonly Option[];
  readonly json?: boolean;
  readonly offline?: boolean;
  /** Loaded when the command is run: a run with nothing to do must not pay for the others. */
  readonly load: (flags: Flags, argument: string) => Promise<Action>;
}

const YES = new Option("--yes", "do not ask");
const TRY = new Option(
  "--try",
  "run the plan of the declarative phase on a copy of the schema, without rows",
);
const STEPS = (what: string): Option => new Option("--steps <n>", what);
const TO = (what: string): Option => new Option("--to <version>", what);
const DRY_RUN = new Option("--dry-run", "show what would be done, do nothing");

const COMMANDS: readonly Spec[] = [
  {
    name: "run",
    summary: "bootstrap, declarative schema, user migrations (the default command)",
    example: "slipway run --migrations-path ./migrations",
    json: true,
    load: async () => {
      const { runCommand } = await import("./commands/run.ts");
      return (environment) => runCommand(requireDatabase(environment));
    },
  },
  {
    name: "plan",
    summary: "what `run` would do now; exit 3 when something is pending",
    example: "slipway plan --sql",
    json: true,
    options: [new Option("--sql", "print the statements of the declarative phase as a script"), TRY],
    load: (flags) => loadPlan(flags, false),
  },
  {
    name: "status",
    summary: "what the database says of itself",
    example: "slipway status --json",
    json: true,
    options: [new Option("--check", "exit 3 when something is pending")],
    load: async (flags) => {
      const { statusCommand } = await import("./commands/status.ts");
      return (environment) => statusCommand(requireDatabase(environment), { check: flags["check"] === true });
    },
  },
  {
    name: "wait",
    summary: "wait until the database is at what these files ask for; reads only",
    example: "slipway wait --timeout 5m --migrations-path ./migrations",
    json: true,
    options: [
      new Option("--for <state>", "version=N, fingerprint=HEX or clean, which need no files").default(
        "files",
      ),
    ],
    load: async (flags) => {
      const { waitCommand } = await import("./commands/wait.ts");
      const wanted = readWaitFor(String(flags["for"]));
      return (environment) => waitCommand(requireDatabase(environment), wanted);
    },
  },
  {
    name: "config",
    summary: "the settings in force and where each came from, secrets masked",
    example: "slipway config",
    json: true,
    offline: true,
    load: async () => (await import("./commands/config.ts")).configCommand,
  },
  {
    name: "lint",
    summary: "what the files would do to a database in use; exit 3 when there is something to look at",
    example: "slipway lint --migrations-path ./migrations --format github",
    json: true,
    offline: true,
    options: [
      new Option("--format <format>", "form of the findings")
        .choices(["text", "json", "github", "sarif"])
        .default("text"),
      new Option("--after <version>", "judge only migrations above this version, as ones that run together"),
      new Option("--offline", "contact no database, also where one is given; else what it has is not judged"),
    ],
    load: loadLint,
  },
  {
    name: "schema plan",
    summary: "what the declarative phase would do now; exit 3 when something is pending",
    example: "slipway schema plan --json",
    json: true,
    options: [new Option("--sql", "print the statements as a script"), TRY],
    load: (flags) => loadPlan(flags, true),
  },
  {
    name: "schema apply",
    summary: "`run` without the user migrations",
    example: "slipway schema apply --schema-path ./schema",
    json: true,
    load: async () => {
      const { applyCommand } = await import("./commands/schema-apply.ts");
      return (environment) => applyCommand(requireDatabase(environment));
    },
  },
  {
    name: "schema compile",
    summary: "write the desired schema beside its files, so that a run needs no place to build it",
    example: "slipway schema compile --schema-path ./schema --server postgres://postgres@localhost/postgres",
    json: true,
    offline: true,
    options: [
      new Option(
        "--server <url>",
        "a server of the major to compile for, with the right to create databases",
      ),
      new Option("--check", "write nothing; exit 3 when there is no snapshot, or one of other files"),
    ],
    load: async (flags) => {
      const { compileCommand } = await import("./commands/schema-compile.ts");
      const { server } = flags;
      const options = {
        server: server === undefined ? undefined : String(server),
        check: flags["check"] === true,
      };
      return (environment) => compileCommand(environment, options);
    },
  },
  {
    name: "schema approve",
    summary: "approve a plan that waits for it, by its id",
    example: "slipway schema approve 0d6c5b1f3a2e4987",
    argument: "<plan-id>",
    load: async (_, planId) => {
      const { approveCommand } = await import("./commands/schema.ts");
      return (environment) => approveCommand(requireDatabase(environment), planId);
    },
  },
  {
    name: "schema validate",
    summary: "what differs from the files, and what was changed outside slipway; exit 3 for either",
    example: "slipway schema validate --json",
    json: true,
    load: async () => {
      const { schemaValidateCommand } = await import("./commands/schema-validate.ts");
      return (environment) => schemaValidateCommand(requireDatabase(environment));
    },
  },
  {
    name: "schema status",
    summary: "what is recorded of the declarative schema, and whether it drifted",
    example: "slipway schema status",
    json: true,
    load: async () => {
      const { schemaStatusCommand } = await import("./commands/schema-status.ts");
      return (environment) => schemaStatusCommand(requireDatabase(environment));
    },
  },
  {
    name: "schema dump",
    summary: "write the live schemas as files that `run` takes back with nothing to do",
    example: "slipway schema dump --out ./schema",
    json: true,
    options: [
      new Option("--out <folder>", "where to write; empty, or an earlier dump, which is replaced"),
      new Option("--stdout", "print one text instead of writing files"),
      new Option(
        "--schema <name>",
        "only this schema; may be repeated (default: the managed ones, or all)",
      ).argParser(joinNames),
      new Option("--force", "write among the files that are there"),
    ],
    load: async (flags) => {
      const { schemaDumpCommand } = await import("./commands/schema-dump.ts");
      const options = readDumpOptions(flags);
      return (environment) => schemaDumpCommand(requireDatabase(environment), options);
    },
  },
  {
    name: "migrate up",
    summary: "apply user migrations that are pending",
    example: "slipway migrate up --to 20",
    json: true,
    options: [STEPS("at most so many"), TO("none above this version"), DRY_RUN],
    load: async (flags) => {
      const { migrateUp } = await import("./commands/migrate-move.ts");
      const options = readMove(flags);
      return (environment) => migrateUp(requireDatabase(environment), options);
    },
  },
  {
    name: "migrate down",
    summary: "take back the last applied user migration",
    example: "slipway migrate down --steps 2 --yes",
    json: true,
    options: [STEPS("how many (default 1)"), TO("all above this version, 0 for all"), DRY_RUN, YES],
    load: async (flags) => {
      const { migrateDown } = await import("./commands/migrate-move.ts");
      const options = readMove(flags, 1);
      return (environment) => migrateDown(requireDatabase(environment), options);
    },
  },
  {
    name: "migrate redo",
    summary: "take back the last applied user migration and apply it again",
    example: "slipway migrate redo --yes",
    json: true,
    options: [STEPS("how many (default 1)"), DRY_RUN, YES],
    load: async (flags) => {
      const { migrateRedo } = await import("./commands/migrate-move.ts");
      const options = readMove(flags, 1);
      return (environment) => migrateRedo(requireDatabase(environment), options);
    },
  },
  {
    name: "migrate goto",
    summary: "apply or take back user migrations until a version is the highest",
    example: "slipway migrate goto 12 --dry-run",
    json: true,
    argument: "<version>",
    options: [DRY_RUN, YES],
    load: async (flags, version) => {
      const { migrateGoto } = await import("./commands/migrate-move.ts");
      const to = readVersion(version);
      return (environment) => migrateGoto(requireDatabase(environment), to, readMove(flags));
    },
  },
  {
    name: "migrate status",
    summary: "every user migration: version, state, when, how long, checksum",
    example: "slipway migrate status",
    json: true,
    load: async () => {
      const { migrateStatus } = await import("./commands/migrate-status.ts");
      return (environment) => migrateStatus(requireDatabase(environment));
    },
  },
  {
    name: "migrate verify",
    summary: "hold files and ledger against each other; exit 35 or 3 when they don't agree",
    example: "slipway migrate verify --json",
    json: true,
    load: async () => {
      const { migrateVerify } = await import("./commands/migrate-verify.ts");
      return (environment) => migrateVerify(requireDatabase(environment));
    },
  },
  {
    name: "migrate create",
    summary: "write the up and down file of a new migration",
    example: "slipway migrate create add_customers --migrations-path ./migrations",
    argument: "<name>",
    offline: true,
    options: [new Option("--timestamp", "number it by the time, whatever the folder's style")],
    load: async (flags, name) => {
      const { migrateCreate } = await import("./commands/migrate-create.ts");
      return (environment) => migrateCreate(environment, name, { timestamp: flags["timestamp"] === true });
    },
  },
  {
    name: "migrate retry",
    summary: "have a failed migration tried again by the next run, from the step it failed at",
    example: "slipway migrate retry 3",
    argument: "<version>",
    load: async (_, version) => {
      const { migrateRetry } = await import("./commands/migrate-mend.ts");
      return (environment) => migrateRetry(requireDatabase(environment), readVersion(version));
    },
  },
  {
    name: "migrate resolve",
    summary: "record what a person found out about a migration",
    example: "slipway migrate resolve 3 --as-applied",
    argument: "<version>",
    options: [
      new Option("--as-applied", "the step in flight took effect; of a failed one, all of it is there"),
      new Option("--as-pending", "nothing of it is there: begin it from its first statement"),
      new Option("--accept-checksum", "its file was changed after it was applied, and is right so"),
    ],
    load: async (flags, version) => {
      const { migrateResolve } = await import("./commands/migrate-mend.ts");
      const resolution = readResolution(flags);
      return (environment) => migrateResolve(requireDatabase(environment), readVersion(version), resolution);
    },
  },
  {
    name: "migrate baseline",
    summary: "record everything up to a version as applied without running it",
    example: "slipway migrate baseline 12",
    argument: "<version>",
    options: [DRY_RUN, YES],
    load: async (flags, version) => {
      const { migrateBaseline } = await import("./commands/migrate-baseline.ts");
      const options = { dryRun: flags["dryRun"] === true, yes: flags["yes"] === true };
      return (environment) => migrateBaseline(requireDatabase(environment), readVersion(version), options);
    },
  },
  {
    name: "migrate adopt",
    summary: "take over the history of the tool that migrated this database before",
    example: "slipway migrate adopt --dry-run",
    options: [
      new Option(
        "--table <name>",
        "the other tool's table, where there are several or it has a name of its own",
      ),
      DRY_RUN,
      YES,
    ],
    load: async (flags) => {
      const { migrateAdopt } = await import("./commands/adopt.ts");
      const { table } = flags;
      const options = {
        dryRun: flags["dryRun"] === true,
        yes: flags["yes"] === true,
        ...(typeof table === "string" ? { table } : {}),
      };
      return (environment) => migrateAdopt(requireDatabase(environment), options);
    },
  },
  {
    name: "serve",
    summary: "admin API and status page, until it is told to stop",
    example: "slipway serve --api-tokens-file ./tokens --listen 127.0.0.1:8080",
    options: [new Option("--insecure-no-auth", "let everybody do everything; on loopback only")],
    load: async (flags) => {
      const { serveCommand } = await import("./serve/command.ts");
      const options = { insecureNoAuth: flags["insecureNoAuth"] === true };
      return (environment) => serveCommand(requireDatabase(environment), options);
    },
  },
  {
    name: "reset",
    summary: "development only: drop every schema but public and start over",
    example: "slipway reset --full --yes",
    options: [new Option("--full", "empty schema public too"), YES],
    load: async (flags) => {
      const { resetCommand } = await import("./commands/reset.ts");
      const options = { full: flags["full"] === true, yes: flags["yes"] === true };
      return (environment) => resetCommand(requireDatabase(environment), options);
    },
  },
];

async function loadLint(flags: Flags): Promise<Action> {
  const { lintCommand } = await import("./commands/lint.ts");
  const after = flags["after"] === undefined ? undefined : readVersion(String(flags["after"]));
  const format = flags["json"] === true ? "json" : (flags["format"] as LintFormat);
  return (environment) => lintCommand(environment, { format, after, offline: flags["offline"] === true });
}

async function loadPlan(flags: Flags, schemaOnly: boolean): Promise<Action> {
  const { planCommand } = await import("./commands/plan.ts");
  const options = { sql: flags["sql"] === true, schemaOnly, isTried: flags["try"] === true };
  return (environment) => planCommand(requireDatabase(environment), options);
}

/**
 * Reads the command line. Undefined when help or the version was asked for and printed. Throws USAGE for
 * an unknown command or flag.
 */
export async function parseCommandLine(
  argv: readonly string[],
  write: (text: string) => void,
): Promise<Invocation | undefined> {
  let chosen: { spec: Spec; flags: Flags; argument: string } | undefined;
  requireKnownCommand(argv);
  const program = createProgram(argv, (spec, flags, argument) => {
    chosen = { spec, flags, argument };
  });
  configureOutput(program, write);
  try {
    await program.parseAsync([...argv], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return undefined;
    if (error.code === "commander.help") throw subcommandMissing(wordsOf(argv)[0] ?? "");
    throw new SlipwayError("USAGE", error.message.replace(/^error: /, "").replaceAll(/\s+/g, " "), {
      cause: error,
    });
  }
  if (chosen === undefined) return undefined;
  const { spec, flags, argument } = chosen;
  return {
    flags,
    needsDatabase: spec.offline !== true,
    json: flags["json"] === true,
    perform: await spec.load(flags, argument),
  };
}

function createProgram(
  argv: readonly string[],
  choose: (spec: Spec, flags: Flags, argument: string) => void,
): Command {
  const wanted = wantedName(argv);
  const program = new Command("slipway")
    .description("Gets a PostgreSQL database ready before the application starts.")
    .version(RELEASE)
    .exitOverride()
    .showSuggestionAfterError()
    .enablePositionalOptions();
  const groups = new Map<string, Command>();
  for (const spec of COMMANDS) {
    const [first = "", second] = spec.name.split(" ");
    const parent = second === undefined ? program : groupOf(program, groups, first);
    const command = parent.command(second ?? first, spec.name === "run" ? { isDefault: true } : {});
    command.description(spec.summary).exitOverride().showSuggestionAfterError();
    if (spec.argument === undefined) command.allowExcessArguments(false);
    else command.argument(spec.argument);
    for (const option of spec.options ?? []) command.addOption(option);
    if (spec.json === true) command.option("--json", "print the result as JSON");
    // Twenty options for each of the other commands would cost more than the rest of a run with nothing to do.
    if (spec.name === wanted) addSettings(command);
    command.addHelpText("after", `\nExample:\n  $ ${spec.example}`);
    command.action((...args: unknown[]) => {
      const argument = spec.argument === undefined ? "" : String(args[0]);
      choose(spec, command.opts(), argument);
    });
  }
  return program;
}

const TAKES_VALUE = new Set([
  "--config",
  ...COMMANDS.flatMap(({ options = [] }) =>
    options.flatMap(({ long, required }) => (required && long ? [long] : [])),
  ),
  ...SETTINGS_LIST.flatMap((setting) => (setting.argument === undefined ? [] : [setting.flag])),
]);

/** What is neither a flag nor the value of one. */
function wordsOf(argv: readonly string[]): string[] {
  return argv.filter((word, index) => !word.startsWith("-") && !TAKES_VALUE.has(argv[index - 1] ?? ""));
}

/** Without this, a misspelt command would be an argument too many of the default one. */
function requireKnownCommand(argv: readonly string[]): void {
  const [word] = wordsOf(argv);
  const known = new Set(["help", ...COMMANDS.map(({ name }) => name.split(" ", 1)[0] ?? name)]);
  if (word === undefined || known.has(word)) return;
  const nearest = findNearest(word, known);
  const hint = nearest === undefined ? "" : ` (did you mean ${nearest}?)`;
  throw new SlipwayError("USAGE", `unknown command '${word}'${hint}`);
}

function subcommandMissing(group: string): SlipwayError {
  const names = COMMANDS.flatMap(({ name }) =>
    name.startsWith(`${group} `) ? [name.slice(group.length + 1)] : [],
  );
  return new SlipwayError("USAGE", `\`slipway ${group}\` needs one of: ${names.join(", ")}`, {
    next: `slipway ${group} --help`,
  });
}

/** The command that the words before any flag name; `run` when they name none. */
function wantedName(argv: readonly string[]): string {
  const words = wordsOf(argv);
  const pair = words.slice(0, 2).join(" ");
  const found = COMMANDS.find(({ name }) => name === pair) ?? COMMANDS.find(({ name }) => name === words[0]);
  return found?.name ?? "run";
}

function groupOf(program: Command, groups: Map<string, Command>, name: string): Command {
  const known = groups.get(name);
  if (known !== undefined) return known;
  const words =
    name === "migrate"
      ? "user migrations: up, down, redo, goto, status, verify, create, retry, resolve, baseline, adopt"
      : "the declarative schema: plan, apply, approve, validate, dump, compile, status";
  const group = program.command(name).description(words).exitOverride().showSuggestionAfterError();
  groups.set(name, group);
  return group;
}

function addSettings(command: Command): void {
  command.option("--config <file>", "settings file (default ./slipway.yaml where there is one)");
  for (const setting of SETTINGS_LIST) {
    const flag = setting.argument === undefined ? setting.flag : `${setting.flag} <${setting.argument}>`;
    const fallback = setting.fallbackWords ?? setting.fallback ?? "";
    const words = `${setting.meaning}${fallback === "" ? "" : ` (default: ${fallback})`} [${setting.env}]`;
    command.addOption(new Option(flag, words));
  }
}

function configureOutput(program: Command, write: (text: string) => void): void {
  const output = { writeOut: write, writeErr: () => undefined };
  const configure = (command: Command): void => {
    command.configureOutput(output);
    for (const each of command.commands) configure(each);
  };
  configure(program);
}

function readSteps(value: string | boolean): number {
  const steps = Number(value);
  if (Number.isInteger(steps) && steps > 0) return steps;
  throw new SlipwayError("USAGE", `--steps must be a whole number above 0, not "${value}"`);
}

/** A flag that is given several times. */
function joinNames(name: string, before: string | undefined): string {
  return before === undefined ? name : `${before},${name}`;
}

function readDumpOptions(flags: Flags): SchemaDumpOptions {
  const { out, schema } = flags;
  if ((out === undefined) === (flags["stdout"] !== true)) {
    throw new SlipwayError("USAGE", "a dump goes to a folder or to stdout: give --out or --stdout", {
      next: "slipway schema dump --out ./schema",
    });
  }
  return {
    out: out === undefined ? undefined : String(out),
    schemas: schema === undefined ? undefined : String(schema).split(","),
    force: flags["force"] === true,
  };
}

/** `3`, or the name of the migration's file: `003_add_index`. */
function readVersion(text: string): bigint {
  const [, digits] = /^(\d+)(?:_.*)?$/s.exec(text) ?? [];
  if (digits !== undefined) return BigInt(digits);
  throw new SlipwayError("USAGE", `a version is a number, not "${text}"`, {
    next: "see `slipway migrate status`",
  });
}

function readMove(flags: Flags, defaultSteps?: number): MoveOptions {
  const { steps, to } = flags;
  if (steps !== undefined && to !== undefined) {
    throw new SlipwayError("USAGE", "--steps and --to are two ways to say how far; give one of them");
  }
  const count = steps === undefined ? (to === undefined ? defaultSteps : undefined) : readSteps(steps);
  return {
    ...(count === undefined ? {} : { steps: count }),
    ...(to === undefined ? {} : { to: readVersion(String(to)) }),
    dryRun: flags["dryRun"] === true,
    yes: flags["yes"] === true,
  };
}

function readWaitFor(text: string): WaitFor {
  if (text === "files" || text === "clean") return { kind: text };
  const [, version] = /^version=(.+)$/s.exec(text) ?? [];
  if (version !== undefined) return { kind: "version", version: readVersion(version) };
  const [, beginning] = /^fingerprint=([0-9a-f]{8,})$/.exec(text) ?? [];
  if (beginning !== undefined) return { kind: "fingerprint", beginning };
  throw new SlipwayError(
    "USAGE",
    `--for must be files, version=N, fingerprint=HEX (at least 8 digits of it) or clean, not "${text}"`,
    { next: "slipway wait --help" },
  );
}

function readResolution(flags: Flags): Resolution {
  const given = RESOLUTIONS.filter(([flag]) => flags[flag] === true);
  const [first] = given;
  if (first !== undefined && given.length === 1) return first[1];
  throw new SlipwayError("USAGE", "say what you found: --as-applied, --as-pending or --accept-checksum", {
    next: "slipway migrate resolve --help",
  });
}

const RESOLUTIONS: readonly (readonly [flag: string, resolution: Resolution])[] = [
  ["asApplied", "applied"],
  ["asPending", "pending"],
  ["acceptChecksum", "checksum"],
];

/** Commands that are not offline were parsed with `needsDatabase`, which makes the target certain. */
function requireDatabase(environment: Environment<Config>): DatabaseEnvironment {
  const { database } = environment.config;
  if (database === undefined) throw new Error("the configuration has no database");
  return { ...environment, config: { ...environment.config, database } };
}
