import type { Session } from "../postgres/session.ts";

/** Where slipway keeps its records, and as what it writes them. */
export interface Records {
  readonly session: Session;
  /** The schema's name as given, for messages. */
  readonly schemaName: string;
  /** The schema's name quoted for SQL. */
  readonly schema: string;
  readonly runId: string;
  /** slipway's own version. */
  readonly release: string;
  /** False before the first run: every question is then answered with nothing. */
  readonly exist: boolean;
}

/** The row that a statement with RETURNING or an aggregate must give. */
export function requireRow<Row>(rows: readonly Row[]): Row {
  const [row] = rows;
  if (row === undefined) throw new Error("a statement that always gives a row gave none");
  return row;
}
