import type { Session } from "./session.ts";

/**
 * Brings the session back to how it was at connect, so that nothing of one file reaches the next.
 *
 * RESET ALL does not undo SET ROLE, and DISCARD ALL would let go of the advisory lock and of sequences'
 * state; hence one by one (PostgreSQL manual, DISCARD). What slipway set at connect stands in the startup
 * packet, which is what RESET ALL returns to.
 */
export const RESET: readonly string[] = [
  "reset session authorization",
  "reset role",
  "reset all",
  "discard temp",
  "discard plans",
  "deallocate all",
  "close all",
  "unlisten *",
];

export async function resetSession(session: Session): Promise<void> {
  await session.rollback();
  await session.execute(RESET.join("; "));
}
