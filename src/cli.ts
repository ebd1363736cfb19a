import { Command, CommanderError, Option } from "commander";
import type { Command as Action, Environment } from "./commands/environment.ts";
import type { DatabaseEnvironment } from "./commands/session.ts";
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
const STEPS = (what: string): Option => new Option("--steps <n>", what);

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
    options: [new Option("--sql", "print the statements of the declarative phase as a script")],
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
    name: "config",
    summary: "the settings in force and where each came from, secrets masked",
    example: "slipway config",
    json: true,
    offline: true,
    load: async () => (await import("./commands/config.ts")).configCommand,
  },
  {
    name: "schema plan",
    summary: "what the declarative phase would do now; exit 3 when something is pending",
    example: "slipway schema plan --json",
    json: true,
    options: [new Option("--sql", "print the statements as a script")],
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
    name: "migrate up",
    summary: "apply user migrations that are pending",
    example: "slipway migrate up --steps 1",
    options: [STEPS("at most so many")],
    load: async (flags) => {
      const { migrateUp } = await import("./commands/migrate.ts");
      const steps = flags["steps"] === undefined ? {} : { steps: readSteps(flags["steps"]) };
      return (environment) => migrateUp(requireDatabase(environment), steps);
    },
  },
  {
    name: "migrate down",
    summary: "take back the last applied user migration",
    example: "slipway migrate down --steps 2 --yes",
    options: [STEPS("how many (default 1)"), YES],
    load: async (flags) => {
      const { migrateDown } = await import("./commands/migrate.ts");
      const options = { steps: readSteps(flags["steps"] ?? "1"), yes: flags["yes"] === true };
      return (environment) => migrateDown(requireDatabase(environment), options);
    },
  },
  {
    name: "migrate status",
    summary: "every user migration: version, state, when, how long, checksum",
    example: "slipway migrate status",
    json: true,
    load: async () => {
      const { migrateStatus } = await import("./commands/migrate.ts");
      return (environment) => migrateStatus(requireDatabase(environment));
    },
  },
  {
    name: "migrate create",
    summary: "write the up and down file of a new migration",
    example: "slipway migrate create add_customers --migrations-path ./migrations",
    argument: "<name>",
    offline: true,
    load: async (_, name) => {
      const { migrateCreate } = await import("./commands/migrate.ts");
      return (environment) => migrateCreate(environment, name);
    },
  },
  {
    name: "migrate retry",
    summary: "have a failed migration tried again by the next run",
    example: "slipway migrate retry 3",
    argument: "<version>",
    load: async (_, version) => {
      const { migrateRetry } = await import("./commands/migrate.ts");
      return (environment) => migrateRetry(requireDatabase(environment), readVersion(version));
    },
  },
  {
    name: "migrate adopt",
    summary: "take over the history of the tool that migrated this database before",
    example: "slipway migrate adopt",
    options: [YES],
    load: async (flags) => {
      const { migrateAdopt } = await import("./commands/adopt.ts");
      return (environment) => migrateAdopt(requireDatabase(environment), { yes: flags["yes"] === true });
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

async function loadPlan(flags: Flags, schemaOnly: boolean): Promise<Action> {
  const { planCommand } = await import("./commands/plan.ts");
  const options = { sql: flags["sql"] === true, schemaOnly };
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
  "--steps",
  "--server",
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
      ? "user migrations: up, down, status, create, retry, adopt"
      : "the declarative schema: plan, apply, approve, compile";
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

function readVersion(text: string): bigint {
  if (/^\d+$/.test(text)) return BigInt(text);
  throw new SlipwayError("USAGE", `a version is a number, not "${text}"`, {
    next: "see `slipway migrate status`",
  });
}

/** Commands that are not offline were parsed with `needsDatabase`, which makes the target certain. */
function requireDatabase(environment: Environment<Config>): DatabaseEnvironment {
  const { database } = environment.config;
  if (database === undefined) throw new Error("the configuration has no database");
  return { ...environment, config: { ...environment.config, database } };
}
