import type { Conclusion } from "./environment.ts";
import { runCommand } from "./run.ts";
import type { DatabaseEnvironment } from "./session.ts";

/** `slipway schema apply`: a run without the user phase. */
export function applyCommand(environment: DatabaseEnvironment): Promise<Conclusion> {
  return runCommand({ ...environment, config: { ...environment.config, migrationsPath: undefined } });
}
