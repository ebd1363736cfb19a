import { findDemo } from "./demo-server.mjs";

const MIGRATIONS = "examples/shop/migrations";

/** What `slipway` needs to work on the demo's database, and nothing of the caller's own settings. */
export function demoEnvironment(demo, more = {}) {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(PG[A-Z]|SLIPWAY_|DATABASE_URL$|DB_USER_)/.test(name)),
  );
  return {
    ...env,
    DATABASE_URL: demo.url,
    DB_USER_MIGRATIONS_PATH: MIGRATIONS,
    SLIPWAY_LOG_FORMAT: "pretty",
    ...more,
  };
}

/** The caller's own settings, completed by the demo's where no database is named and the demo runs. */
export function callersEnvironment() {
  const env = { SLIPWAY_LOG_FORMAT: "pretty", DB_USER_MIGRATIONS_PATH: MIGRATIONS, ...process.env };
  const demo = namesDatabase(env) ? undefined : findDemo();
  return demo === undefined ? env : { ...env, DATABASE_URL: demo.url };
}

/** True when a database is named, by slipway's variable or by libpq's. */
export function namesDatabase(env) {
  return ["DATABASE_URL", "PGHOST", "PGHOSTADDR", "PGDATABASE", "PGSERVICE"].some((name) => env[name]);
}
