import { Option } from "commander";
import type { Command as Action } from "../commands/environment.ts";
import type { LintFormat } from "../commands/lint.ts";
import type { WaitFor } from "../commands/wait-target.ts";
import { SlipwayError } from "../errors.ts";
import { loadPlan, TRY } from "./plan.ts";
import { type Flags, readVersion, requireDatabase, type Spec, YES } from "./spec.ts";

/** The commands of one word. */
export const TOP_COMMANDS: readonly Spec[] = [
  {
    name: "run",
    summary: "bootstrap, declarative schema, user migrations (the default command)",
    example: "slipway run --migrations-path ./migrations",
    json: true,
    load: async () => {
      const { runCommand } = await import("../commands/run.ts");
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
      const { statusCommand } = await import("../commands/status.ts");
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
      const { waitCommand } = await import("../commands/wait.ts");
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
    load: async () => (await import("../commands/config.ts")).configCommand,
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
    name: "serve",
    summary: "admin API and status page, until it is told to stop",
    example: "slipway serve --api-tokens-file ./tokens --listen 127.0.0.1:8080",
    options: [new Option("--insecure-no-auth", "let everybody do everything; on loopback only")],
    load: async (flags) => {
      const { serveCommand } = await import("../serve/command.ts");
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
      const { resetCommand } = await import("../commands/reset.ts");
      const options = { full: flags["full"] === true, yes: flags["yes"] === true };
      return (environment) => resetCommand(requireDatabase(environment), options);
    },
  },
];

async function loadLint(flags: Flags): Promise<Action> {
  const { lintCommand } = await import("../commands/lint.ts");
  const after = flags["after"] === undefined ? undefined : readVersion(String(flags["after"]));
  const format = flags["json"] === true ? "json" : (flags["format"] as LintFormat);
  return (environment) => lintCommand(environment, { format, after, offline: flags["offline"] === true });
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
