import { SlipwayError } from "../errors.ts";
import type { Log } from "../log/log.ts";
import { openSession } from "./connect.ts";
import type { Session } from "./session.ts";

const OLDEST_MAJOR = 14;
const NEWEST_MAJOR = 18;

/**
 * Throws UNSAFE_DATABASE where a run could not keep its promises: a standby, a server too old, or a
 * pooler that hands our session to others. Most is known from the handshake and costs no question.
 */
export async function requireSafeDatabase(session: Session, log: Log, signal: AbortSignal): Promise<void> {
  requireServer(session, log);
  requirePrimary(session);
  await requireDirect(session, log, signal);
}

function requireServer(session: Session, log: Log): void {
  const version = session.parameter("server_version");
  if (session.serverMajor < OLDEST_MAJOR) {
    throw new SlipwayError(
      "UNSAFE_DATABASE",
      `PostgreSQL ${version} is older than the oldest supported, ${OLDEST_MAJOR}`,
      {
        next: `upgrade the server to PostgreSQL ${OLDEST_MAJOR} or newer`,
      },
    );
  }
  if (session.serverMajor > NEWEST_MAJOR) {
    log.warn(
      { server: version, tested: NEWEST_MAJOR },
      "The server is newer than what this release was tested with",
    );
  }
  if (session.parameter("standard_conforming_strings") === "off") {
    throw new SlipwayError(
      "UNSAFE_DATABASE",
      "standard_conforming_strings is off: literals would mean something else",
      {
        next: "set standard_conforming_strings = on for the role and the database",
      },
    );
  }
}

function requirePrimary(session: Session): void {
  const { describe } = session.target;
  if (session.parameter("in_hot_standby") === "on") {
    throw new SlipwayError("UNSAFE_DATABASE", `the server at ${describe} is a read-only standby`, {
      next: "point DATABASE_URL to the primary",
    });
  }
  if (session.parameter("default_transaction_read_only") === "on") {
    throw new SlipwayError(
      "UNSAFE_DATABASE",
      `transactions at ${describe} are read-only (default_transaction_read_only)`,
      {
        next: "alter database or alter role … set default_transaction_read_only = off",
      },
    );
  }
}

const PID = "select pg_catalog.pg_backend_pid() as pid";

/**
 * A pooler makes up the process id of the handshake. When, besides, another connection meets our own
 * backend while we are idle, the pool hands sessions out by the transaction: a session lock there would
 * lock a stranger's session.
 */
async function requireDirect(session: Session, log: Log, signal: AbortSignal): Promise<void> {
  const [own] = await session.query<{ pid: number }>(PID);
  if (own === undefined || own.pid === session.backendPid) return;
  await using probe = await openSession(session.target, {
    applicationName: "slipway probe",
    statementTimeoutMs: 5_000,
    waitMs: 0,
    signal,
  });
  const [other] = await probe.query<{ pid: number }>(PID);
  const [again] = await session.query<{ pid: number }>(PID);
  if (other?.pid === own.pid || again?.pid !== own.pid) {
    throw new SlipwayError(
      "UNSAFE_DATABASE",
      `a transaction pooler stands at ${session.target.describe}: two connections met the same backend, so no session lock holds there`,
      {
        next: "use a URL that goes directly to the server (not PgBouncer, port 6432 or 6543, or a `-pooler` host)",
      },
    );
  }
  log.warn(
    "A connection pooler stands in front of the database; in session mode this works, directly is safer",
  );
}
