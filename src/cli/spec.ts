import { Option } from "commander";
import type { Command as Action, Environment } from "../commands/environment.ts";
import type { DatabaseEnvironment } from "../commands/session.ts";
import type { Config } from "../config/config.ts";
import { SlipwayError } from "../errors.ts";

/** As commander gives them: `--dry-run` is `dryRun`. */
export type Flags = Record<string, string | boolean | undefined>;

/** A command as the command line and its help know it. */
export interface Spec {
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

export const YES = new Option("--yes", "do not ask");
export const DRY_RUN = new Option("--dry-run", "show what would be done, do nothing");

/** Commands that are not offline were parsed with `needsDatabase`, which makes the target certain. */
export function requireDatabase(environment: Environment<Config>): DatabaseEnvironment {
  const { database } = environment.config;
  if (database === undefined) throw new Error("the configuration has no database");
  return { ...environment, config: { ...environment.config, database } };
}

/** `3`, or the name of the migration's file: `003_add_index`. */
export function readVersion(text: string): bigint {
  const [, digits] = /^(\d+)(?:_.*)?$/s.exec(text) ?? [];
  if (digits !== undefined) return BigInt(digits);
  throw new SlipwayError("USAGE", `a version is a number, not "${text}"`, {
    next: "see `slipway migrate status`",
  });
}
