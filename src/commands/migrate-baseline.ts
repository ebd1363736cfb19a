import type { RunContext } from "../context.ts";
import { toFileRecord } from "../phases/user.ts";
import { readLedger } from "../records/ledger.ts";
import { recordAsApplied } from "../records/mend.ts";
import { requireYes } from "./confirm.ts";
import { withLock, withoutLock } from "./locked.ts";
import { migrationSources, requireVersion } from "./migrate-files.ts";
import type { DatabaseEnvironment } from "./session.ts";

/** `slipway migrate baseline VERSION`: records everything up to it as applied without running it. */
export async function migrateBaseline(
  environment: DatabaseEnvironment,
  version: bigint,
  options: { readonly yes: boolean; readonly dryRun: boolean },
): Promise<number> {
  const { out, config } = environment;
  const sources = migrationSources(config);
  requireVersion(version, sources.migrations, []);
  const work = async ({ records, session }: RunContext): Promise<number> => {
    const rows = new Map((await readLedger(records)).map((row) => [row.version, row]));
    const below = sources.migrations.filter(
      (migration) => migration.version <= version && rows.get(migration.version)?.status !== "applied",
    );
    if (below.length === 0) {
      out.write(`Everything up to ${version} is recorded as applied\n`);
      return 0;
    }
    out.write(
      `These are recorded as applied, and not run:\n${below.map(({ name }) => `  ${name}\n`).join("")}`,
    );
    if (options.dryRun) return 0;
    const where = config.database.describe;
    await requireYes(
      environment,
      options.yes,
      `This records ${below.length} migrations as applied at ${where}`,
    );
    await session.transaction(() =>
      recordAsApplied(records, below.map(toFileRecord), "baseline", `baseline ${version}`),
    );
    return 0;
  };
  return options.dryRun ? withoutLock(environment, sources, work) : withLock(environment, sources, work);
}
