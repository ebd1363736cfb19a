import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import type { DatabaseEnvironment } from "../../src/commands/session.ts";
import { parseConfig } from "../../src/config/config.ts";
import { createLog } from "../../src/log/log.ts";
import { ident, ROLES } from "./render.ts";

/** A database of the lab: emptied for every case, never dropped in between. */
export interface Place {
  readonly url: string;
  query<Row = Record<string, unknown>>(sql: string): Promise<Row[]>;
  empty(): Promise<void>;
}

/** Where cases are tried: a database for slipway, one for the files by themselves, one to compare with. */
export interface Lab extends AsyncDisposable {
  readonly major: number;
  readonly subject: Place;
  readonly fresh: Place;
  environment(sql: string, approve?: string): DatabaseEnvironment;
}

const EMPTY = `
do $$ declare name text; begin
  for name in select nspname from pg_namespace
               where nspname !~ '^pg_' and nspname not in ('information_schema', 'public') loop
    execute format('drop schema %I cascade', name);
  end loop;
end $$`;

/** Opens a lab on a server, given by the URL of any database on it. */
export async function openLab(serverUrl: string): Promise<Lab> {
  const server = await connect(serverUrl);
  const tag = `fuzz_${randomBytes(4).toString("hex")}`;
  const names = ["subject", "fresh", "shadow"].map((name) => `${tag}_${name}`);
  for (const role of ROLES.slice(1)) {
    await server.query(
      `do $$ begin create role ${ident(role)}; exception when duplicate_object or unique_violation then null; end $$`,
    );
  }
  for (const name of names) await server.query(`create database ${name} template template0`);
  const urlOf = (name: string): string => {
    const url = new URL(serverUrl);
    url.pathname = `/${name}`;
    return url.href;
  };
  const [subjectUrl = "", freshUrl = "", shadowUrl = ""] = names.map(urlOf);
  const clients = await Promise.all([connect(subjectUrl), connect(freshUrl)]);
  const [subjectClient, freshClient] = clients;
  const { rows } = await server.query<{ major: number }>(
    "select current_setting('server_version_num')::int / 10000 as major",
  );
  const folder = mkdtempSync(join(tmpdir(), "slipway-fuzz-"));
  mkdirSync(join(folder, "schemas"));
  return {
    major: rows[0]?.major ?? 0,
    subject: placeOf(subjectUrl, subjectClient),
    fresh: placeOf(freshUrl, freshClient),
    environment(sql, approve) {
      writeFileSync(join(folder, "schemas/schema.sql"), sql);
      const env = {
        DATABASE_URL: subjectUrl,
        SLIPWAY_SHADOW_URL: shadowUrl,
        SLIPWAY_SCHEMA_PATH: folder,
        ...(approve === undefined ? {} : { SLIPWAY_APPROVE: approve }),
      };
      return {
        config: parseConfig({ flags: {}, env, needsDatabase: true, bundledSchemaPath: "" }),
        log: createLog({ level: "silent", format: "json", fd: 2, isTerminal: false, colour: false }),
        out: { write: () => undefined, isTerminal: false, colour: false },
        json: false,
        signal: new AbortController().signal,
        pod: "fuzz",
        env: {},
        ask: undefined,
      };
    },
    async [Symbol.asyncDispose]() {
      rmSync(folder, { recursive: true, force: true });
      for (const client of clients) await client.end();
      for (const name of names) await server.query(`drop database if exists ${name} with (force)`);
      await server.end();
    },
  };
}

function placeOf(url: string, client: pg.Client): Place {
  return {
    url,
    async query<Row>(sql: string): Promise<Row[]> {
      const result: pg.QueryResult | pg.QueryResult[] = await client.query(sql);
      return ((Array.isArray(result) ? result.at(-1) : result)?.rows ?? []) as Row[];
    },
    async empty() {
      await client.query(EMPTY);
    },
  };
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: url,
    options: "-c TimeZone=UTC -c client_min_messages=error",
  });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}
