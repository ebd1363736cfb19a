import { COLUMN_RULES } from "./columns.ts";
import { CONSTRAINT_RULES } from "./constraints.ts";
import { INDEX_RULES } from "./indexes.ts";
import { LOCK_RULES } from "./locks.ts";
import { NAME_RULES } from "./names.ts";
import { REMOVAL_RULES } from "./removals.ts";
import type { Rule } from "./rule.ts";
import { SECURITY_RULES } from "./security.ts";
import { TRANSACTION_RULES } from "./transactions.ts";

/** Found while files are read: what `slipway run` would refuse. */
export const INVALID_FILE: Rule = {
  name: "invalid-file",
  severity: "error",
  files: ["up", "down", "schema", "bootstrap"],
  why: "`slipway run` refuses the file, or PostgreSQL can't parse it",
  instead: "mend it; this can be neither allowed nor turned off",
};

export const UNKNOWN_RULE: Rule = {
  name: "unknown-rule",
  severity: "warning",
  files: ["up", "down", "schema", "bootstrap"],
  why: "a misspelt name in an allow comment allows nothing",
  instead: "write the rule's name as in the finding",
};

/** Every rule, in the order of docs/lint.md. Names are public: configurations and comments hold them. */
export const RULES: readonly Rule[] = [
  ...INDEX_RULES,
  ...COLUMN_RULES,
  ...CONSTRAINT_RULES,
  ...REMOVAL_RULES,
  ...LOCK_RULES,
  ...TRANSACTION_RULES,
  ...SECURITY_RULES,
  ...NAME_RULES,
  UNKNOWN_RULE,
  INVALID_FILE,
];
