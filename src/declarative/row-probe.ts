import type { RunContext } from "../context.ts";
import type { Problem } from "../errors.ts";
import { adviceFor } from "../postgres/advice.ts";
import { hasSqlState, isServerError } from "../postgres/sqlstate.ts";

/** A question to the rows: those that it finds, forbid the change. */
export interface Probe {
  /** Where it would fail: `table app.orders`. */
  readonly at: string;
  /** What it would fail with. */
  readonly sqlstate: string;
  /** `constraint positive: rows break CHECK ((total > 0))`. */
  readonly message: string;
  /** Of the offending rows, one column `key` that names a row to a person. */
  readonly rows: string;
  /** Instead, where a table that the plan makes first is still missing. */
  readonly rowsWithout?: string;
}

/** Rows are not counted further. */
const COUNTED = 1_000;
const SAMPLES = 3;
/** A scan that takes longer is left to the statement itself. */
const PROBE_TIMEOUT_MS = 10_000;

/** The rows that a probe found, or what the server says to one of them. */
export interface Found {
  readonly rows: number;
  readonly samples: readonly string[];
  readonly sqlstate?: string;
}

/** Undefined where no row forbids the change, `unproven` where that took too long. */
export async function ask(context: RunContext, probe: Probe): Promise<Found | "unproven" | undefined> {
  const { session } = context;
  const count = async (rows: string): Promise<Found | undefined> => {
    await session.execute(`savepoint slipway_probe; set local statement_timeout = ${PROBE_TIMEOUT_MS}`);
    await session.execute(`set local lock_timeout = ${context.config.lockTimeoutMs}`);
    const [row] = await session.query<{ rows: number; samples: string[] }>(
      `select count(*)::int as rows, coalesce((pg_catalog.array_agg(key))[1:${SAMPLES}], '{}') as samples
         from (${rows} limit ${COUNTED}) as found (key)`,
    );
    return row === undefined || row.rows === 0 ? undefined : row;
  };
  const undo = (): Promise<unknown> => session.execute("rollback to savepoint slipway_probe");
  try {
    const found = await count(probe.rows);
    await undo();
    return found;
  } catch (error) {
    if (!isServerError(error)) throw error;
    await undo();
    context.signal.throwIfAborted();
    const { rowsWithout, ...rest } = probe;
    if (hasSqlState(error, NO_TABLE) && rowsWithout !== undefined)
      return ask(context, { ...rest, rows: rowsWithout });
    if (VALUES_REFUSED.test(error.code)) {
      // Refused without a row as well, the definition itself speaks of a value that the plan adds to its enum.
      const isOfRows = await isReadable(context, probe.rows);
      return isOfRows ? { rows: 1, samples: [error.message], sqlstate: error.code } : undefined;
    }
    if (hasSqlState(error, OUT_OF_TIME)) return "unproven";
    // It speaks of what the plan makes first, or of what only the statement itself can know.
    return undefined;
  }
}

/** True where the question can be put at all: it fails, if it does, at a row. */
async function isReadable({ session }: RunContext, rows: string): Promise<boolean> {
  await session.execute("savepoint slipway_probe");
  try {
    await session.execute(`select from (${rows}) as found (key) limit 0`);
    return true;
  } catch (error) {
    if (!isServerError(error)) throw error;
    return false;
  } finally {
    await session.execute("rollback to savepoint slipway_probe");
  }
}

/** Class 22, "data exception", but for what arithmetic in a check may say of rows that are in order. */
const VALUES_REFUSED = /^22(?!012)/;
const NO_TABLE: ReadonlySet<string> = new Set(["42P01", "3F000"]);
const OUT_OF_TIME: ReadonlySet<string> = new Set(["57014", "55P03"]);

export function toProblem(probe: Probe, { rows, samples, sqlstate }: Found): Problem {
  const state = sqlstate ?? probe.sqlstate;
  const many = rows >= COUNTED ? `${COUNTED} or more` : `${rows}`;
  const hint = adviceFor(state);
  return {
    at: probe.at,
    message:
      sqlstate === undefined
        ? `${probe.message}: ${state}, ${many} ${rows === 1 ? "row" : "rows"}: ${samples.join(", ")}`
        : `${probe.message}: ${state} ${samples.join(", ")}`,
    ...(hint === undefined ? {} : { hint }),
  };
}
