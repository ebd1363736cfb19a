import type { Session } from "../../postgres/session.ts";
import { quoteIdent } from "../../sql/quote.ts";
import { textOf } from "./files.ts";

export interface Extension {
  readonly name: string;
  readonly schema: string;
  readonly requires: readonly string[];
}

const EXTENSIONS = `
select e.extname::text as name, n.nspname::text as schema,
       array(select r.extname::text from pg_depend d join pg_extension r on r.oid = d.refobjid
              where d.classid = 'pg_extension'::regclass and d.objid = e.oid and d.refclassid = 'pg_extension'::regclass) as requires
  from pg_extension e join pg_namespace n on n.oid = e.extnamespace
 where e.oid >= 16384
 order by e.extname collate "C"`;

/** All but those that every database has, each after those that it requires. */
export async function readExtensions(session: Session): Promise<readonly Extension[]> {
  const rows = await session.query<Record<string, unknown> & Extension>(EXTENSIONS);
  return inOrder(rows);
}

/**
 * The dump's bootstrap.sql: extensions, with the schemas they are in. A comparison of schemas can't own them.
 * `schemaSql` makes those of the schemas that are not dumped themselves.
 */
export function bootstrapText(extensions: readonly Extension[], schemaSql: readonly string[]): string {
  const schemas = new Set(
    extensions.map(({ schema }) => schema).filter((schema) => !/^(pg_|public$)/.test(schema)),
  );
  const made = [...schemas].sort().map((schema) => `create schema if not exists ${quoteIdent(schema)}`);
  const statements = [
    ...made.filter((sql) => !schemaSql.includes(sql)),
    ...schemaSql,
    ...extensions.map(
      ({ name, schema }) =>
        `create extension if not exists ${quoteIdent(name)} with schema ${quoteIdent(schema)}`,
    ),
  ];
  return textOf(statements);
}

function inOrder(rows: readonly Extension[]): Extension[] {
  const ordered = new Set<Extension>();
  const add = (row: Extension): void => {
    for (const required of rows.filter(({ name }) => row.requires.includes(name))) add(required);
    ordered.add(row);
  };
  for (const row of rows) add(row);
  return [...ordered];
}
