import type { Edit } from "./engine/engine.ts";
import type { Hazard } from "./plan.ts";
import { isWidening } from "./widening.ts";

/** What a change of one property of an object may do to people, whatever statement makes it. */
export function editHazards(edit: Edit): Hazard[] {
  switch (edit.property) {
    case "type":
      return isWidening(String(edit.from), String(edit.to))
        ? []
        : ["data loss", "table rewrite", "may fail on existing data"];
    // What is stored stays, and what is sorted or unique by it is built again.
    case "collation":
      return ["full scan", "may fail on existing data"];
    case "notNull":
      return edit.to === true ? ["full scan", "may fail on existing data"] : ["removes a guard"];
    case "rowSecurity":
    case "forceRowSecurity":
      return edit.to === false ? ["removes a guard"] : [];
    case "values":
      return isExtension(edit.from, edit.to) ? [] : ["data loss", "may fail on existing data"];
    case "persistence":
      return edit.to === "u" ? ["data loss", "table rewrite"] : ["table rewrite"];
    case "identity":
      return edit.from === null || edit.to === null ? ["may fail on existing data"] : [];
    case "privileges":
    case "grantable":
      return privilegeHazards(edit);
    case "enabled":
      return edit.to === "D" ? ["removes a guard"] : [];
    case "permissive":
      return edit.to === true ? ["removes a guard"] : [];
    case "roles":
    case "cmd":
      return ["removes a guard"];
    case "usingExpr":
    case "checkExpr":
      return edit.to === null || edit.to === "true" ? ["removes a guard"] : [];
    case "reloptions":
      return isUnguarded(optionsOf(edit.from), optionsOf(edit.to)) ? ["removes a guard"] : [];
    case "def":
      return routineHazards(headOf(edit.from), headOf(edit.to));
    default:
      return [];
  }
}

/** A view that asks as its reader, and one that lets no function see rows it doesn't show. */
const VIEW_GUARDS = ["security_invoker", "security_barrier"];

function isUnguarded(from: ReadonlySet<string>, to: ReadonlySet<string>): boolean {
  return VIEW_GUARDS.some((guard) => from.has(`${guard}=true`) && !to.has(`${guard}=true`));
}

function optionsOf(value: unknown): ReadonlySet<string> {
  return new Set(Array.isArray(value) ? value.map(String) : []);
}

/** What `pg_get_functiondef` writes before the body; of other definitions nothing. */
function headOf(definition: unknown): string {
  return (
    /^CREATE OR REPLACE (?:FUNCTION|PROCEDURE) .*?(?=\n(?:AS |BEGIN ATOMIC|RETURN ))/s.exec(
      String(definition),
    )?.[0] ?? ""
  );
}

function routineHazards(from: string, to: string): Hazard[] {
  if (!/\bSECURITY DEFINER\b/.test(to)) return [];
  if (!/\bSECURITY DEFINER\b/.test(from)) return ["privileges widened", "removes a guard"];
  return /\n SET search_path /.test(from) && !/\n SET search_path /.test(to) ? ["removes a guard"] : [];
}

function privilegeHazards(edit: Edit): Hazard[] {
  const from = new Set(Array.isArray(edit.from) ? edit.from : []);
  const to = new Set(Array.isArray(edit.to) ? edit.to : []);
  const hazards: Hazard[] = [];
  if ([...from].some((privilege) => !to.has(privilege))) hazards.push("privileges revoked");
  if ([...to].some((privilege) => !from.has(privilege))) hazards.push("privileges widened");
  return hazards;
}

function isExtension(from: unknown, to: unknown): boolean {
  if (!Array.isArray(from) || !Array.isArray(to)) return false;
  const kept = to.filter((value) => from.includes(value));
  return kept.length === from.length && kept.every((value, index) => value === from[index]);
}
