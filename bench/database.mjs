import pg from "pg";

let made = 0;

/**
 * An empty database of its own, or a copy of another one; `drop` removes it again. Neither is ever part of a
 * measurement.
 */
export async function createDatabase(server, original) {
  made += 1;
  const name = `bench_${made}`;
  await administer(server, `create database ${name} template ${original?.name ?? "template0"}`);
  return {
    name,
    url: server.url(name),
    drop: () => administer(server, `drop database ${name} with (force)`),
  };
}

/** Writes out what earlier measurements left behind, so that the next one doesn't pay for it. */
export async function settle(server) {
  await administer(server, "checkpoint");
}

export async function query(url, sql) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

async function administer(server, sql) {
  await query(server.url("postgres"), sql);
}
