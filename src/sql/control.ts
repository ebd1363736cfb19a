import type { TokenCursor } from "./cursor.ts";

/** What a statement does to the transaction it stands in. `savepoint` covers RELEASE and ROLLBACK TO. */
export type TransactionControl =
  | { readonly kind: "begin"; readonly options: string }
  | { readonly kind: "commit"; readonly chain: boolean }
  | { readonly kind: "rollback"; readonly chain: boolean }
  | { readonly kind: "savepoint" }
  | { readonly kind: "prepare transaction" };

/**
 * The transaction control statement the cursor stands before. COMMIT PREPARED and ROLLBACK PREPARED
 * are none: they act on another transaction.
 */
export function findControl(cursor: TokenCursor): TransactionControl | undefined {
  switch (cursor.word()) {
    case "begin":
      cursor.take();
      return beginWith(cursor);
    case "start":
      return cursor.skip("start", "transaction") ? beginWith(cursor) : undefined;
    case "commit":
    case "end":
      if (cursor.word(1) === "prepared") return undefined;
      cursor.take();
      return { kind: "commit", chain: isChained(cursor) };
    case "rollback":
    case "abort":
      if (cursor.word(1) === "prepared") return undefined;
      cursor.take();
      passNoise(cursor);
      return cursor.word() === "to" ? { kind: "savepoint" } : { kind: "rollback", chain: isChained(cursor) };
    case "savepoint":
    case "release":
      return { kind: "savepoint" };
    case "prepare":
      // `prepare transaction as …` is a prepared statement of that name.
      return cursor.skip("prepare", "transaction") && cursor.literal() !== undefined
        ? { kind: "prepare transaction" }
        : undefined;
    default:
      return undefined;
  }
}

function beginWith(cursor: TokenCursor): TransactionControl {
  passNoise(cursor);
  return { kind: "begin", options: cursor.rest() };
}

function isChained(cursor: TokenCursor): boolean {
  passNoise(cursor);
  return cursor.skip("and", "chain");
}

function passNoise(cursor: TokenCursor): void {
  if (!cursor.skip("work")) cursor.skip("transaction");
}
