/** What to do next, by SQLSTATE: one sentence for a person who did not write the statement. */
const ADVICE: Readonly<Record<string, string>> = {
  "25001": "move the statement into a file of its own, or add `-- slipway: no-transaction` to this one",
  "2D000": "it ends transactions itself: write `-- slipway: no-transaction` in the line above the statement",
  "25006": "the server is read-only: connect to the primary; or the file made its session so: take that out",
  "2BP01": "other objects depend on it (see detail): drop or change them first, in the same file",
  "3F000": "the schema is not there: create it in bootstrap.sql, or qualify the name",
  "40P01": "another session was in the way: run again",
  "42501": "grant the role what is named, or run as a role that has it",
  "42601": "correct the syntax at the caret",
  "42P01": "the table is not there (yet): check the order of files, the spelling and the schema",
  "42P07":
    "it is there already: from a change by hand, or from another tool; drop it or take the statement out",
  "42701": "the column is there already: from a change by hand, or from another tool; take the statement out",
  "42710":
    "it is there already: from a change by hand, or from another tool; drop it or take the statement out",
  "42723":
    "it is there already: write `create or replace`, where its result and parameters stay the same, or drop it first",
  "42P06": "the schema is there already: write `create schema if not exists`, or leave the statement out",
  "42P16":
    "PostgreSQL cannot change it in place (see its words): drop it and create it again, in the same file",
  "42704": "what is named is not there (yet): check the order of files, the spelling and the schema",
  "42703": "check the column's name, and that the migration that adds it comes first",
  "42883":
    "check the function's name and argument types, and that its extension is installed in the search_path",
  "53100": "the server's disk is full: make room, then run again",
  "53200": "the server ran out of shared memory: raise max_locks_per_transaction, or split the file",
  "55006":
    "something still uses it; of pending trigger events: write `set constraints all immediate;` above the statement, or move it to a later file",
  "55P03": "another session holds the lock: see pg_stat_activity, or raise SLIPWAY_LOCK_TIMEOUT",
  "55P04": "use the new enum value in a later file: PostgreSQL wants its ALTER TYPE committed first",
  "57014": "it was cancelled: by SLIPWAY_STATEMENT_TIMEOUT or by a person",
  "23502":
    "give the column a value; for a new constraint, fill the missing values first (an UPDATE in an earlier migration)",
  "23503": "rows point to missing rows: repair the data, or add the constraint NOT VALID and validate later",
  "23505": "there are duplicates (see detail): remove them first",
  "23514": "rows break the check: repair the data, or add the constraint NOT VALID and validate later",
  "23P01": "rows exclude each other (see detail): change or remove some of them first",
  "22001":
    "a value is longer than its type allows: shorten the value, or the data that is to have a new type",
  "22003": "a value does not fit its type: correct the value, or the data that is to have a new type",
  "22P02": "a value cannot be read as its type: correct the value, or the data that is to have a new type",
  "0A000": "PostgreSQL does not support this here (see its words): rewrite the statement",
};

const NO_EXTENSION = /^extension ".*" is not available|extension control file/;

/** `message` is PostgreSQL's: 0A000 (58P01 up to 14) is said of an extension that is not installed, too. */
export function adviceFor(sqlstate: string, message = ""): string | undefined {
  if (NO_EXTENSION.test(message))
    return "the server lacks the extension's files: install its package there, or take a server image that has it";
  return ADVICE[sqlstate];
}
