import { Option } from "commander";
import type { SchemaDumpOptions } from "../commands/schema-dump.ts";
import { SlipwayError } from "../errors.ts";
import { loadPlan, TRY } from "./plan.ts";
import { type Flags, requireDatabase, type Spec } from "./spec.ts";

/** What follows `slipway schema`. */
export const SCHEMA_COMMANDS: readonly Spec[] = [
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
      const { applyCommand } = await import("../commands/schema-apply.ts");
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
      const { compileCommand } = await import("../commands/schema-compile.ts");
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
      const { approveCommand } = await import("../commands/schema.ts");
      return (environment) => approveCommand(requireDatabase(environment), planId);
    },
  },
  {
    name: "schema validate",
    summary: "what differs from the files, and what was changed outside slipway; exit 3 for either",
    example: "slipway schema validate --json",
    json: true,
    load: async () => {
      const { schemaValidateCommand } = await import("../commands/schema-validate.ts");
      return (environment) => schemaValidateCommand(requireDatabase(environment));
    },
  },
  {
    name: "schema status",
    summary: "what is recorded of the declarative schema, and whether it drifted",
    example: "slipway schema status",
    json: true,
    load: async () => {
      const { schemaStatusCommand } = await import("../commands/schema-status.ts");
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
      const { schemaDumpCommand } = await import("../commands/schema-dump.ts");
      const options = readDumpOptions(flags);
      return (environment) => schemaDumpCommand(requireDatabase(environment), options);
    },
  },
];

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
