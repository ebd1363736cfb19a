import { expect, inject, test } from "vitest";
import { openTestDatabase } from "../support/database.ts";
import { type Files, writeFiles, writeFolder } from "../support/folder.ts";
import { messagesOf, runSlipway, type SlipwayProcess, startSlipway } from "../support/slipway.ts";

const PODS = 50;
const NEW = 20;

/** How long fifty take on a machine that does other work is not the question. */
const PATIENT = { SLIPWAY_LOCK_WAIT: "3m", SLIPWAY_CONNECT_WAIT: "1m" };

/** Some of them are not to be run twice, some can't be in a transaction. */
const migrationOf = (number: number): Files => ({
  [`${number}_m.up.sql`]:
    number % 5 === 0
      ? `create index concurrently ran_${number} on public.ran (n);`
      : `insert into public.ran values (${number});`,
});

test("fifty pods of a release with twenty migrations start at once: each migration runs once, each pod exits 0", async () => {
  const [server] = inject("servers");
  if (server === undefined) throw new Error("there is no server");
  await using database = await openTestDatabase(server);
  const migrations = writeFolder({ "1_first.up.sql": "create table public.ran (n int);" });
  const options = { database, schema: "", migrations, timeoutMs: 200_000, env: PATIENT };
  expect(await runSlipway(["run"], options)).toExit(0);
  for (let number = 2; number < 2 + NEW; number += 1) writeFiles(migrations, migrationOf(number));

  await using pods = new AsyncDisposableStack();
  const running = Array.from(
    { length: PODS },
    (_, index): SlipwayProcess =>
      pods.use(startSlipway(["run"], { ...options, env: { ...PATIENT, POD_NAME: `pod-${index}-of-fifty` } })),
  );
  let isOver = false;
  const most = sample();
  const results = await Promise.all(running.map((pod) => pod.result));
  isOver = true;

  for (const result of results) expect(result).toExit(0);
  const said = results.map((result) => messagesOf(result).includes("Migrations applied successfully"));
  expect(said.filter((hasApplied) => hasApplied)).toHaveLength(1);
  expect(await most).toMatchObject({ ofOne: 1 });
  expect(
    await database.query(
      "select count(*)::int as rows, count(distinct version)::int as versions, max(attempts) as attempts from migrations.app where status = 'applied'",
    ),
  ).toEqual([{ rows: 1 + NEW, versions: 1 + NEW, attempts: 1 }]);
  expect(await database.value("select count(*)::int from migrations.app_log where event = 'applied'")).toBe(
    1 + NEW,
  );
  expect(await database.value("select count(*)::int from public.ran")).toBe(NEW - 4);
  expect(
    await database.value("select bool_and(indisvalid) from pg_index where indrelid = 'public.ran'::regclass"),
  ).toBe(true);

  /** The most connections that one of them, and all of them, had at the same time. */
  async function sample(): Promise<{ readonly ofOne: number; readonly ofAll: number }> {
    let [ofOne, ofAll] = [0, 0];
    while (!isOver) {
      const rows = await database.query<{ count: number }>(
        `select count(*)::int as count from pg_stat_activity
          where application_name like 'slipway%' and datname = current_database() group by substring(application_name from 'pod-[0-9]+')`,
      );
      ofOne = Math.max(ofOne, ...rows.map(({ count }) => count));
      ofAll = Math.max(
        ofAll,
        rows.reduce((sum, { count }) => sum + count, 0),
      );
    }
    return { ofOne, ofAll };
  }
}, 300_000);
