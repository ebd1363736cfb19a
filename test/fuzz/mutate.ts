import { Builder } from "./generate.ts";
import {
  type ColumnPart,
  columnsOf,
  type Model,
  needsOf,
  type Part,
  partsOf,
  type Uid,
  without,
} from "./model.ts";
import type { Random } from "./random.ts";
import { ROLES } from "./render.ts";
import { plain, relatives } from "./types.ts";

/** Another release of the schema: some things are new, gone, renamed, moved or otherwise. */
export function mutate(random: Random, major: number, model: Model, count: number): Model {
  let at: Model = model;
  for (let left = count; left > 0; left -= 1) at = mutateOnce(random, major, at);
  return at;
}

function mutateOnce(random: Random, major: number, model: Model): Model {
  const choice = random.next();
  if (choice < 0.22) {
    const builder = new Builder(random, major, model);
    builder.addAny();
    return builder.parts;
  }
  const part = random.maybePick([...model.values()]);
  if (part === undefined) return model;
  if (choice < 0.36) return part.kind === "schema" ? model : without(model, [part.uid]);
  if (choice < 0.44) return renamed(random, major, model, part);
  if (choice < 0.48) return moved(random, model, part);
  return changed(new Builder(random, major, model), part);
}

function renamed(random: Random, major: number, model: Model, part: Part): Model {
  if (!("name" in part) || part.name === undefined || part.kind === "schema") return model;
  const builder = new Builder(random, major, model);
  const name = builder.name(builder.uid(), part.kind.slice(0, 2));
  builder.parts.set(part.uid, { ...part, name } as Part);
  return builder.parts;
}

function moved(random: Random, model: Model, part: Part): Model {
  if (!("schema" in part) || part.kind === "privilege") return model;
  const { uid: schema } = random.pick(partsOf(model, "schema"));
  return new Map(model).set(part.uid, { ...part, schema });
}

function changed(builder: Builder, part: Part): Model {
  const { random, parts } = builder;
  const put = (more: Part): void => void parts.set(more.uid, more);
  switch (part.kind) {
    case "enum": {
      const { labels } = part;
      const at = random.int(labels.length + 1);
      const label = random.pick(
        ["added", "Extra one", "zz'z"].filter((each) => !labels.includes(each)).concat(`l${builder.uid()}`),
      );
      const isUsed = [...parts.values()].some(
        (each) => each.kind === "column" && each.fallback?.form === "label" && labels.slice(0, -1).length > 0,
      );
      const choice = random.int(4);
      if (choice <= 1) put({ ...part, labels: [...labels.slice(0, at), label, ...labels.slice(at)] });
      else if (choice === 2 && labels.length > 1 && !isUsed)
        put({ ...part, labels: labels.filter((_, index) => index !== at % labels.length) });
      else if (!isUsed) put({ ...part, labels: random.shuffled(labels) });
      break;
    }
    case "domain": {
      const choice = random.int(4);
      if (choice === 0) put({ ...part, notNull: !part.notNull });
      if (choice === 1) put({ ...part, fallback: part.fallback === undefined ? 2 : undefined });
      if (choice === 2) put({ ...part, checks: part.checks.slice(1) });
      if (choice === 3)
        put({ ...part, checks: [...part.checks, { name: `d_${builder.uid()}`, variant: random.int(3) }] });
      break;
    }
    case "composite": {
      const { attributes } = part;
      const isAdded = random.chance(0.6) || attributes.length < 2;
      const extra = { name: `n${builder.uid()}`, type: random.pick(["integer", "text"]) };
      put({ ...part, attributes: isAdded ? [...attributes, extra] : attributes.slice(0, -1) });
      break;
    }
    case "range":
      break;
    case "sequence": {
      const choice = random.int(3);
      if (choice === 0) put({ ...part, increment: part.increment === 5 ? 1 : 5 });
      if (choice === 1) put({ ...part, cache: part.cache === 1 ? 20 : 1, cycle: !part.cycle });
      if (choice === 2) put({ ...part, type: part.type === "bigint" ? "integer" : "bigint" });
      break;
    }
    case "routine": {
      const choice = random.int(6);
      if (choice <= 1) put({ ...part, variant: part.variant + 1 });
      if (choice === 2) put({ ...part, strict: !part.strict });
      if (choice === 3) put({ ...part, definer: !part.definer });
      if (choice === 4)
        put({ ...part, language: part.language === "sql" ? "plpgsql" : "sql", atomic: !part.atomic });
      if (choice === 5 && part.use === "int")
        put({ ...part, result: part.result === "integer" ? "bigint" : "integer" });
      else if (choice === 5 && ["text", "condition", "procedure"].includes(part.use))
        put({ ...part, extraArgument: !part.extraArgument });
      break;
    }
    case "table":
      changeTable(builder, part);
      break;
    case "column":
      changeColumn(builder, part);
      break;
    case "constraint": {
      const choice = random.int(3);
      if (part.check !== undefined)
        put({ ...part, check: { ...part.check, variant: part.check.variant + 1 } });
      else if (choice === 0 && part.type !== "primary" && !isKey(parts, part.uid))
        put({ ...part, deferrable: !part.deferrable });
      else if (part.type === "foreign")
        put({ ...part, onDelete: random.pick(["no action", "cascade", "set null"]) });
      else if (part.type === "unique" && builder.major >= 15)
        put({ ...part, nullsNotDistinct: !part.nullsNotDistinct });
      break;
    }
    case "index": {
      const choice = random.int(4);
      if (choice === 0 && part.method === "btree" && !isPartitioned(parts, part.on))
        put({ ...part, unique: !part.unique });
      if (choice === 1) put({ ...part, keys: part.keys.map((key) => ({ ...key, desc: !key.desc })) });
      if (choice === 2) put({ ...part, where: undefined, include: [] });
      if (choice === 3)
        put({ ...part, keys: part.keys.map((key) => ({ ...key, variant: key.variant + 1 })) });
      break;
    }
    case "view": {
      const choice = random.int(4);
      const columns = builder.columnsFor(part.from);
      if (choice === 0)
        put({
          ...part,
          where: part.where === undefined ? builder.expressionOn(columns, "condition") : undefined,
        });
      if (choice === 1) put({ ...part, option: part.option === "none" ? "barrier" : "none" });
      if (choice === 2) {
        const source = random.maybePick(columns);
        if (source !== undefined && !part.distinct) builder.addItem(part.uid, source);
      }
      if (choice === 3 && !hasIndex(parts, part.uid)) put({ ...part, materialized: !part.materialized });
      break;
    }
    case "item":
      if (part.wrap === "expression") put({ ...part, variant: part.variant + 1 });
      break;
    case "trigger": {
      const choice = random.int(4);
      if (choice === 0) put({ ...part, timing: part.timing === "before" ? "after" : "before" });
      if (choice === 1) put({ ...part, enabled: random.pick(["yes", "no", "always"]) });
      if (choice === 2) put({ ...part, of: undefined, when: undefined });
      if (choice === 3) put({ ...part, level: part.level === "row" ? "statement" : "row" });
      break;
    }
    case "policy": {
      const choice = random.int(4);
      if (choice === 0) put({ ...part, role: random.int(ROLES.length) });
      if (choice === 1) put({ ...part, restrictive: !part.restrictive });
      if (choice === 2) put({ ...part, command: random.pick(["all", "select", "update"]) });
      if (choice === 3)
        put({
          ...part,
          using: builder.expressionOn(builder.columnsFor(part.table), "condition"),
          exists: undefined,
        });
      break;
    }
    case "grant": {
      const on = parts.get(part.on);
      if (on === undefined) break;
      if (random.chance(0.5))
        put({ ...part, privileges: builder.privilegesFor(on, part.columns.length > 0) });
      else put({ ...part, option: !part.option });
      break;
    }
    case "comment":
      put({ ...part, text: `${part.text} again` });
      break;
    case "schema":
    case "privilege":
      break;
  }
  return parts;
}

const isPartitioned = (model: Model, uid: Uid): boolean => {
  const part = model.get(uid);
  return part?.kind === "table" && (part.partitionKey !== undefined || part.partitionOf !== undefined);
};

const isKey = (model: Model, uid: Uid): boolean =>
  partsOf(model, "constraint").some(({ key }) => key === uid);

const hasIndex = (model: Model, uid: Uid): boolean => partsOf(model, "index").some(({ on }) => on === uid);

function changeTable(builder: Builder, part: Extract<Part, { kind: "table" }>): void {
  const { random, parts } = builder;
  const choice = random.int(6);
  const isPlain =
    part.partitionKey === undefined && part.partitionOf === undefined && part.inherits === undefined;
  if (choice === 0) parts.set(part.uid, { ...part, rls: !part.rls });
  if (choice === 1) parts.set(part.uid, { ...part, force: !part.force });
  if (choice === 2 && part.partitionKey === undefined)
    parts.set(part.uid, { ...part, fillfactor: part.fillfactor === undefined ? 80 : undefined });
  if (choice === 3) parts.set(part.uid, { ...part, replicaFull: !part.replicaFull });
  if (choice === 4 && isPlain && !hasForeign(parts, part.uid))
    parts.set(part.uid, { ...part, unlogged: !part.unlogged });
  if (choice === 5) reorder(parts, part.uid);
}

const hasForeign = (model: Model, table: Uid): boolean =>
  partsOf(model, "table").some(({ inherits }) => inherits === table) ||
  partsOf(model, "constraint").some((each) => {
    const key = each.key === undefined ? undefined : model.get(each.key);
    return (
      each.key !== undefined && (each.table === table || (key?.kind === "constraint" && key.table === table))
    );
  });

/** The last column first: PostgreSQL can't, and nobody minds. */
function reorder(parts: Map<Uid, Part>, table: Uid): void {
  const own = columnsOf(parts, table).filter((column) => column.table === table);
  for (const column of own.slice(0, -1)) {
    parts.delete(column.uid);
    parts.set(column.uid, column);
  }
}

function changeColumn(builder: Builder, column: ColumnPart): void {
  const { random, parts } = builder;
  const put = (more: Partial<ColumnPart>): void => void parts.set(column.uid, { ...column, ...more });
  const choice = random.int(6);
  const isCounter = column.identity !== undefined || column.serial;
  if (column.generated !== undefined) {
    put({ generated: { ...column.generated, variant: column.generated.variant + 1 } });
    return;
  }
  const isOfKey = partsOf(parts, "table").some(({ partitionKey }) => partitionKey?.column === column.uid);
  if (choice <= 1) {
    retype(builder, column);
  } else if (choice === 2 && !isCounter && !isOfKey) {
    put({ notNull: !column.notNull });
  } else if (choice === 3 && !isCounter) {
    put({ fallback: random.chance(0.4) ? undefined : builder.fallbackFor(column.type) });
  } else if (choice === 4 && "plain" in column.type && plain(column.type.plain).category === "int") {
    const form = random.pick(["identity", "serial", "none"] as const);
    const table = parts.get(column.table);
    const isRoot =
      table?.kind === "table" && table.inherits === undefined && table.partitionKey === undefined;
    if (isRoot)
      put({
        identity: form === "identity" ? random.pick(["always", "by default"]) : undefined,
        serial: form === "serial",
        notNull: form !== "none" || column.notNull,
        fallback: undefined,
      });
  } else if (choice === 5) {
    builder.addGenerated(column.table);
  }
}

function retype(builder: Builder, column: ColumnPart): void {
  const { random, parts } = builder;
  const isUsed = [...parts.values()].some(
    (part) =>
      part.uid !== column.uid &&
      part.kind !== "comment" &&
      part.kind !== "grant" &&
      needsOf(part).includes(column.uid),
  );
  const isInKey = partsOf(parts, "constraint").some(
    (each) => (each.type === "foreign" || isKey(parts, each.uid)) && each.columns.includes(column.uid),
  );
  const isOfKey = partsOf(parts, "table").some(({ partitionKey }) => partitionKey?.column === column.uid);
  if (isOfKey || isInKey) return;
  const isCounter = column.identity !== undefined || column.serial;
  const { fallback, type } = column;
  if (!isUsed && !isCounter && random.chance(0.4)) {
    const next = builder.columnType();
    const isPlainFallback = fallback === undefined || fallback.form === "null";
    parts.set(column.uid, {
      ...column,
      type: next,
      fallback: isPlainFallback ? fallback : builder.fallbackFor(next),
    });
    return;
  }
  if (!("plain" in type)) return;
  const others = relatives(type.plain).filter((each) => each !== type.plain);
  const next = random.maybePick(others);
  if (next === undefined) return;
  parts.set(column.uid, { ...column, type: { plain: next } });
}
