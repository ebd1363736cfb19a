import { type TSchema, type TUnsafe, Type } from "typebox";

/** A migration's version: 64 bits, which a number of JSON does not hold. */
export const Digits = Type.String({ pattern: "^[0-9]+$" });

export const DateTime = Type.String({ format: "date-time" });

/** One of these words. */
export function words<const Word extends string>(...all: readonly Word[]): TUnsafe<Word> {
  return Type.Unsafe<Word>({ type: "string", enum: all });
}

export function Nullable<T extends TSchema>(schema: T) {
  return Type.Union([schema, Type.Null()]);
}
