import {
  type ConcurrentWork,
  findCreateIndex,
  findDetachPartition,
  findDropIndex,
  findReindex,
} from "./concurrent.ts";
import { findControl, type TransactionControl } from "./control.ts";
import { type ObjectName, TokenCursor } from "./cursor.ts";
import { findRefusal } from "./non-transactional.ts";
import { describe, type Label } from "./summary.ts";

/** `alter type … add value '…'` */
export interface EnumValue {
  readonly type: ObjectName;
  readonly value: string;
}

/** What slipway has to know of a statement before it runs it. */
export interface StatementClass extends Label {
  readonly control: TransactionControl | undefined;
  /** Why PostgreSQL refuses the statement in a transaction block; undefined when it doesn't. */
  readonly nonTransactional: string | undefined;
  /** False where the refusal depends on the database, and a block may turn out to be fine. */
  readonly alwaysRefused: boolean;
  readonly concurrent: ConcurrentWork | undefined;
  /** May not be used before it is committed. */
  readonly addsEnumValue: EnumValue | undefined;
}

/** Tells by its words what a statement is. Reads only as far as it has to. */
export function classifyStatement(statement: { readonly text: string }): StatementClass {
  const { text } = statement;
  const control = findControl(new TokenCursor(text));
  const refusal = findRefusal(text);
  return {
    ...describe(text),
    control,
    nonTransactional: refusal?.reason,
    alwaysRefused: refusal?.always ?? false,
    concurrent: findConcurrent(text),
    addsEnumValue: findEnumValue(new TokenCursor(text)),
  };
}

function findConcurrent(text: string): ConcurrentWork | undefined {
  switch (new TokenCursor(text).word()) {
    case "create":
      return findCreateIndex(new TokenCursor(text));
    case "drop":
      return findDropIndex(new TokenCursor(text));
    case "reindex":
      return findReindex(new TokenCursor(text));
    case "alter":
      return findDetachPartition(new TokenCursor(text));
    default:
      return undefined;
  }
}

function findEnumValue(cursor: TokenCursor): EnumValue | undefined {
  if (!cursor.skip("alter", "type")) return undefined;
  const type = cursor.name();
  if (type === undefined || !cursor.skip("add", "value")) return undefined;
  cursor.skip("if", "not", "exists");
  const value = cursor.literal();
  return value === undefined ? undefined : { type, value };
}
