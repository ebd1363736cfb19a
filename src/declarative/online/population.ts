import type { Session } from "../../postgres/session.ts";
import { calledFunctions } from "../../sql/calls.ts";
import type { EngineAction, ManagedView, ObjectId, SchemaEngine } from "../engine/engine.ts";
import { type Leaf, readLeaves, readNamesBeside } from "./leaves.ts";

/** A relation that has rows: what is done to it, people notice. */
export interface Populated {
  readonly partitioned: boolean;
  /** True where an UPDATE does nothing but update: no trigger or rule of the users' and no row security in the way. */
  readonly fillable: boolean;
  /** Of a partitioned table that gets an index or a key: its partitions that hold rows, at every level, and stay. */
  readonly leaves: readonly Leaf[];
}

export interface Population {
  readonly relations: ReadonlyMap<ObjectId, Populated>;
  /** Unqualified names of functions that have a volatile variant. */
  readonly volatile: ReadonlySet<string>;
  /** Of relations and constraints beside the leaves, as SQL, qualified. */
  readonly names: ReadonlySet<string>;
  /** By column: the partitions that would keep it NOT NULL without their table, as SQL. */
  readonly keptNotNull: ReadonlyMap<ObjectId, readonly string[]>;
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

// Since 18 NOT NULL is a constraint, and a partition that got its part of a primary key by itself has declared it.
const KEPT_NOT_NULL = `
select w.id, pg_catalog.format('%I.%I', n.nspname, c.relname) as name
  from unnest($1::text[], $2::text[], $3::text[]) w (id, relation, column_name)
 cross join lateral pg_catalog.pg_partition_tree(pg_catalog.to_regclass(w.relation)) part
  join pg_catalog.pg_class c on c.oid = part.relid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attname = w.column_name
  join pg_catalog.pg_constraint k on k.conrelid = c.oid and k.contype = 'n' and k.conkey = array[a.attnum]
 where k.conislocal and k.coninhcount > 0
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
  const partitioned = new Set(rows.filter((row) => row.partitioned).map(({ id }) => id));
  const leaves = await readLeaves(session, engine, view, actions, partitioned);
  const volatile = functions.length === 0 ? [] : await session.query<{ name: string }>(VOLATILE, [functions]);
  return {
    relations: new Map(
      rows.map(({ id, partitioned, fillable }) => [
        id,
        { partitioned, fillable, leaves: leaves.get(id) ?? [] },
      ]),
    ),
    volatile: new Set(volatile.map(({ name }) => name)),
    names: await readNamesBeside(session, [...leaves.values()].flat()),
    keptNotNull: await readKeptNotNull(session, engine, view, actions),
  };
}

async function readKeptNotNull(
  session: Session,
  engine: SchemaEngine,
  view: ManagedView,
  actions: readonly EngineAction[],
): Promise<Population["keptNotNull"]> {
  const columns = session.serverMajor < 18 ? [] : actions.flatMap(nullableBy);
  if (columns.length === 0) return new Map();
  const described = columns.map((id) => engine.describe(view.current, id));
  const rows = await session.query<{ id: ObjectId; name: string }>(KEPT_NOT_NULL, [
    columns,
    described.map(({ parent }) => (parent === undefined ? "" : engine.quotedName(view.current, parent))),
    described.map(({ ownName }) => ownName),
  ]);
  const byColumn = Map.groupBy(rows, ({ id }) => id);
  return new Map([...byColumn].map(([id, of]) => [id, of.map(({ name }) => name)]));
}

/** The column that may be NULL after the action. */
export function nullableBy({ sql, objects }: EngineAction): ObjectId[] {
  return / DROP NOT NULL$/.test(sql) ? objects.filter((id) => id.startsWith("column:")) : [];
}

function relationOf(engine: SchemaEngine, view: ManagedView, id: ObjectId): ObjectId {
  const side = view.current.ids.has(id) ? view.current : view.desired;
  return engine.describe(side, id).parent ?? id;
}
