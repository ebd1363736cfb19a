import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { DatabaseTarget, SslMode, SslSettings } from "../../../src/config/database.ts";
import { createClient, isTlsRefusal, tlsAttempts } from "../../../src/postgres/client.ts";
import { openSession } from "../../../src/postgres/connect.ts";

function targetOf(ssl: SslSettings, particulars: Partial<DatabaseTarget> = {}): DatabaseTarget {
  return {
    host: "db",
    port: 5432,
    user: "app",
    database: "shop",
    ssl,
    describe: "db:5432/shop as app",
    ...particulars,
  };
}

/** What is tried, in order: in clear, or with TLS that checks this much of the server's certificate. */
async function attemptsOf(target: DatabaseTarget): Promise<readonly string[]> {
  return (await tlsAttempts(target)).map((attempt) => {
    if (attempt === false) return "clear";
    if (attempt.rejectUnauthorized === false) return "unchecked";
    return attempt.checkServerIdentity === undefined ? "chain and name" : "chain";
  });
}

const MODES: ReadonlyArray<readonly [mode: SslMode, attempts: readonly string[]]> = [
  ["disable", ["clear"]],
  ["allow", ["clear", "unchecked"]],
  ["prefer", ["unchecked", "clear"]],
  ["require", ["unchecked"]],
  ["verify-ca", ["chain"]],
  ["verify-full", ["chain and name"]],
];
test.each(MODES)("sslmode %s tries %j, as libpq does", async (mode, attempts) => {
  expect(await attemptsOf(targetOf({ mode }))).toEqual(attempts);
});

function certificate(): string {
  const folder = mkdtempSync(join(tmpdir(), "slipway-tls-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "root.crt");
  writeFileSync(path, "a certificate");
  return path;
}

test("sslmode require with a root certificate checks the chain, as libpq does for compatibility", async () => {
  const target = targetOf({ mode: "require", rootCert: certificate() });

  expect(await attemptsOf(target)).toEqual(["chain"]);
});

test.each(["verify-ca", "verify-full"] as const)(
  "sslmode %s trusts the root certificate given",
  async (mode) => {
    const [attempt] = await tlsAttempts(targetOf({ mode, rootCert: certificate() }));

    expect(attempt).toMatchObject({ ca: "a certificate" });
  },
);

test("the word system stands for the operating system's certificates, not for a file", async () => {
  const [attempt] = await tlsAttempts(targetOf({ mode: "verify-full", rootCert: "system" }));

  expect(attempt).toMatchObject({ ca: expect.any(Array) });
});

test("a client certificate and its key go along with every encrypted attempt", async () => {
  const cert = certificate();
  const key = certificate();

  const attempts = await tlsAttempts(targetOf({ mode: "allow", cert, key }));

  expect(attempts).toEqual([false, expect.objectContaining({ cert: "a certificate", key: "a certificate" })]);
});

test("a Unix socket has no TLS", async () => {
  expect(await attemptsOf(targetOf({ mode: "verify-full" }, { host: "/var/run/postgresql" }))).toEqual([
    "clear",
  ]);
});

test("a certificate that is not there is told at once: waiting does not bring it", async () => {
  const target = targetOf({ mode: "verify-full", rootCert: "/nowhere/root.crt" });
  const waited: string[] = [];

  const attempt = openSession(target, {
    applicationName: "slipway",
    statementTimeoutMs: 0,
    waitMs: 60_000,
    signal: new AbortController().signal,
    onWait: async ({ reason }) => {
      waited.push(reason);
      throw new Error("it waits");
    },
  });

  await expect(attempt).rejects.toThrow("/nowhere/root.crt");
  expect(waited).toEqual([]);
});

const REFUSALS: ReadonlyArray<readonly [error: unknown, isRefusal: boolean]> = [
  [new Error("The server does not support SSL connections"), true],
  [new Error('no pg_hba.conf entry for host "10.1.2.3", user "app", no encryption'), true],
  [new Error('pg_hba.conf rejects connection for host "10.1.2.3"'), true],
  [new Error("self-signed certificate"), false],
  [new Error('password authentication failed for user "app"'), false],
  [new Error("connect ECONNREFUSED 127.0.0.1:5432"), false],
  ["The server does not support SSL connections", false],
];
test.each(REFUSALS)("after %s the other encryption is worth a try: %s", (error, isRefusal) => {
  expect(isTlsRefusal(error)).toBe(isRefusal);
});

/** The parameters of the startup packet, as the driver will send them. */
function startupOf(target: DatabaseTarget): Readonly<Record<string, unknown>> {
  const client = createClient(target, false, {
    applicationName: "slipway/0.1.0 pod 0192f3c1",
    connectTimeoutMs: 10_000,
    statementTimeoutMs: 30_000,
  });
  return (client as unknown as { getStartupConf(): Record<string, unknown> }).getStartupConf();
}

test("what decides how PostgreSQL writes constants is pinned in the startup packet, where RESET ALL keeps it", () => {
  const { options, application_name: name } = startupOf(targetOf({ mode: "disable" }));

  expect(name).toBe("slipway/0.1.0 pod 0192f3c1");
  for (const setting of [
    "-c TimeZone=UTC",
    "-c DateStyle=ISO,MDY",
    "-c IntervalStyle=postgres",
    "-c client_encoding=UTF8",
    "-c idle_session_timeout=0",
    "-c statement_timeout=30000",
  ]) {
    expect(options).toContain(setting);
  }
});

test("options of the URL come first, so that what slipway relies on has the last word", () => {
  const { options } = startupOf(
    targetOf({ mode: "disable" }, { options: "-c search_path=app -c TimeZone=CET" }),
  );

  expect(String(options)).toMatch(/^-c search_path=app -c TimeZone=CET .*-c TimeZone=UTC/);
});
