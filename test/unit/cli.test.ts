import { expect, test } from "vitest";
import { type Invocation, parseCommandLine } from "../../src/cli/cli.ts";
import type { Environment } from "../../src/commands/environment.ts";
import { flagKey, SETTINGS_LIST } from "../../src/config/settings.ts";
import { SlipwayError } from "../../src/errors.ts";
import { RELEASE } from "../../src/release.ts";

/** Every command there is, with an argument where it takes one. */
const COMMANDS = [
  "run",
  "plan",
  "status",
  "wait",
  "config",
  "lint",
  "schema plan",
  "schema apply",
  "schema compile",
  "schema validate",
  "schema status",
  "schema dump --out there",
  "schema approve 0d6c5b1f3a2e4987",
  "migrate up",
  "migrate down",
  "migrate redo",
  "migrate goto 3",
  "migrate status",
  "migrate verify",
  "migrate create add_customers",
  "migrate retry 3",
  "migrate resolve 3 --as-applied",
  "migrate baseline 3",
  "migrate adopt",
  "serve",
  "reset",
];

interface Parsed {
  readonly invocation: Invocation | undefined;
  readonly printed: string;
}

async function parse(line: string): Promise<Parsed> {
  let printed = "";
  const argv = line === "" ? [] : line.split(" ");
  const invocation = await parseCommandLine(argv, (text) => {
    printed += text;
  });
  return { invocation, printed };
}

async function invocationOf(line: string): Promise<Invocation> {
  const { invocation } = await parse(line);
  if (invocation === undefined) throw new Error(`${line} asks for nothing to be done`);
  return invocation;
}

async function errorOf(line: string): Promise<SlipwayError> {
  try {
    await parse(line);
  } catch (error) {
    if (error instanceof SlipwayError) return error;
    throw error;
  }
  throw new Error(`${line} was understood`);
}

/** The words of a command without its argument. */
const nameOf = (command: string): string =>
  command
    .split(" ")
    .slice(0, /^(schema|migrate)/.test(command) ? 2 : 1)
    .join(" ");

test("help lists every command, the whole of it", async () => {
  const { invocation, printed } = await parse("--help");
  const groups = await Promise.all([parse("migrate --help"), parse("schema --help")]);

  expect(invocation).toBeUndefined();
  const listed = [printed, ...groups.map((group) => group.printed)].flatMap((help, index) => {
    const group = ["", "migrate ", "schema "][index] ?? "";
    return [...help.matchAll(/^ {2}([a-z]+) .*\S$/gm)].map(([, word]) => `${group}${word}`);
  });
  const expected = [...COMMANDS.map(nameOf), "migrate", "schema", "help", "migrate help", "schema help"];
  expect(listed.toSorted()).toEqual(expected.toSorted());
});

test.each(COMMANDS)(
  "the help of `slipway %s` has an example that slipway itself understands",
  async (command) => {
    const name = nameOf(command);

    const { invocation, printed } = await parse(`${name} --help`);

    expect(invocation).toBeUndefined();
    const [, example = ""] = /\nExample:\n {2}\$ slipway (.+)\n/.exec(printed) ?? [];
    expect(nameOf(example)).toBe(name);
    await expect(invocationOf(example)).resolves.toBeDefined();
  },
);

test.each(COMMANDS)("the help of `slipway %s` names every setting, by flag and variable", async (command) => {
  const { printed } = await parse(`${nameOf(command)} --help`);

  const text = printed.replaceAll(/\s+/g, " ");
  for (const { flag, env } of SETTINGS_LIST) {
    expect(text).toContain(flag);
    expect(text).toContain(`[${env}]`);
  }
});

test.each(["--version", "-V"])("%s prints the release", async (flag) => {
  const { invocation, printed } = await parse(flag);

  expect(invocation).toBeUndefined();
  expect(printed).toBe(`${RELEASE}\n`);
});

test.each(COMMANDS)("`slipway %s` is something to do", async (command) => {
  const invocation = await invocationOf(command);

  expect(invocation.perform).toBeTypeOf("function");
  expect(invocation.json).toBe(false);
});

const OFFLINE = new Set(["config", "lint", "migrate create", "schema compile"]);
test.each(COMMANDS)("`slipway %s` needs a database unless it can do without", async (command) => {
  const { needsDatabase } = await invocationOf(command);

  expect(needsDatabase).toBe(!OFFLINE.has(nameOf(command)));
});

const PRINTING = new Set([
  "run",
  "plan",
  "status",
  "wait",
  "config",
  "lint",
  "schema plan",
  "schema apply",
  "schema compile",
  "migrate up",
  "migrate down",
  "migrate redo",
  "migrate goto",
  "migrate status",
  "migrate verify",
  "schema validate",
  "schema status",
  "schema dump",
]);
test.each(COMMANDS)(
  "`slipway %s --json` works where it prints data, and is refused elsewhere",
  async (command) => {
    if (PRINTING.has(nameOf(command))) {
      await expect(invocationOf(`${command} --json`)).resolves.toMatchObject({ json: true });
    } else {
      await expect(errorOf(`${command} --json`)).resolves.toMatchObject({ code: "USAGE" });
    }
  },
);

const UNKNOWN: ReadonlyArray<readonly [line: string, message: RegExp]> = [
  ["--bogus", /unknown option '--bogus'/],
  ["run --bogus", /unknown option '--bogus'/],
  ["run extra", /too many arguments/],
  ["plan --check", /unknown option '--check'/],
  ["migrate bogus", /unknown command 'bogus'/],
  ["schema bogus", /unknown command 'bogus'/],
  ["migrate create", /missing required argument 'name'/],
  ["migrate create a b", /too many arguments/],
  ["migrate retry", /missing required argument 'version'/],
  ["schema approve", /missing required argument 'plan-id'/],
  ["schema dump", /give --out or --stdout/],
  ["schema dump --out there --stdout", /give --out or --stdout/],
  ["run --lock-wait", /argument missing/],
  ["migrate up --steps 0", /--steps must be a whole number above 0, not "0"/],
  ["migrate up --steps two", /--steps must be a whole number above 0, not "two"/],
  ["migrate up --steps -1", /--steps must be a whole number above 0, not "-1"/],
  ["migrate down --steps 1 --to 2", /--steps and --to .* give one of them/],
  ["migrate resolve 3", /say what you found: --as-applied, --as-pending or --accept-checksum/],
  ["migrate resolve 3 --as-applied --as-pending", /say what you found/],
  ["migrate down --steps 1.5", /--steps must be a whole number above 0, not "1.5"/],
];
test.each(UNKNOWN)("`slipway %s` is USAGE and says why in one line", async (line, message) => {
  const error = await errorOf(line);

  expect(error).toMatchObject({ code: "USAGE", exit: 2 });
  expect(error.message).toMatch(message);
  expect(error.message).not.toMatch(/\n|^error:/);
});

test.each(["bogus", "plna", "bogus --json"])(
  "`slipway %s` names the word that is no command",
  async (line) => {
    const error = await errorOf(line);

    expect(error.code).toBe("USAGE");
    expect(error.message).toContain(line.split(" ")[0]);
  },
);

test.each(["migrate", "schema"])(
  "`slipway %s` says in words that half of the command is missing",
  async (line) => {
    const error = await errorOf(line);

    expect(error.code).toBe("USAGE");
    expect(error.message).toContain(line);
    expect(error.message).not.toContain("outputHelp");
  },
);

test.each(["version=three", "version=", "fingerprint=12ab", "fingerprint=nothex00", "ready", ""])(
  "`slipway wait --for %s` is refused before anything is contacted",
  async (state) => {
    const error = await parseCommandLine(["wait", `--for=${state}`], () => undefined).catch(
      (thrown: unknown) => thrown,
    );

    expect(error).toMatchObject({ code: "USAGE" });
  },
);

test.each(["three", "1.5", "-1", "0x3"])(
  "`slipway migrate retry %s` is refused before anything is contacted",
  async (text) => {
    const { perform } = await invocationOf(`migrate retry -- ${text}`);
    const environment = { config: { database: {} } } as Environment;

    const attempt = async (): Promise<unknown> => perform(environment);

    await expect(attempt()).rejects.toMatchObject({
      code: "USAGE",
      message: `a version is a number, not "${text}"`,
    });
  },
);

const SUGGESTED: ReadonlyArray<readonly [line: string, meant: string]> = [
  ["migrate statsu", "status"],
  ["run --lock-wiat 5s", "--lock-wait"],
];
test.each(SUGGESTED)("`slipway %s` is refused with what was meant: %s", async (line, meant) => {
  const error = await errorOf(line);

  expect(error.message).toContain(`Did you mean ${meant}?`);
});

test("without a word, or with settings only, the command is run", async () => {
  const bare = await invocationOf("");
  const settings = await invocationOf("--lock-wait 5s --drift refuse");

  expect(bare.flags).toEqual({});
  expect(settings.flags).toEqual({ lockWait: "5s", drift: "refuse" });
});

const GIVEN: ReadonlyArray<readonly [line: string, flags: Readonly<Record<string, string | boolean>>]> = [
  ["run --migrations-path ./m --lock-wait 5s", { migrationsPath: "./m", lockWait: "5s" }],
  ["run --migrations-path=./m", { migrationsPath: "./m" }],
  ["run --schema-path=", { schemaPath: "" }],
  ["run --migrations-placeholders", { migrationsPlaceholders: true }],
  ["run --config deploy/slipway.yaml", { config: "deploy/slipway.yaml" }],
  ["run --json --approve 0d6c5b1f3a2e4987", { json: true, approve: "0d6c5b1f3a2e4987" }],
  ["plan --sql --drift warn", { sql: true, drift: "warn" }],
  ["status --check", { check: true }],
  ["migrate up --steps 2 --state-schema slipway", { steps: "2", stateSchema: "slipway" }],
  ["migrate create add_customers --migrations-path ./m", { migrationsPath: "./m" }],
  ["migrate create --migrations-path ./m add_customers", { migrationsPath: "./m" }],
  ["schema plan --lock-timeout 1s", { lockTimeout: "1s" }],
  ["reset --full --yes", { full: true, yes: true }],
];
test.each(GIVEN)("`slipway %s` hands its flags on", async (line, flags) => {
  expect((await invocationOf(line)).flags).toEqual(flags);
});

for (const setting of SETTINGS_LIST) {
  test(`${setting.flag} reaches the flags under the name that config looks for`, async () => {
    const value = setting.argument === undefined ? "" : " given";

    const { flags } = await invocationOf(`run ${setting.flag}${value}`);

    expect(flags).toEqual({ [flagKey(setting)]: setting.argument === undefined ? true : "given" });
  });
}

const VALUES: ReadonlyArray<readonly [line: string, flags: Readonly<Record<string, string | boolean>>]> = [
  ["run --state-schema plan", { stateSchema: "plan" }],
  ["--lock-wait 5s --migrations-path ./migrate", { lockWait: "5s", migrationsPath: "./migrate" }],
  ["--state-schema plan", { stateSchema: "plan" }],
  ["--config config", { config: "config" }],
];
test.each(VALUES)("`slipway %s`: the value of a flag is not taken for a command", async (line, flags) => {
  const invocation = await invocationOf(line);

  expect(invocation.flags).toEqual(flags);
});
