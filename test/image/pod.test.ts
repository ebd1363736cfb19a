import { expect, inject, type TestContext } from "vitest";
import { type Manifest, pick, render } from "../support/chart.ts";
import { onImage } from "../support/container.ts";
import { openTestDatabase, type TestDatabase } from "../support/database.ts";
import { writeFolder } from "../support/folder.ts";
import { findBackend, GATE, openGate, openGated } from "../support/gate.ts";
import { NO_KUBE_TOOLS } from "../support/kube-tools.ts";
import { type Attempt, type Pod, startPod } from "../support/pod.ts";
import type { TestServer } from "../support/server.ts";
import { waitFor } from "../support/wait.ts";

/** One test of what the chart renders, run as the kubelet would. */
function onPods(
  name: string,
  body: (server: TestServer, shop: (values: object) => Promise<Release>) => Promise<void>,
): void {
  onImage(
    name,
    async (image, context: TestContext) => {
      context.skip(NO_KUBE_TOOLS !== "", NO_KUBE_TOOLS);
      const [server] = inject("servers");
      if (server === undefined) throw new Error("there is no server");
      await body(server, (values) => release(image, values));
    },
    120_000,
  );
}

interface Release {
  readonly manifests: readonly Manifest[];
  startApp(name: string, around: Around): Pod;
  startJob(name: string, around: Around): Pod;
}

interface Around {
  readonly secrets: Readonly<Record<string, string>>;
  readonly claims?: Readonly<Record<string, string>>;
}

/** The chart with an app that asks the database how it stands, and ends. */
async function release(image: string, values: object): Promise<Release> {
  const [repository = "", tag = ""] = image.split(":");
  const manifests = await render({
    values: {
      image: { repository, tag },
      database: { existingSecret: "shop-database" },
      app: {
        image,
        args: ["status", "--json"],
        env: [{ name: "DATABASE_URL", valueFrom: { secretKeyRef: { name: "shop-app", key: "url" } } }],
      },
      ...values,
    },
  });
  const start = (kind: string, name: string, { secrets, claims = {} }: Around): Pod =>
    startPod({
      template: pick(manifests, kind)["spec"].template,
      name,
      configMaps: manifests.filter((manifest) => manifest.kind === "ConfigMap"),
      secrets: Object.entries(secrets).map(([secret, url]) => ({
        metadata: { name: secret },
        stringData: { url },
      })),
      claims,
    });
  return {
    manifests,
    startApp: (name, around) => start("Deployment", name, around),
    startJob: (name, around) => start("Job", name, around),
  };
}

const credentials = ({ url }: TestDatabase): Around => ({
  secrets: { "shop-database": url, "shop-app": url },
});

const summary = (attempts: readonly Attempt[]): readonly string[] =>
  attempts.map(({ container, exitCode, message }) => `${container} ${exitCode} ${message.split("\n")[0]}`);

const COMPLETED = "slipway 0 Database schema management completed";
const NO_SCHEMA = { schema: { enabled: false } };

onPods(
  "an app pod: the init container applies what the ConfigMap holds, then the app starts",
  async (server, shop) => {
    await using database = await openTestDatabase(server);
    const { startApp } = await shop({
      migrations: {
        inline: { "1_a.up.sql": "create table public.a ();", "2_b.up.sql": "create table public.b ();" },
      },
    });
    await using pod = startApp("shop-1", credentials(database));
    const first = await pod.end;
    await using again = startApp("shop-2", credentials(database));

    const second = await again.end;

    expect(summary(first.attempts)).toEqual([COMPLETED, "app 0 Done"]);
    expect(JSON.parse(first.attempts[1]?.stdout ?? "")).toMatchObject({
      migrations: { version: "2", applied: 2 },
    });
    expect(second.attempts[0]?.lines.map(({ msg }) => msg)).toEqual([
      "Everything is up to date",
      "Database schema management completed",
    ]);
    expect(await database.value("select count(*)::int from migrations.app_log")).toBe(2);
    expect(await database.value("select pod from migrations.runs")).toBe("shop-1");
  },
);

onPods(
  "an init container that is terminated, then killed, is started again: the app waits, and all is applied once",
  async (server, shop) => {
    await using database = await openGated(server);
    const { startApp } = await shop({
      ...NO_SCHEMA,
      migrations: { inline: { "1_a.up.sql": "create table public.a ();", "2_slow.up.sql": GATE } },
    });
    await using pod = startApp("shop-1", credentials(database));

    const first = await waitFor(() => findBackend(database, "pg_sleep"), 30_000);
    pod.signal("TERM");
    const second = await waitFor(async () => {
      const backend = await findBackend(database, "pg_sleep");
      return backend === first ? undefined : backend;
    }, 30_000);
    pod.signal("KILL");
    // The server finds out that nobody is there any more.
    await waitFor(async () => {
      const backend = await findBackend(database, "pg_sleep");
      return backend !== undefined && backend !== second;
    }, 60_000);
    await openGate(database);
    const { attempts } = await pod.end;

    expect(attempts.map(({ container, exitCode }) => `${container} ${exitCode}`)).toEqual([
      "slipway 143",
      "slipway 137",
      "slipway 0",
      "app 0",
    ]);
    expect(attempts[0]?.message).toMatch(
      /^INTERRUPTED \(exit 143\): .*\n\{"code":"INTERRUPTED","exit":143,"runId":"[0-9a-f-]{36}"\}\n$/,
    );
    expect(attempts[1]?.message).toBe("");
    expect(await database.value("select count(*)::int from gate.passed")).toBe(1);
    expect(await database.query("select status from migrations.runs order by started_at")).toEqual([
      { status: "interrupted" },
      { status: "abandoned" },
      { status: "done" },
    ]);
  },
);

onPods(
  "two pods at once on one claim, with leftovers of its file system: each migration runs once, both apps start",
  async (server, shop) => {
    await using database = await openTestDatabase(server);
    const claim = writeFolder({
      "1_a.up.sql": "create table public.a ();",
      "2_b.up.sql": "create index concurrently on public.a ((1));",
      "3_c.up.sql": "insert into public.a default values;",
      "lost+found/.keep": "",
      "._3_c.up.sql": "not sql",
    });
    const { startApp } = await shop({
      ...NO_SCHEMA,
      config: { database: { userMigrationsPath: "/migrations/user" } },
      migrationsPersistence: { enabled: true, existingClaim: "shop-files" },
    });
    const around = { ...credentials(database), claims: { "shop-files": claim } };
    await using one = startApp("shop-1", around);
    await using two = startApp("shop-2", around);

    const ends = await Promise.all([one.end, two.end]);

    expect(ends.map(({ attempts }) => summary(attempts))).toEqual([
      [COMPLETED, "app 0 Done"],
      [COMPLETED, "app 0 Done"],
    ]);
    expect(await database.value("select count(*)::int from public.a")).toBe(1);
    expect(await database.query("select version::int, attempts from migrations.app order by 1")).toEqual([
      { version: 1, attempts: 1 },
      { version: 2, attempts: 1 },
      { version: 3, attempts: 1 },
    ]);
  },
);

onPods(
  "beside a Job the app waits with a login that may only read, and starts when the Job is done",
  async (server, shop) => {
    await using database = await openTestDatabase(server);
    const reader = await database.createRole();
    await database.query(`grant pg_read_all_data to ${reader.name}`);
    const values = {
      mode: "job",
      wait: { existingSecret: "shop-reader", timeout: "1m" },
      schema: {
        inline: {
          "bootstrap.sql": "create schema if not exists shop;",
          "schemas/10_shop.sql": "create table shop.products (id bigint primary key);",
        },
      },
      migrations: { inline: { "1_a.up.sql": "insert into shop.products values (1);" } },
    };
    const { startApp, startJob } = await shop(values);
    const around: Around = { secrets: { ...credentials(database).secrets, "shop-reader": reader.url } };
    await using app = startApp("shop-1", around);
    await using job = startJob("shop-run-1", around);

    const [waited, ran] = await Promise.all([app.end, job.end]);

    expect(summary(ran.attempts)).toEqual([COMPLETED]);
    expect(summary(waited.attempts)).toEqual(["slipway-wait 0 The database is ready", "app 0 Done"]);
    expect(await database.value("select count(*)::int from shop.products")).toBe(1);
  },
);

onPods(
  "a Job whose migration fails: its pod ends, and the waiting pod tells of it in the same words",
  async (server, shop) => {
    await using database = await openTestDatabase(server);
    const { startApp, startJob } = await shop({
      ...NO_SCHEMA,
      mode: "job",
      migrations: { inline: { "1_bad.up.sql": "create table public.a (b nonsense);" } },
    });
    await using job = startJob("shop-run-1", credentials(database));
    const failed = await job.end;
    await using app = startApp("shop-1", credentials(database));
    const told = await waitFor(() => app.first(), 30_000);

    expect(failed.attempts.map(({ exitCode }) => exitCode)).toEqual([30]);
    expect(told).toMatchObject({ container: "slipway-wait", exitCode: 30 });
    expect(told.message).toMatch(
      /1_bad\.up\.sql:1:\d+: 42704 type "nonsense" does not exist\. Next: correct 1_bad\.up\.sql/,
    );
  },
);
