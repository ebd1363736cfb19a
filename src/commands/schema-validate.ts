import { isClean, validate } from "../declarative/validate.ts";
import { ERRORS, SlipwayError } from "../errors.ts";
import { formatValidation } from "../report/validation-text.ts";
import { readSources } from "../source/sources.ts";
import { writeJson } from "./environment.ts";
import { withoutLock } from "./locked.ts";
import type { DatabaseEnvironment } from "./session.ts";

/**
 * `slipway schema validate`: what of the database differs from the files, and what was changed outside slipway
 * since the last apply. Exit 3 when there is any of it. Takes no lock and writes nothing.
 */
export async function schemaValidateCommand(environment: DatabaseEnvironment): Promise<number> {
  const { config, out } = environment;
  const sources = readSources(config);
  if (sources.schema === undefined) {
    throw new SlipwayError("CONFIG_INVALID", "there are no schema files to compare with", {
      next: "set SLIPWAY_SCHEMA_PATH to a folder that has schemas/",
    });
  }
  const validation = await withoutLock(environment, sources, validate);
  const clean = isClean(validation);
  if (environment.json) writeJson(out, { clean, ...validation });
  else out.write(formatValidation(validation));
  return clean ? 0 : ERRORS.PENDING.exit;
}
