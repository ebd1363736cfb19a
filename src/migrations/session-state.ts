import { TokenCursor } from "../sql/cursor.ts";
import type { StatementGroup } from "../sql/file-class.ts";

/** Back to the role that slipway connected as: a file may have taken one without rights on slipway's tables. */
export const OWN_ROLE = "reset session authorization; reset role";

/**
 * The head of a message of its own that writes into the ledger: also behind SET SESSION CHARACTERISTICS … READ ONLY.
 * Has to come first, before the transaction has a snapshot (PostgreSQL manual, SET TRANSACTION).
 */
export const OWN_WRITE = `set transaction read write; ${OWN_ROLE}`;

/**
 * What a file set for the rest of itself, apart from its role. A later run that goes on behind these steps has
 * another session, in which it must be set again.
 */
export function settingsOf(groups: readonly StatementGroup[]): readonly string[] {
  return textsOf(groups).filter((text) => kindOf(text) === "setting");
}

/** The statements that take the role which a file has taken for the rest of itself; undefined for slipway's own. */
export function roleOf(groups: readonly StatementGroup[]): string | undefined {
  const latest = { authorization: "", role: "" };
  for (const text of textsOf(groups)) {
    const kind = kindOf(text);
    if (kind === "authorization") latest.role = "";
    if (kind === "authorization" || kind === "role") latest[kind] = /^reset\b/i.test(text) ? "" : text;
  }
  const statements = [latest.authorization, latest.role].filter((text) => text !== "");
  return statements.length === 0 ? undefined : statements.join("; ");
}

function textsOf(groups: readonly StatementGroup[]): readonly string[] {
  return groups.flatMap(({ statements }) => statements.map(({ text }) => text));
}

/** Undefined for what lasts no longer than its transaction, and for all that sets nothing. */
function kindOf(text: string): "role" | "authorization" | "setting" | undefined {
  const cursor = new TokenCursor(text);
  if (cursor.skip("select")) {
    if (cursor.skip("pg_catalog")) cursor.skip(".");
    return cursor.skip("set_config", "(") ? "setting" : undefined;
  }
  const isSet = cursor.skip("set");
  if (!isSet && !cursor.skip("reset")) return undefined;
  if (cursor.skip("session", "authorization")) return "authorization";
  cursor.skip("session");
  if (cursor.skip("role")) return "role";
  const word = cursor.word();
  return word === "local" || word === "transaction" || word === "constraints" ? undefined : "setting";
}
