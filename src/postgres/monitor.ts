import { setTimeout as sleep } from "node:timers/promises";
import { openSession } from "./connect.ts";
import type { Session } from "./session.ts";

const WITHIN_MS = 3_000;

/**
 * Asks the server about a session that is busy with a statement: over a second connection, open only while
 * it asks, so that a run has one connection except in such a moment. It holds no transaction, which a
 * concurrent index build would wait for.
 *
 * Best effort: no free connection slot, no right to see and no network all give undefined, after 3 s at most.
 */
export async function askBeside<T>(
  session: Session,
  ask: (monitor: Session) => Promise<T>,
): Promise<T | undefined> {
  const asking = openAndAsk(session, ask).catch(() => undefined);
  return Promise.race([asking, sleep(WITHIN_MS, undefined, { ref: false })]);
}

async function openAndAsk<T>(session: Session, ask: (monitor: Session) => Promise<T>): Promise<T> {
  await using monitor = await openSession(session.target, {
    applicationName: "slipway monitor",
    statementTimeoutMs: 2_000,
    waitMs: 0,
    signal: session.closed,
  });
  return await ask(monitor);
}
