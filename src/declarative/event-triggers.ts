import type { RunContext } from "../context.ts";

const ENABLED = `
select e.evtname || ' on ' || e.evtevent || ': ' || e.evtfoid::regprocedure as trigger
  from pg_catalog.pg_event_trigger e
 where e.evtenabled in ('O', 'A')
 order by e.evtname`;

/** Says which event triggers will run at every change: what they do to it, the plan doesn't show. */
export async function sayEventTriggers({ session, log }: RunContext): Promise<void> {
  const rows = await session.query<{ trigger: string }>(ENABLED);
  if (rows.length === 0) return;
  log.info(
    { eventTriggers: rows.map(({ trigger }) => trigger) },
    "Event triggers of the database run at every change",
  );
}
