import { namesIn, runBootstrapScript } from "../bootstrap/script.ts";
import type { RunContext } from "../context.ts";
import { retryLocked, sayRetry } from "../postgres/retry.ts";
import { readBootstrapSignature } from "../postgres/signature.ts";
import { findBootstrapState, recordBootstrap } from "../records/bootstrap-state.ts";
import type { Script } from "../sql/script.ts";
import type { Phase, PhaseResult } from "./phase.ts";

/** Why bootstrap.sql is to run; undefined when it is not. */
export interface BootstrapPlan {
  readonly script: Script;
  readonly reason: "first run" | "file changed" | "server changed" | undefined;
}

/**
 * Runs bootstrap.sql: roles, schemas, extensions and default privileges that later phases take for
 * granted. It runs when the file or what it makes changed; a restored backup, for instance, carries
 * slipway's records but not the roles of the cluster.
 */
export const bootstrapPhase: Phase<BootstrapPlan | undefined> = {
  name: "bootstrap",

  async plan(context) {
    const { bootstrap } = context.sources;
    if (bootstrap === undefined) return undefined;
    const state = await findBootstrapState(context.records);
    if (state === undefined) return { script: bootstrap.script, reason: "first run" };
    if (state.hash !== bootstrap.hash) return { script: bootstrap.script, reason: "file changed" };
    const signature = await readBootstrapSignature(context.session, state.names);
    return { script: bootstrap.script, reason: signature === state.signature ? undefined : "server changed" };
  },

  pendingOf(plan) {
    return plan?.reason === undefined ? [] : [`bootstrap.sql is to run: ${plan.reason}`];
  },

  async apply(context, plan) {
    if (plan?.reason === undefined)
      return { outcome: plan === undefined ? "skipped" : "unchanged", changes: 0 };
    const { session, log, signal } = context;
    const { lockTimeoutMs } = context.config;
    log.info("Running bootstrap SQL...");
    context.observe({ kind: "step", phase: "bootstrap", what: "bootstrap.sql", step: 1, steps: 1 });
    await retryLocked(session, { what: "bootstrap", lockTimeoutMs, signal, onRetry: sayRetry(log) }, () =>
      session.transaction(() => runAndRecord(context, plan.script)),
    );
    log.info("Bootstrap completed successfully");
    return { outcome: "applied", changes: 1, message: plan.reason } satisfies PhaseResult;
  },
};

async function runAndRecord(context: RunContext, script: Script): Promise<void> {
  const { session, records, sources, log, config } = context;
  await session.execute(`set local lock_timeout = ${config.lockTimeoutMs}`);
  await runBootstrapScript(session, script, log);
  await session.execute("reset role; reset search_path");
  const names = await presentNames(context, namesIn(script));
  const signature = await readBootstrapSignature(session, names);
  await recordBootstrap(records, { hash: sources.bootstrap?.hash ?? "", names, signature });
}

const PRESENT_NAMES = `
select wanted.name from pg_catalog.unnest($1::text[]) wanted(name)
 where exists (select from pg_catalog.pg_roles where rolname = wanted.name)
    or exists (select from pg_catalog.pg_namespace where nspname = wanted.name)
    or exists (select from pg_catalog.pg_extension where extname = wanted.name)`;

async function presentNames(context: RunContext, names: readonly string[]): Promise<string[]> {
  const rows = await context.session.query<{ name: string }>(PRESENT_NAMES, [names]);
  return rows.map((row) => row.name);
}
