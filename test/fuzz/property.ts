import { spawnSync } from "node:child_process";
import { planCommand } from "../../src/commands/plan.ts";
import { run } from "../../src/commands/run.ts";
import { ApprovalError } from "../../src/declarative/approval.ts";
import { ProblemsError, SlipwayError, StatementError } from "../../src/errors.ts";
import { describeCatalog } from "../support/catalog.ts";
import type { Lab, Place } from "./lab.ts";
import { type ColumnPart, type Model, partOf, partsOf, type TablePart, type Uid } from "./model.ts";
import { ident, nameOf, render, rowsFor, typeOf } from "./render.ts";

export interface Case {
  readonly seed: number;
  readonly old: Model;
  readonly wanted: Model;
}

export type Verdict =
  /** It went as it should. */
  | { readonly kind: "converged"; readonly approved: boolean }
  /** slipway said no, for one of the documented reasons, and left everything as it was. */
  | { readonly kind: "refused"; readonly reason: string }
  /** The server itself refuses the files: a mistake of the generator. */
  | { readonly kind: "invalid"; readonly reason: string }
  | { readonly kind: "failed"; readonly reason: string; readonly detail: string };

/** SQLSTATEs that say: the rows that are there don't fit what the files ask for. */
const DATA_DEPENDENT: ReadonlySet<string> = new Set([
  "22001", // too long
  "22003", // out of range
  "22P02", // no value of the type
  "22007", // no date
  "22008", // no date
  "23502", // null
  "23503", // no such key
  "23505", // twice
  "23514", // against a check
  "23P01", // overlaps
]);

class Failure extends Error {
  readonly detail: string;

  constructor(reason: string, detail = "") {
    super(reason);
    this.detail = detail;
  }
}

class Invalid extends Error {}

/** Old files, rows, new files: ends equal to a fresh install, or is refused and nothing has happened. */
export async function tryCase(lab: Lab, each: Case, options: { readonly dump: boolean }): Promise<Verdict> {
  try {
    return await check(lab, each, options);
  } catch (error) {
    if (error instanceof Invalid) return { kind: "invalid", reason: error.message };
    if (error instanceof Failure) return { kind: "failed", reason: error.message, detail: error.detail };
    return {
      kind: "failed",
      reason: reasonOf(error),
      detail: error instanceof Error ? `${error.stack}` : "",
    };
  }
}

async function check(lab: Lab, { old, wanted }: Case, options: { readonly dump: boolean }): Promise<Verdict> {
  const { subject, fresh } = lab;
  const [oldSql, newSql] = [render(old), render(wanted)];
  await Promise.all([subject.empty(), fresh.empty()]);
  await fresh.query(newSql).catch((error: unknown) => {
    throw new Invalid(`new: ${String(error)}`);
  });
  await subject.query(`begin; ${oldSql} rollback`).catch(async (error: unknown) => {
    await subject.query("rollback");
    throw new Invalid(`old: ${String(error)}`);
  });
  await run(lab.environment(oldSql)).catch((error: unknown) => {
    throw new Failure(`install: ${reasonOf(error)}`);
  });
  await insertRows(subject, old);

  const rows = await readRows(subject, old);
  const before = await describeCatalog(subject);
  const refusal = await attempt(() => run(lab.environment(newSql)));
  if (refusal === undefined) {
    const now = await readRows(subject, old).catch((error: unknown) => {
      throw new Failure(`something was dropped without approval`, String(error));
    });
    requireNothingLost(rows, now, old, wanted);
  } else {
    requireSame("the refused run changed the schema", before, await describeCatalog(subject));
    requireSame("the refused run changed rows", linesOf(rows), linesOf(await readRows(subject, old)));
    const allowed = allowedRefusal(refusal);
    if (allowed !== undefined) return { kind: "refused", reason: allowed };
    if (!(refusal instanceof ApprovalError) || refusal.code !== "APPROVAL_REQUIRED") throw refusal;
    const failure = await attempt(() => run(lab.environment(newSql, refusal.plan.id)));
    if (failure !== undefined) {
      const reason = allowedRefusal(failure);
      if (reason === undefined) throw failure;
      // What was committed before the failing statement stays, where the plan could not be one transaction.
      const isOneTransaction = refusal.plan.changes.every(
        (change) => change.transactional && !change.commitAfter,
      );
      if (isOneTransaction)
        requireSame("a failed run left something", before, await describeCatalog(subject));
      return { kind: "refused", reason };
    }
  }

  const [want, have] = [await describeCatalog(fresh), await describeCatalog(subject)].map(withoutNumbers);
  requireSame("not equal to a fresh install", want ?? [], have ?? []);
  if (options.dump) requireSame("pg_dump differs", dump(fresh), dump(subject));
  requireUntouchedKept(rows, await readRows(subject, wanted), old, wanted);
  // Other bytes, the same wish: the plan is computed, not remembered.
  const left = await planCommand(lab.environment(`${newSql}-- again\n`), { sql: true, schemaOnly: true });
  if (left !== 0) throw new Failure("the second plan is not empty");
  return { kind: "converged", approved: refusal !== undefined };
}

async function attempt(work: () => Promise<unknown>): Promise<unknown> {
  try {
    await work();
    return undefined;
  } catch (error) {
    return error ?? new Error("threw nothing");
  }
}

/** The documented reason behind a refusal; undefined when it is none. */
function allowedRefusal(error: unknown): string | undefined {
  if (error instanceof StatementError) {
    const { sqlstate } = error.failure;
    return DATA_DEPENDENT.has(sqlstate) ? `rows don't fit (${sqlstate})` : undefined;
  }
  if (error instanceof ProblemsError && error.code === "STATEMENT_FAILED") {
    // Found out before anything ran; each problem names the SQLSTATE that it would have been.
    const states = error.problems.map(({ message }) =>
      / is new, NOT NULL and without a default/.test(message)
        ? "23502"
        : (/: (\w{5})[, ]/.exec(message)?.[1] ?? "?"),
    );
    return states.every((state) => DATA_DEPENDENT.has(state))
      ? `rows don't fit, said before (${states[0]})`
      : undefined;
  }
  if (!(error instanceof SlipwayError) || error.code !== "SOURCE_INVALID") return undefined;
  return REFUSALS.find(([, pattern]) => pattern.test(error.message))?.[0];
}

/** What docs/declarative-coverage.md says is refused before anything runs. */
const REFUSALS: readonly (readonly [reason: string, pattern: RegExp])[] = [
  ["an enum in a domain or a composite", /cannot remove or reorder values while non-column object/],
  ["a composite's attribute in use", /cannot change attribute .* type while the type is used/],
  ["a domain in use", /cannot replace an in-use domain/],
  ["a partition key's type", /is part of a partition key/],
  ["no cast", /cannot be cast from/],
  ["STORED to VIRTUAL", /cannot change between STORED and VIRTUAL/],
];

function reasonOf(error: unknown): string {
  if (error instanceof StatementError) {
    const { sqlstate, reason, excerpt = "" } = error.failure;
    return `${sqlstate} ${reason} | ${excerpt.trim()}`;
  }
  if (error instanceof SlipwayError) return `${error.code} ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}

/** Two failures with the same words, but for names and numbers, are the same one. */
export function kindOfFailure(reason: string): string {
  return reason
    .replaceAll(/"(?:[^"]|"")*"/g, "N")
    .replaceAll(/'(?:[^']|'')*'/g, "L")
    .replaceAll(/N(?:\.N)+/g, "N")
    .replaceAll(/[\w$üöß]*\d[\w]*/g, "#")
    .slice(0, 60);
}

/**
 * Names that PostgreSQL chose for partitions' indexes end in a number where they are the same up to 63 bytes; which
 * one gets it depends on which was made first, and that is not the same online as in a fresh install.
 */
function withoutNumbers(lines: readonly string[]): readonly string[] {
  return lines.map((line) => line.replaceAll(/_idx\d+/g, "_idx"));
}

function requireSame(reason: string, expected: readonly string[], actual: readonly string[]): void {
  const [want, have] = [new Set(expected), new Set(actual)];
  const missing = expected.filter((line) => !have.has(line)).map((line) => `- ${line}`);
  const surplus = actual.filter((line) => !want.has(line)).map((line) => `+ ${line}`);
  if (missing.length + surplus.length === 0) return;
  const kinds = [
    ...new Set([...missing, ...surplus].map((line) => line.split(" ").slice(0, 2).join(" "))),
  ].sort();
  throw new Failure(`${reason}: ${kinds.join(", ")}`, [...missing, ...surplus].slice(0, 30).join("\n"));
}

async function insertRows(place: Place, model: Model): Promise<void> {
  let pending = rowsFor(model);
  for (;;) {
    const failed: string[] = [];
    for (const sql of pending) await place.query(sql).catch(() => failed.push(sql));
    if (failed.length === pending.length || failed.length === 0) return;
    pending = failed;
  }
}

/** Of every column of every table: how many values, and a hash of them. */
type Rows = ReadonlyMap<Uid, { readonly count: number; readonly hash: string }>;

async function readRows(place: Place, model: Model): Promise<Rows> {
  const columns = partsOf(model, "column").filter(({ generated }) => generated?.virtual !== true);
  const selects = columns.map((column) => {
    const name = ident(column.name);
    return `select ${column.uid} as uid, count(*)::int as count, coalesce(md5(string_agg(coalesce(${name}::text, 'null'), ',' order by ${name}::text)), '') as hash from ${nameOf(model, column.table)}`;
  });
  if (selects.length === 0) return new Map();
  const rows = await place.query<{ uid: number; count: number; hash: string }>(selects.join(" union all "));
  return new Map(rows.map(({ uid, count, hash }) => [uid, { count, hash }]));
}

const linesOf = (rows: Rows): string[] =>
  [...rows].map(([uid, { count, hash }]) => `${uid} ${count} ${hash}`);

/** Without anybody's yes every column that has rows is there, with every value. */
function requireNothingLost(before: Rows, after: Rows, old: Model, wanted: Model): void {
  for (const [uid, { count, hash }] of before) {
    const now = after.get(uid);
    if (count === 0 || isRecomputed(old, wanted, uid)) continue;
    if (now === undefined || now.count < count)
      throw new Failure("rows were lost without approval", `column ${nameOfColumn(old, uid)}`);
    if (now.hash !== hash && isSameType(old, wanted, uid))
      throw new Failure("values were changed without approval", `column ${nameOfColumn(old, uid)}`);
  }
}

function isRecomputed(old: Model, wanted: Model, uid: Uid): boolean {
  const [was, is] = [old.get(uid), wanted.get(uid)];
  return (
    (was?.kind === "column" && was.generated !== undefined) ||
    (is?.kind === "column" && is.generated !== undefined)
  );
}

function nameOfColumn(model: Model, uid: Uid): string {
  const column = model.get(uid);
  return column?.kind === "column" ? `${nameOf(model, column.table)}.${column.name}` : `${uid}`;
}

function isSameType(old: Model, wanted: Model, uid: Uid): boolean {
  const [was, is] = [old.get(uid), wanted.get(uid)];
  if (was?.kind !== "column" || is?.kind !== "column") return false;
  return JSON.stringify([was.type, typeParts(old, was)]) === JSON.stringify([is.type, typeParts(wanted, is)]);
}

const typeParts = (model: Model, column: ColumnPart): unknown =>
  "user" in column.type ? { ...model.get(column.type.user), fallback: 0 } : typeOf(model, column);

/** What neither release touched is as it was, also where other things were dropped with approval. */
function requireUntouchedKept(before: Rows, after: Rows, old: Model, wanted: Model): void {
  for (const [uid, { count, hash }] of before) {
    const [was, is] = [old.get(uid), wanted.get(uid)];
    if (was?.kind !== "column" || is?.kind !== "column" || was.name !== is.name) continue;
    if (was.generated !== undefined || is.generated !== undefined || was.collate !== is.collate) continue;
    if (!isSameTree(old, wanted, was.table) || !isSameType(old, wanted, uid)) continue;
    const now = after.get(uid);
    if (now?.count !== count || now.hash !== hash) {
      throw new Failure(
        "rows of an untouched column are not as they were",
        `column ${nameOfColumn(old, uid)}`,
      );
    }
  }
}

/** A table with its partitions, children and parents, as far as rows depend on them. */
function isSameTree(old: Model, wanted: Model, table: Uid): boolean {
  const tree = (model: Model): unknown => {
    const tables = partsOf(model, "table");
    const seen = new Set<Uid>([table]);
    const inTree = ({ uid, partitionOf, inherits }: TablePart): boolean =>
      seen.has(uid) ||
      [partitionOf?.table, inherits].some((parent) => parent !== undefined && seen.has(parent));
    for (const _ of tables) for (const each of tables) if (inTree(each)) seen.add(each.uid);
    for (const { uid, partitionOf, inherits } of tables.toReversed()) {
      if (!seen.has(uid)) continue;
      for (const parent of [partitionOf?.table, inherits]) if (parent !== undefined) seen.add(parent);
    }
    return tables
      .filter(({ uid }) => seen.has(uid))
      .map(({ uid, name, schema, partitionOf, partitionKey, inherits }) => ({
        uid,
        name,
        schema,
        partitionOf,
        partitionKey,
        // Under another name it is another key, and the table is made anew.
        key: partitionKey === undefined ? undefined : partOf(model, partitionKey.column, "column").name,
        inherits,
      }))
      .sort((a, b) => a.uid - b.uid);
  };
  return JSON.stringify(tree(old)) === JSON.stringify(tree(wanted));
}

/** The schema as pg_dump sees it, a statement a line; the order of columns is nobody's wish. */
function dump(place: Place): string[] {
  const { status, stdout, stderr } = spawnSync(
    "pg_dump",
    ["--schema-only", "--exclude-schema=migrations", `--dbname=${place.url}`],
    { encoding: "utf8", maxBuffer: 1 << 28 },
  );
  if (status !== 0) throw new Error(`pg_dump failed: ${stderr}`);
  return stdout
    .split(/;\n+/)
    .map((statement) => statement.replaceAll(/^--.*\n|^\s*\n/gm, "").trim())
    .map((statement) => statement.replace(/^CREATE UNLOGGED SEQUENCE/, "CREATE SEQUENCE"))
    .filter(
      (statement) =>
        !/^(?:ALTER (?:SEQUENCE|TABLE) \S+ SET (?:UN)?LOGGED|\\(?:un)?restrict|SET |SELECT pg_catalog.set_config)/.test(
          statement,
        ),
    )
    .map((statement) =>
      /^CREATE (?:UNLOGGED )?TABLE/.test(statement)
        ? statement
            .split(/,?\n/)
            .map((line) => line.trim())
            .sort()
            .join("\n")
        : statement,
    );
}
