import { Option } from "commander";
import type { Command as Action } from "../commands/environment.ts";
import { type Flags, requireDatabase } from "./spec.ts";

export const TRY = new Option(
  "--try",
  "run the plan of the declarative phase on a copy of the schema, without rows",
);

/** `slipway plan`, and of the declarative phase alone `slipway schema plan`. */
export async function loadPlan(flags: Flags, schemaOnly: boolean): Promise<Action> {
  const { planCommand } = await import("../commands/plan.ts");
  const options = { sql: flags["sql"] === true, schemaOnly, isTried: flags["try"] === true };
  return (environment) => planCommand(requireDatabase(environment), options);
}
