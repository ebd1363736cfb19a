import type { Session } from "../../postgres/session.ts";
import { calledFunctions } from "../../sql/calls.ts";
import type { EngineAction, ManagedView, ObjectId, SchemaEngine } from "../engine/engine.ts";

/** A relation that has rows: what is done to it, people notice. */
export interface Populated {
  readonly partitioned: boolean;
  /** True where an UPDATE does nothing but update: no trigger or rule of the users' and no row security in the way. */
  readonly fillable: boolean;
  /** Of a partitioned table that gets an index: its partitions that hold rows, at every level, and stay. */
  readonly leaves: readonly Leaf[];
}

export interface Leaf {
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
  /** The index of the topmost table that it belongs to. */
  readonly root: string | null;
}

export interface Population {
  readonly relations: ReadonlyMap<ObjectId, Populated>;
  /** Unqualified names of functions that have a volatile variant. */
  readonly volatile: ReadonlySet<string>;
}

interface Row {
  id: ObjectId;
  partitioned: boolean;
  fillable: boolean;
}

/**
 * A relation counts as populated once it takes up space: counting rows would cost a scan and needs a lock
 * and a privilege. One whose rows were all deleted is taken for populated, which is only more careful.
 */
const POPULATED = `
select w.id, c.relkind = 'p' as partitioned,
       not c.relforcerowsecurity
         and not exists (select from pg_catalog.pg_trigger t
                          where t.tgrelid = c.oid and not t.tgisinternal and t.tgtype & 16 <> 0)
         and not exists (select from pg_catalog.pg_rewrite r where r.ev_class = c.oid) as fillable
  from unnest($1::text[], $2::text[]) w (id, name)
  join pg_catalog.pg_class c on c.oid = pg_catalog.to_regclass(w.name)
 where case c.relkind
         when 'p' then exists (select from pg_catalog.pg_partition_tree(c.oid) leaf
                                where leaf.isleaf and pg_catalog.pg_relation_size(leaf.relid) > 0)
         else pg_catalog.pg_relation_size(c.oid) > 0
       end`;

const LEAVES = `
select w.id, pg_catalog.format('%I.%I', n.nspname, c.relname) as name,
       coalesce((select pg_catalog.json_agg(pg_catalog.json_build_object(
                          'name', pg_catalog.format('%I.%I', inm.nspname, ic.relname),
                          'definition', pg_catalog.pg_get_indexdef(i.indexrelid), 'valid', i.indisvalid,
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

const VOLATILE = `
select distinct proname::text as name from pg_catalog.pg_proc where provolatile = 'v' and proname = any ($1::text[])`;

const RELATIONS = new Set(["table", "materializedView"]);

/** Looks at the tables and materialized views that the actions touch, and at what the columns call that they add. */
export async function readPopulation(
  session: Session,
  engine: SchemaEngine,
  view: ManagedView,
  actions: readonly EngineAction[],
): Promise<Population> {
  const touched = new Set(
    actions.flatMap(({ objects }) => objects.map((id) => relationOf(engine, view, id))),
  );
  const ids = [...touched].filter(
    (id) =>
      view.current.ids.has(id) &&
      view.desired.ids.has(id) &&
      RELATIONS.has(engine.describe(view.current, id).kind),
  );
  const names = ids.map((id) => engine.quotedName(view.current, id));
  const rows =
    ids.length === 0 ? [] : await session.query<Row & Record<string, unknown>>(POPULATED, [ids, names]);
  const functions = actions.flatMap(({ creates: [id = ""] }) =>
    calledFunctions(engine.column(view.desired, id)?.default ?? ""),
  );
  const leaves = await readLeaves(session, engine, view, actions, rows);
  const volatile = functions.length === 0 ? [] : await session.query<{ name: string }>(VOLATILE, [functions]);
  return {
    relations: new Map(
      rows.map(({ id, partitioned, fillable }) => [
        id,
        { partitioned, fillable, leaves: leaves.get(id) ?? [] },
      ]),
    ),
    volatile: new Set(volatile.map(({ name }) => name)),
  };
}

async function readLeaves(
  session: Session,
  engine: SchemaEngine,
  view: ManagedView,
  actions: readonly EngineAction[],
  populated: readonly Row[],
): Promise<ReadonlyMap<ObjectId, Leaf[]>> {
  const indexed = new Set(
    actions.flatMap(({ creates }) => creates.map((id) => engine.index(view.desired, id)?.relation)),
  );
  const ids = populated.filter(({ id, partitioned }) => partitioned && indexed.has(id)).map(({ id }) => id);
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

function relationOf(engine: SchemaEngine, view: ManagedView, id: ObjectId): ObjectId {
  const side = view.current.ids.has(id) ? view.current : view.desired;
  return engine.describe(side, id).parent ?? id;
}
