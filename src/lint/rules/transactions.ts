import { findControl } from "../../sql/control.ts";
import { TokenCursor } from "../../sql/cursor.ts";
import { usesValue } from "../../sql/enum-use.ts";
import { bodyOf, wordsOf } from "../tree/node.ts";
import type { Judged, Rule } from "./rule.ts";

const MIXED: Rule = {
  name: "concurrent-mixed",
  severity: "warning",
  files: ["up"],
  why: "a file that can't be one transaction runs in steps, and a failure leaves the steps before it in place",
  instead: "a file of its own for each statement that can't be in a transaction",
  *ofFile({ fileClass, statements }) {
    if (fileClass?.mode !== "no-transaction") return;
    const others = statements.filter(({ group, node }) => group?.transactional === true && !isSet(node));
    const alone = statements.find(({ group }) => group?.transactional === false);
    if (others.length === 0 || alone === undefined) return;
    const reason = alone.group?.reason ?? "a statement outside any transaction";
    yield {
      judged: alone,
      message: `${reason}: the file runs in ${fileClass.groups.length} steps, and the others of it may stay alone`,
    };
  },
};

function isSet(node: Judged["node"]): boolean {
  return bodyOf(node, "VariableSetStmt") !== undefined;
}

const SEVERAL: Rule = {
  name: "several-transactions",
  severity: "warning",
  files: ["up"],
  why: "what an earlier transaction of the file did stays when a later one fails",
  instead: "a file for each transaction; slipway puts one around every file",
  *ofFile({ fileClass, statements }) {
    if (fileClass?.mode !== "self-managed") return;
    const isBegin = ({ statement }: Judged): boolean =>
      findControl(new TokenCursor(statement.text))?.kind === "begin";
    yield {
      judged: statements.filter(isBegin)[1] ?? statements.find(isBegin),
      message: `the file has transactions of its own and runs in ${fileClass.groups.length} steps`,
    };
  },
};

const ENUM: Rule = {
  name: "enum-value-in-same-transaction",
  severity: "error",
  files: ["up", "down"],
  why: "a new value of an enum can't be used before the transaction that added it is committed (SQLSTATE 55P04)",
  instead: "add the value in an earlier file",
  *ofFile({ statements }) {
    for (const judged of statements) {
      const { newVal, oldVal, typeName } = bodyOf(judged.node, "AlterEnumStmt") ?? {};
      if (newVal === undefined || oldVal !== undefined || judged.group?.transactional !== true) continue;
      const together = statements.filter(({ group }) => group === judged.group);
      // A type made in the same transaction may be used at once, with all its values.
      const isNew = together.some(
        ({ node }) => String(wordsOf(bodyOf(node, "CreateEnumStmt")?.typeName)) === String(wordsOf(typeName)),
      );
      const use = together.find(
        ({ statement }) => statement.start > judged.statement.start && usesValue(statement.text, newVal),
      );
      if (use !== undefined && !isNew)
        yield {
          judged: use,
          message: `uses '${newVal}' in the transaction that adds it, in line ${judged.statement.line}`,
        };
    }
  },
};

const SESSION: Rule = {
  name: "session-state",
  severity: "note",
  files: ["up", "down", "schema", "bootstrap"],
  why: "what SET changes holds to the end of the file at most: slipway resets the session before the next one",
  instead: "set local, which says so",
  *ofStatement({ node, group }) {
    const set = bodyOf(node, "VariableSetStmt");
    if (set?.kind !== "VAR_SET_VALUE" || set.is_local === true) return;
    // Where each statement has a transaction of its own, or none, SET LOCAL does nothing.
    if (group !== undefined && group.transactional !== true) return;
    yield { message: `${set.name ?? "the setting"} is set for the session, not for the file` };
  },
};

export const TRANSACTION_RULES: readonly Rule[] = [MIXED, SEVERAL, ENUM, SESSION];
