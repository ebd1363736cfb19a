import type { ConfigWithDatabase } from "../config/config.ts";
import { openSession } from "../postgres/connect.ts";
import type { Session } from "../postgres/session.ts";
import { findLayout, type RecordsUse } from "../records/install.ts";
import type { Records } from "../records/records.ts";
import { RELEASE } from "../release.ts";
import { quoteIdent } from "../sql/quote.ts";
import type { Environment } from "./environment.ts";

export type DatabaseEnvironment = Environment<ConfigWithDatabase>;

/** `slipway/0.1.0 shop-7d9f 0192f3c1`: what a person sees in pg_stat_activity. At most 63 bytes count. */
export function applicationName(environment: Environment, runId: string): string {
  return `slipway/${RELEASE} ${environment.pod.slice(-36)} ${runId.slice(-8)}`;
}

/**
 * The session of a command, once the server is up. A stop signal cancels whatever statement is at work
 * on it. `beforeWaiting` may throw: what is wrong with the files is said before minutes are spent.
 */
export async function openCommandSession(
  environment: DatabaseEnvironment,
  runId: string,
  beforeWaiting?: () => Promise<unknown>,
): Promise<Session> {
  const { config, log, signal } = environment;
  const session = await openSession(config.database, {
    applicationName: applicationName(environment, runId),
    statementTimeoutMs: config.statementTimeoutMs,
    waitMs: config.connectWaitMs,
    signal,
    onWait: async ({ reason, elapsedMs, waitMs }) => {
      await beforeWaiting?.();
      log.info(
        { reason, waitedSeconds: Math.round(elapsedMs / 1_000), ofSeconds: Math.round(waitMs / 1_000) },
        "Waiting for the database to accept connections...",
      );
    },
  });
  const cancel = (): void => {
    if (session.busy) void session.cancel();
  };
  signal.addEventListener("abort", cancel, { once: true });
  session.onNotice((notice) => {
    const level = notice.severity === "WARNING" ? "warn" : "debug";
    log[level]({ code: notice.code, severity: notice.severity }, notice.message);
  });
  return session;
}

/** The records as they are, without making any. */
export async function openRecords(
  session: Session,
  config: ConfigWithDatabase,
  runId: string,
  use: RecordsUse = "write",
): Promise<Records> {
  const records: Records = {
    session,
    schemaName: config.stateSchema,
    schema: quoteIdent(config.stateSchema),
    runId,
    release: RELEASE,
    exist: false,
  };
  return { ...records, exist: (await findLayout(records, use)) > 0 };
}
