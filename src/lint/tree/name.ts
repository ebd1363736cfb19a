import type { Node, RangeVar } from "libpg-query";
import { bodyOf, wordsOf } from "./node.ts";

/** The name of an object, as far as a statement gives it. */
export interface Name {
  /** Undefined when it is left to the search_path. */
  readonly schema: string | undefined;
  readonly name: string;
}

export function nameOfWords(words: readonly string[]): Name {
  return { schema: words.at(-2), name: words.at(-1) ?? "" };
}

export function nameOfRange({ schemaname, relname = "" }: RangeVar): Name {
  return { schema: schemaname, name: relname };
}

/** What stands in the list of a DROP: a name, a type, or a function with its arguments. */
export function nameOfObject(object: Node): Name {
  const words =
    bodyOf(object, "List")?.items ??
    bodyOf(object, "TypeName")?.names ??
    bodyOf(object, "ObjectWithArgs")?.objname;
  return nameOfWords(words === undefined ? wordsOf([object]) : wordsOf(words));
}

export function formatName({ schema, name }: Name): string {
  return schema === undefined ? name : `${schema}.${name}`;
}

/** Names by which objects are looked up; one without a schema may mean any object so called. */
export class NameMap<T> {
  readonly #byName = new Map<string, [schema: string | undefined, value: T][]>();

  set({ schema, name }: Name, value: T): void {
    const others = (this.#byName.get(name) ?? []).filter(([known]) => known !== schema);
    this.#byName.set(name, [...others, [schema, value]]);
  }

  get({ schema, name }: Name): T | undefined {
    const found = this.#byName
      .get(name)
      ?.findLast(([known]) => known === schema || known === undefined || schema === undefined);
    return found?.[1];
  }

  has(name: Name): boolean {
    return this.get(name) !== undefined;
  }

  delete({ schema, name }: Name): void {
    const others = (this.#byName.get(name) ?? []).filter(
      ([known]) => known !== schema && known !== undefined && schema !== undefined,
    );
    this.#byName.set(name, others);
  }

  clear(): void {
    this.#byName.clear();
  }
}
