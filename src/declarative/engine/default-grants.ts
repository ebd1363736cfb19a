import { encodeId, type StableId } from "@supabase/pg-delta/core";
import { quoteIdent } from "../../sql/quote.ts";
import type { EngineAction, ManagedView } from "./engine.ts";
import { type Facts, factsOf, schemaOf } from "./facts.ts";

/** `objtype` of a default privilege (manual, pg_default_acl), and the word of GRANT for it. */
const OBJECT_TYPES: Readonly<Record<string, readonly [objtype: string, word: string]>> = {
  table: ["r", "TABLE"],
  view: ["r", "TABLE"],
  materializedView: ["r", "TABLE"],
  foreignTable: ["r", "TABLE"],
  sequence: ["S", "SEQUENCE"],
  function: ["f", "FUNCTION"],
  procedure: ["f", "PROCEDURE"],
  type: ["T", "TYPE"],
  domain: ["T", "DOMAIN"],
};

/**
 * A new object gets the default privileges of its maker. Where the desired state has none of them for a
 * role, the files revoked them; the engine writes what is granted and leaves such a grant in place.
 */
export function revokeDefaultGrants(view: ManagedView, actions: readonly EngineAction[]): EngineAction[] {
  const [current, desired] = [factsOf(view.current), factsOf(view.desired)];
  const defaults = [...defaultsOf(current), ...defaultsOf(desired)];
  if (defaults.length === 0) return [...actions];
  return actions.flatMap((action) => {
    const [id] = action.creates;
    const made = id === undefined ? undefined : desired.byId.get(id)?.id;
    const type = made === undefined ? undefined : OBJECT_TYPES[made.kind];
    if (made === undefined || type === undefined) return [action];
    const [objtype, word] = type;
    const grantees = defaults
      .filter((each) => each.objtype === objtype && each.role === desired.currentRole)
      .filter((each) => each.schema === null || each.schema === schemaOf(made))
      .map(({ grantee }) => grantee)
      .filter((grantee) => !desired.byId.has(encodeId({ kind: "acl", target: made, grantee } as StableId)))
      .filter((grantee) => grantee !== desired.currentRole);
    return [
      action,
      ...[...new Set(grantees)].map((grantee) => ({
        ...action,
        sql: `REVOKE ALL ON ${word} ${nameInSql(made)} FROM ${grantee === "PUBLIC" ? grantee : quoteIdent(grantee)}`,
        verb: "alter" as const,
        creates: [],
        lock: "none" as const,
        rewrites: false,
        step: undefined,
      })),
    ];
  });
}

type DefaultPrivilege = Extract<StableId, { kind: "defaultPrivilege" }>;

function defaultsOf(facts: Facts): DefaultPrivilege[] {
  return [...facts.byId.values()].flatMap(({ id }) => (id.kind === "defaultPrivilege" ? [id] : []));
}

function nameInSql(id: StableId): string {
  const name = "name" in id ? quoteIdent(id.name) : "";
  const args = "args" in id ? `(${id.args.join(", ")})` : "";
  return `${quoteIdent(schemaOf(id) ?? "public")}.${name}${args}`;
}
