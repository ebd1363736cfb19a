import type { Session } from "../../postgres/session.ts";
import type { EngineAction, IndexDefinition, ManagedView, ObjectId, SchemaEngine } from "../engine/engine.ts";

/** A partition that has rows and no partitions of its own. */
export interface Leaf {
  readonly schema: string;
  readonly table: string;
  /** As SQL, qualified. */
  readonly name: string;
  readonly indexes: readonly LeafIndex[];
}

export interface LeafIndex {
  /** As SQL, qualified. */
  readonly name: string;
  /** As `pg_get_indexdef` has it. */
  readonly definition: string;
  /** False for what a concurrent build left that did not end. */
  readonly valid: boolean;
  readonly ofConstraint: boolean;
  /** The index of the topmost table that it belongs to. */
  readonly root: string | null;
}

const LEAVES = `
select w.id, n.nspname::text as schema, c.relname::text as table, pg_catalog.format('%I.%I', n.nspname, c.relname) as name,
       coalesce((select pg_catalog.json_agg(pg_catalog.json_build_object(
                          'name', pg_catalog.format('%I.%I', inm.nspname, ic.relname),
                          'definition', pg_catalog.pg_get_indexdef(i.indexrelid), 'valid', i.indisvalid,
                          'ofConstraint', exists (select from pg_catalog.pg_constraint k
                                                   where k.conindid = i.indexrelid and k.contype in ('p', 'u')),
                          'root', (select pg_catalog.format('%I.%I', rn.nspname, r.relname)
                                     from pg_catalog.pg_class r
                                     join pg_catalog.pg_namespace rn on rn.oid = r.relnamespace
                                    where ic.relispartition and r.oid = pg_catalog.pg_partition_root(ic.oid)))
                        order by i.indexrelid)
                   from pg_catalog.pg_index i
                   join pg_catalog.pg_class ic on ic.oid = i.indexrelid
                   join pg_catalog.pg_namespace inm on inm.oid = ic.relnamespace
                  where i.indrelid = c.oid),
                '[]') as indexes
  from unnest($1::text[], $2::text[]) w (id, relation)
  cross join lateral pg_catalog.pg_partition_tree(pg_catalog.to_regclass(w.relation)) leaf
  join pg_catalog.pg_class c on c.oid = leaf.relid and c.relkind = 'r'
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where leaf.isleaf and pg_catalog.pg_relation_size(c.oid) > 0
   and not exists (select from pg_catalog.pg_partition_ancestors(leaf.relid) up, unnest($3::text[]) gone (name)
                    where up.relid = pg_catalog.to_regclass(gone.name))
 order by 1, 2`;

const NAMES = `
select pg_catalog.format('%I.%I', n.nspname, o.name) as name
  from pg_catalog.pg_namespace n
 cross join lateral (select relname from pg_catalog.pg_class where relnamespace = n.oid
                     union all
                     select conname from pg_catalog.pg_constraint where connamespace = n.oid) o (name)
 where n.nspname = any ($1::text[])`;

/** By table: the partitions of those that get an index or a key. */
export async function readLeaves(
  session: Session,
  engine: SchemaEngine,
  view: ManagedView,
  actions: readonly EngineAction[],
  partitioned: ReadonlySet<ObjectId>,
): Promise<ReadonlyMap<ObjectId, Leaf[]>> {
  const indexed = new Set(
    actions.flatMap(({ creates }) =>
      creates.map((id) => (engine.index(view.desired, id) ?? engine.constraint(view.desired, id))?.relation),
    ),
  );
  const ids = [...partitioned].filter((id) => indexed.has(id));
  if (ids.length === 0) return new Map();
  const names = ids.map((id) => engine.quotedName(view.current, id));
  const gone = actions
    .flatMap(({ drops }) => drops)
    .filter((id) => engine.describe(view.current, id).kind === "table")
    .map((id) => engine.quotedName(view.current, id));
  const rows = await session.query<Leaf & { id: ObjectId } & Record<string, unknown>>(LEAVES, [
    ids,
    names,
    gone,
  ]);
  return Map.groupBy(rows, ({ id }) => id);
}

/** Of relations and constraints beside these leaves, as SQL, qualified. */
export async function readNamesBeside(session: Session, leaves: readonly Leaf[]): Promise<Set<string>> {
  if (leaves.length === 0) return new Set();
  const schemas = [...new Set(leaves.map(({ schema }) => schema))];
  const rows = await session.query<{ name: string }>(NAMES, [schemas]);
  return new Set(rows.map(({ name }) => name));
}

/** True for an index of a partition that one of its table with this definition would have there. */
export function isLike(
  { definition, root }: LeafIndex,
  { unique, method }: Pick<IndexDefinition, "unique" | "method">,
): boolean {
  return (
    root === null &&
    definition.startsWith("CREATE UNIQUE INDEX ") === unique &&
    definition.endsWith(` ${method}`)
  );
}
