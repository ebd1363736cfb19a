import { Option } from "commander";
import type { Resolution } from "../commands/migrate-mend.ts";
import type { MoveOptions } from "../commands/migrate-move.ts";
import { SlipwayError } from "../errors.ts";
import { DRY_RUN, type Flags, readVersion, requireDatabase, type Spec, YES } from "./spec.ts";

const STEPS = (what: string): Option => new Option("--steps <n>", what);
const TO = (what: string): Option => new Option("--to <version>", what);

/** What follows `slipway migrate`. */
export const MIGRATE_COMMANDS: readonly Spec[] = [
  {
    name: "migrate up",
    summary: "apply user migrations that are pending",
    example: "slipway migrate up --to 20",
    json: true,
    options: [STEPS("at most so many"), TO("none above this version"), DRY_RUN],
    load: async (flags) => {
      const { migrateUp } = await import("../commands/migrate-move.ts");
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
      const { migrateDown } = await import("../commands/migrate-move.ts");
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
      const { migrateRedo } = await import("../commands/migrate-move.ts");
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
      const { migrateGoto } = await import("../commands/migrate-move.ts");
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
      const { migrateStatus } = await import("../commands/migrate-status.ts");
      return (environment) => migrateStatus(requireDatabase(environment));
    },
  },
  {
    name: "migrate verify",
    summary: "hold files and ledger against each other; exit 35 or 3 when they don't agree",
    example: "slipway migrate verify --json",
    json: true,
    load: async () => {
      const { migrateVerify } = await import("../commands/migrate-verify.ts");
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
      const { migrateCreate } = await import("../commands/migrate-create.ts");
      return (environment) => migrateCreate(environment, name, { timestamp: flags["timestamp"] === true });
    },
  },
  {
    name: "migrate retry",
    summary: "have a failed migration tried again by the next run, from the step it failed at",
    example: "slipway migrate retry 3",
    argument: "<version>",
    load: async (_, version) => {
      const { migrateRetry } = await import("../commands/migrate-mend.ts");
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
      const { migrateResolve } = await import("../commands/migrate-mend.ts");
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
      const { migrateBaseline } = await import("../commands/migrate-baseline.ts");
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
      const { migrateAdopt } = await import("../commands/adopt.ts");
      const { table } = flags;
      const options = {
        dryRun: flags["dryRun"] === true,
        yes: flags["yes"] === true,
        ...(typeof table === "string" ? { table } : {}),
      };
      return (environment) => migrateAdopt(requireDatabase(environment), options);
    },
  },
];

function readSteps(value: string | boolean): number {
  const steps = Number(value);
  if (Number.isInteger(steps) && steps > 0) return steps;
  throw new SlipwayError("USAGE", `--steps must be a whole number above 0, not "${value}"`);
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
