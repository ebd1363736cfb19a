// The least that a Node program can do to have asked a database something.
import pg from "pg";

const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
await client.connect();
await client.query("select 1");
await client.end();
