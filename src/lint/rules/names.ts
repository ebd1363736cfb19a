import type { RangeVar } from "libpg-query";
import { tokenize } from "../../sql/lexer.ts";
import { formatName, nameOfObject, nameOfRange } from "../tree/name.ts";
import { bodyOf, nodesIn, wordsOf } from "../tree/node.ts";
import type { Judged, Rule } from "./rule.ts";

/** PostgreSQL's NAMEDATALEN, less the zero byte at the end. */
const LONGEST_BYTES = 63;

const TOO_LONG: Rule = {
  name: "identifier-too-long",
  severity: "warning",
  files: ["up", "schema", "bootstrap"],
  why: "PostgreSQL cuts names off after 63 bytes, with a notice only, and two of them may then be one",
  instead: "a name of at most 63 bytes",
  *ofStatement({ statement: { text } }) {
    for (const { kind, start, end } of Buffer.byteLength(text) > LONGEST_BYTES ? tokenize(text) : []) {
      if (kind !== "word" && kind !== "quotedIdentifier") continue;
      const word = text.slice(start, end);
      const name = kind === "word" ? word : word.slice(1, -1).replaceAll('""', '"');
      const bytes = Buffer.byteLength(name);
      if (bytes > LONGEST_BYTES)
        yield {
          message: `the name has ${bytes} bytes and is cut off to ${cutOff(name)}`,
          at: Buffer.byteLength(text.slice(0, start)),
        };
    }
  },
};

function cutOff(name: string): string {
  return Buffer.from(name)
    .subarray(0, LONGEST_BYTES)
    .toString()
    .replace(/\uFFFD$/, "");
}

const UNQUALIFIED: Rule = {
  name: "unqualified-name",
  severity: "off",
  files: ["up", "schema"],
  why: "which table is meant, or where it is made, is decided by the search_path",
  instead: "schema.name",
  *ofStatement({ node }) {
    const local = new Set(nodesIn(node, "CommonTableExpr").map(({ ctename }) => ctename));
    for (const range of rangesOf(node)) {
      const { schemaname, relname = "", relpersistence, location } = range;
      if (schemaname !== undefined || relpersistence === "t" || local.has(relname)) continue;
      yield { message: `${relname} is left to the search_path`, at: location };
    }
  },
};

/** Statements hold their own table as a bare value, queries theirs as nodes. */
function rangesOf(node: Judged["node"]): RangeVar[] {
  const [body] = Object.values(node) as { relation?: RangeVar; view?: RangeVar; into?: { rel?: RangeVar } }[];
  const own = [body?.relation, body?.view, body?.into?.rel].filter((range) => range !== undefined);
  return [...own, ...nodesIn(node, "RangeVar")];
}

const RECORDS: Rule = {
  name: "slipway-records",
  severity: "error",
  files: ["up", "down", "schema", "bootstrap"],
  why: "slipway keeps its own records there, and a run relies on them",
  instead: "leave that schema to slipway, or give its records another one: SLIPWAY_STATE_SCHEMA",
  *ofStatement({ node, file }) {
    const { stateSchema } = file.settings;
    if (bodyOf(node, "SelectStmt") !== undefined) return;
    const [range] = rangesOf(node).filter(({ schemaname }) => schemaname === stateSchema);
    if (range !== undefined && isOwn(node, range))
      yield {
        message: `changes ${formatName(nameOfRange(range))}, which is slipway's own`,
        at: range.location,
      };
    const { removeType, objects = [] } = bodyOf(node, "DropStmt") ?? {};
    for (const name of objects.map(nameOfObject)) {
      const isIts = removeType === "OBJECT_SCHEMA" ? name.name === stateSchema : name.schema === stateSchema;
      if (isIts) yield { message: `drops ${formatName(name)}, which is slipway's own` };
    }
    const rename = bodyOf(node, "RenameStmt");
    if (rename?.renameType === "OBJECT_SCHEMA" && rename.subname === stateSchema)
      yield { message: `renames ${stateSchema}, which is slipway's own` };
  },
};

/** Whether the statement changes the table, rather than reads it. */
function isOwn(node: Judged["node"], range: RangeVar): boolean {
  const [body] = Object.values(node) as { relation?: RangeVar; relations?: unknown }[];
  return body?.relation === range || bodyOf(node, "TruncateStmt") !== undefined;
}

const BOOTSTRAP: Rule = {
  name: "belongs-in-bootstrap",
  severity: "warning",
  files: ["up"],
  why: "roles belong to the whole server and extensions mostly need more rights than a migration has",
  instead: "put it into bootstrap.sql, which runs again on a restored or new server",
  *ofStatement({ node }) {
    const role = bodyOf(node, "CreateRoleStmt")?.role;
    const extension = bodyOf(node, "CreateExtensionStmt")?.extname;
    if (role !== undefined)
      yield { message: `role ${role} is the server's, and a restored database lacks it` };
    // Every database has it; pg_dump used to write it all the same.
    if (extension !== undefined && extension !== "plpgsql")
      yield { message: `extension ${extension} may need rights that the migration's role lacks` };
  },
};

const IF_NOT_EXISTS: Rule = {
  name: "if-not-exists",
  severity: "warning",
  files: ["schema"],
  why: "a schema file says what is there: of two declarations of one name, IF NOT EXISTS silently ignores the second",
  instead: "leave IF NOT EXISTS out; slipway makes only what is missing",
  *ofStatement({ node }) {
    const [body] = Object.values(node) as { if_not_exists?: boolean }[];
    // A schema may be bootstrap.sql's, or PostgreSQL's own, and yet be declared.
    const isSchema = bodyOf(node, "CreateSchemaStmt") !== undefined;
    if (body?.if_not_exists === true && !isSchema)
      yield { message: `IF NOT EXISTS hides a second declaration${named(node)}` };
  },
};

function named(node: Judged["node"]): string {
  const relation = bodyOf(node, "CreateStmt")?.relation;
  if (relation !== undefined) return ` of ${formatName(nameOfRange(relation))}`;
  const index = bodyOf(node, "IndexStmt")?.idxname;
  const words = wordsOf(bodyOf(node, "CreateEnumStmt")?.typeName).join(".");
  const name = index ?? words;
  return name === "" ? "" : ` of ${name}`;
}

export const NAME_RULES: readonly Rule[] = [TOO_LONG, UNQUALIFIED, RECORDS, BOOTSTRAP, IF_NOT_EXISTS];
