import { Command, CommanderError, Option } from "commander";
import type { Command as Action } from "../commands/environment.ts";
import { findNearest } from "../config/nearest.ts";
import { SETTINGS_LIST } from "../config/settings.ts";
import { SlipwayError } from "../errors.ts";
import { RELEASE } from "../release.ts";
import { MIGRATE_COMMANDS } from "./migrate.ts";
import { SCHEMA_COMMANDS } from "./schema.ts";
import type { Flags, Spec } from "./spec.ts";
import { TOP_COMMANDS } from "./top.ts";

/** What the command line asks for: settings as given by flags, and what to do with them. */
export interface Invocation {
  readonly flags: Readonly<Record<string, string | boolean | undefined>>;
  readonly needsDatabase: boolean;
  readonly json: boolean;
  readonly perform: Action;
}

const COMMANDS: readonly Spec[] = [...TOP_COMMANDS, ...SCHEMA_COMMANDS, ...MIGRATE_COMMANDS];

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
