// The least that comparing schemas can take: reading the catalog once, as the engine does.
import { extract } from "@supabase/pg-delta/extract";
import pg from "pg";

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 1 });
await extract(pool);
await pool.end();
