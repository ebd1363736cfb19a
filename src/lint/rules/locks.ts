import type { RangeVar } from "libpg-query";
import { nameOfObject } from "../tree/name.ts";
import { bodyOf } from "../tree/node.ts";
import { existingTable } from "./known.ts";
import type { Judged, Rule } from "./rule.ts";

/** The tables that were there before and that a statement locks against all use, or all writes. */
function lockedTables({ node, known }: Judged): string[] {
  const index = bodyOf(node, "IndexStmt");
  const drop = bodyOf(node, "DropStmt");
  if (drop?.removeType === "OBJECT_TABLE") {
    const names = (drop.objects ?? []).map(nameOfObject).filter((name) => !known.isNewTable(name));
    return names.map(({ schema, name }) => (schema === undefined ? name : `${schema}.${name}`));
  }
  const alter = bodyOf(node, "AlterTableStmt");
  const ranges: (RangeVar | undefined)[] = [
    alter?.objtype === "OBJECT_TABLE" && !isGentle(alter.cmds) ? alter.relation : undefined,
    bodyOf(node, "RenameStmt")?.relation,
    bodyOf(node, "CreateTrigStmt")?.relation,
    bodyOf(node, "ClusterStmt")?.relation,
    index?.concurrent === true ? undefined : index?.relation,
    ...[
      ...(bodyOf(node, "TruncateStmt")?.relations ?? []),
      ...(bodyOf(node, "LockStmt")?.relations ?? []),
    ].map((each) => bodyOf(each, "RangeVar")),
  ];
  return ranges.flatMap((range) => existingTable(known, range) ?? []);
}

/** Forms of ALTER TABLE that reads and writes go on beside (PostgreSQL manual, ALTER TABLE). */
const GENTLE: ReadonlySet<string> = new Set([
  "AT_ValidateConstraint",
  "AT_SetStatistics",
  "AT_ClusterOn",
  "AT_DropCluster",
  "AT_SetRelOptions",
  "AT_ResetRelOptions",
]);

function isGentle(cmds: Parameters<typeof bodyOf>[0][] | undefined): boolean {
  return (cmds ?? []).every((each) => {
    const cmd = bodyOf(each, "AlterTableCmd");
    return GENTLE.has(cmd?.subtype ?? "") || bodyOf(cmd?.def, "PartitionCmd")?.concurrent === true;
  });
}

const MISSING_TIMEOUT: Rule = {
  name: "missing-lock-timeout",
  severity: "warning",
  files: ["up", "down"],
  why: "a statement that waits for its lock makes everybody after it wait too; slipway sets lock_timeout in transactions only",
  instead: "leave it in a transaction: a file without no-transaction, or begin … commit around it",
  *ofStatement(judged) {
    const { node, file, group } = judged;
    const set = bodyOf(node, "VariableSetStmt");
    if (set?.name === "lock_timeout" && isZero(set.args?.[0])) {
      yield { message: "turns off the lock_timeout that slipway sets", at: undefined };
      return;
    }
    const [table] = lockedTables(judged);
    if (table === undefined || group === undefined) return;
    if (!group.transactional)
      yield {
        message: `waits without limit for the lock on ${table}: outside a transaction there is no lock_timeout`,
      };
    else if (file.settings.lockTimeoutMs === 0)
      yield { message: `waits without limit for the lock on ${table}: SLIPWAY_LOCK_TIMEOUT is 0` };
  },
};

function isZero(value: Parameters<typeof bodyOf>[0]): boolean {
  const constant = bodyOf(value, "A_Const");
  if (constant?.ival !== undefined) return (constant.ival.ival ?? 0) === 0;
  return /^0+\s*[a-z]*$/i.test(constant?.sval?.sval ?? "");
}

const MANY: Rule = {
  name: "many-locks",
  severity: "warning",
  files: ["up"],
  why: "each lock is held until the transaction ends; with many of them a deadlock with the application is likely",
  instead: "a file for each few tables",
  *ofFile({ statements }) {
    const locked = new Map<unknown, Set<string>>();
    for (const judged of statements) {
      if (judged.group?.transactional !== true) continue;
      const tables = locked.get(judged.group) ?? new Set();
      locked.set(judged.group, tables);
      const before = tables.size;
      for (const table of lockedTables(judged)) tables.add(table);
      if (before <= MOST && tables.size > MOST)
        yield {
          judged,
          message: `locks table number ${tables.size} in one transaction: ${[...tables].join(", ")}`,
        };
    }
  },
};

const MOST = 5;

const REWRITE: Rule = {
  name: "table-rewrite",
  severity: "warning",
  files: ["up"],
  why: "the whole table is written anew while nobody else can use it",
  instead: "do it by hand in a quiet hour; refresh a materialized view concurrently",
  *ofStatement({ node, known }) {
    const { relation, cmds = [] } = bodyOf(node, "AlterTableStmt") ?? {};
    for (const each of cmds) {
      const word = REWRITES.get(bodyOf(each, "AlterTableCmd")?.subtype ?? "");
      const table = existingTable(known, relation);
      if (word !== undefined && table !== undefined) yield { message: `${word} writes all of ${table} anew` };
    }
    const vacuum = bodyOf(node, "VacuumStmt");
    if ((vacuum?.options ?? []).some((option) => bodyOf(option, "DefElem")?.defname === "full"))
      yield { message: "VACUUM FULL writes whole tables anew, and nobody can use them meanwhile" };
    if (bodyOf(node, "ClusterStmt") !== undefined)
      yield { message: "CLUSTER writes whole tables anew, and nobody can use them meanwhile" };
    const refresh = bodyOf(node, "RefreshMatViewStmt");
    const view = existingTable(known, refresh?.relation);
    if (view !== undefined && refresh?.concurrent !== true && refresh?.skipData !== true)
      yield { message: `nobody can read ${view} while it is refreshed` };
  },
};

const REWRITES: ReadonlyMap<string, string> = new Map([
  ["AT_SetLogged", "SET LOGGED"],
  ["AT_SetUnLogged", "SET UNLOGGED"],
  ["AT_SetTableSpace", "SET TABLESPACE"],
  ["AT_SetAccessMethod", "SET ACCESS METHOD"],
]);

const WHOLE_TABLE: Rule = {
  name: "whole-table-dml",
  severity: "warning",
  files: ["up"],
  why: "every row is locked until the transaction ends, and written anew; the application waits for all of it",
  instead: "work in batches, from a job outside the migration",
  *ofStatement({ node, known }) {
    const update = bodyOf(node, "UpdateStmt");
    const remove = bodyOf(node, "DeleteStmt");
    const found = update ?? remove;
    if (found === undefined || found.whereClause !== undefined) return;
    const table = existingTable(known, found.relation);
    const verb = update === undefined ? "deletes" : "updates";
    if (table !== undefined) yield { message: `${verb} every row of ${table} in one statement` };
  },
};

export const LOCK_RULES: readonly Rule[] = [MISSING_TIMEOUT, MANY, REWRITE, WHOLE_TABLE];
