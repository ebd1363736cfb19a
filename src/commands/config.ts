import { renderConfig } from "../config/render.ts";
import { formatTable } from "../report/table.ts";
import { type Environment, writeJson } from "./environment.ts";

/** `slipway config`: what is in force and where each value came from; secrets masked. */
export async function configCommand(environment: Environment): Promise<number> {
  const rows = renderConfig(environment.config);
  if (environment.json) writeJson(environment.out, rows);
  else {
    environment.out.write(
      formatTable(
        ["setting", "value", "from"],
        rows.map((row) => [row.name, row.value, row.origin]),
      ),
    );
  }
  return 0;
}
