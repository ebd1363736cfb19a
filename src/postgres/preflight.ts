import { SlipwayError } from "../errors.ts";
import type { Log } from "../log/log.ts";
import { quoteIdent, quoteLiteral } from "../sql/quote.ts";
import { PINNED_NAMES, REPORTED } from "./client.ts";
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

const DIRECTLY =
  "use a URL that goes directly to the server (not PgBouncer, port 6432 or 6543, or a `-pooler` host)";

const PID = "select pg_catalog.pg_backend_pid() as pid";

const DROPPED = `
select name from pg_catalog.pg_settings
 where name = any ($1) and source <> 'client' order by name`;

/**
 * A pooler makes up the process id of the handshake. One that hands sessions out by the transaction shows in
 * one of two ways, by how it picks the next idle one: another connection meets our own backend (the last used
 * first, as PgBouncer does), or we ourselves meet another one (in turn, `server_round_robin`). A session lock
 * there would lock a stranger's session.
 */
async function requireDirect(session: Session, log: Log, signal: AbortSignal): Promise<void> {
  const pidOf = async (asked: Session): Promise<number | undefined> =>
    (await asked.query<{ pid: number }>(PID))[0]?.pid;
  const own = await pidOf(session);
  if (own === session.backendPid) return;
  const again = await pidOf(session);
  await using probe = await openSession(session.target, {
    applicationName: "slipway probe",
    statementTimeoutMs: 5_000,
    waitMs: 0,
    signal,
  });
  const other = await pidOf(probe);
  const last = await pidOf(session);
  if (other === own || again !== own || last !== own) {
    throw new SlipwayError(
      "UNSAFE_DATABASE",
      `a transaction pooler stands at ${session.target.describe}: connections share a backend there, so no session lock holds`,
      { next: DIRECTLY },
    );
  }
  requirePinned(session);
  const dropped = await session.query<{ name: string }>(DROPPED, [PINNED_NAMES]);
  log.warn(
    dropped.length === 0 ? {} : { dropped: dropped.map(({ name }) => name).join(", ") },
    "A connection pooler stands in front of the database; in session mode this works, directly is safer",
  );
}

/**
 * A pooler that drops the startup packet's settings (`ignore_startup_parameters`) leaves the session with the
 * role's and the database's own. Those that PostgreSQL writes constants by must be as everywhere else: the same
 * schema would read differently.
 */
function requirePinned(session: Session): void {
  for (const [name, wanted] of Object.entries(REPORTED)) {
    const found = session.parameter(name);
    if (found === wanted || (name === "TimeZone" && found === "Etc/UTC")) continue;
    throw new SlipwayError(
      "UNSAFE_DATABASE",
      `the connection pooler at ${session.target.describe} drops the settings of the session: ${name} is ${found} there, and must be ${wanted}`,
      {
        next: `${DIRECTLY}; or let the role bring it: alter role ${quoteIdent(session.target.user)} set ${name} = ${quoteLiteral(wanted)}`,
      },
    );
  }
}
