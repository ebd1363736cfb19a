import type { Session } from "./session.ts";

/** True when a person marked the database: `ALTER DATABASE x SET slipway.environment = 'development'`. */
export async function isDevelopment(session: Session): Promise<boolean> {
  const [row] = await session.query<{ environment: string | null }>(
    "select pg_catalog.current_setting('slipway.environment', true) as environment",
  );
  return row?.environment === "development";
}
