import type { CreateFunctionStmt, Node } from "libpg-query";
import { formatName, nameOfRange, nameOfWords } from "../tree/name.ts";
import { bodyOf, nodesIn, wordsOf } from "../tree/node.ts";
import { parseSql, queriesOfPlpgsql } from "../tree/parser.ts";
import type { Rule } from "./rule.ts";

const DEFINER: Rule = {
  name: "security-definer-search-path",
  severity: "warning",
  files: ["up", "schema", "bootstrap"],
  why: "who calls the function chooses the search_path, and so which tables and functions run with its owner's rights",
  instead: "add `set search_path = ''` to the function and qualify the names in it",
  *ofStatement({ node }) {
    const create = bodyOf(node, "CreateFunctionStmt");
    if (create === undefined || !isDefiner(create) || setsSearchPath(create)) return;
    yield { message: `${shownName(create)} runs with its owner's rights in its caller's search_path` };
  },
};

const UNQUALIFIED: Rule = {
  name: "function-search-path",
  severity: "note",
  files: ["up", "schema"],
  why: "which table the function means is decided by the search_path of whoever calls it",
  instead: "qualify the names, or add `set search_path = app, pg_temp` to the function",
  *ofStatement({ node, statement }) {
    const create = bodyOf(node, "CreateFunctionStmt");
    if (create === undefined || setsSearchPath(create) || isDefiner(create)) return;
    const tables = unqualifiedTables(create, statement.text);
    if (tables.length > 0)
      yield { message: `${shownName(create)} leaves ${tables.join(", ")} to the search_path of its caller` };
  },
};

type FunctionOption = "security" | "set" | "language" | "as";

function optionsOf({ options = [] }: CreateFunctionStmt, name: FunctionOption): Node[] {
  return options.flatMap((option) => {
    const { defname, arg } = bodyOf(option, "DefElem") ?? {};
    return defname === name && arg !== undefined ? [arg] : [];
  });
}

function isDefiner(create: CreateFunctionStmt): boolean {
  return optionsOf(create, "security").some((arg) => bodyOf(arg, "Boolean")?.boolval === true);
}

function setsSearchPath(create: CreateFunctionStmt): boolean {
  return optionsOf(create, "set").some((arg) => bodyOf(arg, "VariableSetStmt")?.name === "search_path");
}

function shownName({ funcname }: CreateFunctionStmt): string {
  return `${formatName(nameOfWords(wordsOf(funcname)))}()`;
}

function unqualifiedTables(create: CreateFunctionStmt, text: string): string[] {
  const [language] = wordsOf(optionsOf(create, "language"));
  const [body] = optionsOf(create, "as").flatMap((arg) => wordsOf(bodyOf(arg, "List")?.items));
  if (body === undefined) return [];
  const queries = language === "sql" ? [body] : language === "plpgsql" ? queriesOfPlpgsql(text) : [];
  const trees = queries.flatMap((query) => {
    const parsed = parseSql(query);
    return "nodes" in parsed ? parsed.nodes : [];
  });
  // Those of WITH, and temporary tables, have no schema to be named.
  const local = new Set(nodesIn(trees, "CommonTableExpr").map(({ ctename }) => ctename));
  for (const made of trees.flatMap(madeTables)) local.add(made);
  const names = nodesIn(trees, "RangeVar").flatMap(({ schemaname, relname = "" }) =>
    schemaname === undefined && !local.has(relname) ? [relname] : [],
  );
  return [...new Set(names)];
}

function madeTables(node: Node): string[] {
  const made = bodyOf(node, "CreateStmt")?.relation ?? bodyOf(node, "CreateTableAsStmt")?.into?.rel;
  return made?.relname === undefined ? [] : [made.relname];
}

const RLS: Rule = {
  name: "row-security-without-policy",
  severity: "note",
  files: ["up", "schema"],
  why: "with row-level security and no policy, everybody but the owner sees an empty table",
  instead: "create policy … on the table, in the same files",
  *ofStatement({ node, known }) {
    const { relation, cmds = [] } = bodyOf(node, "AlterTableStmt") ?? {};
    if (relation === undefined || known.hasPolicy(nameOfRange(relation))) return;
    const enables = cmds.some((each) => bodyOf(each, "AlterTableCmd")?.subtype === "AT_EnableRowSecurity");
    if (enables)
      yield {
        message: `no file has a policy for ${formatName(nameOfRange(relation))}: only its owner sees rows`,
        at: relation.location,
      };
  },
};

const POLICY: Rule = {
  name: "policy-without-row-security",
  severity: "warning",
  files: ["up", "schema"],
  why: "a policy does nothing until row-level security is enabled for the table",
  instead: "alter table … enable row level security",
  *ofStatement({ node, known }) {
    const { table, policy_name } = bodyOf(node, "CreatePolicyStmt") ?? {};
    if (table === undefined || known.isSecured(nameOfRange(table))) return;
    yield {
      message: `policy ${policy_name} does nothing: no file enables row-level security for ${formatName(nameOfRange(table))}`,
      at: table.location,
    };
  },
};

const PUBLIC: Rule = {
  name: "grant-to-public",
  severity: "warning",
  files: ["up", "schema", "bootstrap"],
  why: "PUBLIC is every role there is, and every role that will ever be",
  instead: "grant to a role that the application's roles are members of",
  *ofStatement({ node }) {
    const grant = bodyOf(node, "GrantStmt") ?? bodyOf(node, "AlterDefaultPrivilegesStmt")?.action;
    if (grant?.is_grant !== true) return;
    for (const each of grant.grantees ?? []) {
      const role = bodyOf(each, "RoleSpec");
      if (role?.roletype !== "ROLESPEC_PUBLIC") continue;
      const rights = (grant.privileges ?? []).map((right) => bodyOf(right, "AccessPriv")?.priv_name);
      const what = rights.length === 0 ? "all rights" : rights.join(", ");
      yield { message: `grants ${what} to every role, also to those to come`, at: role.location };
    }
  },
};

export const SECURITY_RULES: readonly Rule[] = [DEFINER, UNQUALIFIED, RLS, POLICY, PUBLIC];
