import { type Fact, parseId, type StableId } from "@supabase/pg-delta/core";
import type { ObjectId, ObjectInfo } from "./engine.ts";
import { type Facts, isOfExtension, nameOf, parentOf, schemaOf } from "./facts.ts";

/** Each answer is made when it is asked for: nearly all who ask, ask one thing of every object of a catalog. */
export class DescribedFact implements ObjectInfo {
  readonly #facts: Facts;
  readonly #id: ObjectId;
  readonly #fact: Fact | undefined;
  readonly #stable: StableId;

  constructor(facts: Facts, id: ObjectId) {
    this.#facts = facts;
    this.#id = id;
    this.#fact = facts.byId.get(id);
    // Taking an id apart is slow, and hardly ever needed.
    this.#stable = this.#fact?.id ?? parseId(id);
  }

  get kind(): string {
    return this.#stable.kind;
  }

  get name(): string {
    return nameOf(this.#stable);
  }

  get ownName(): string {
    return "name" in this.#stable ? this.#stable.name : this.name;
  }

  get schema(): string | undefined {
    return schemaOf(this.#stable);
  }

  get parent(): ObjectId | undefined {
    return this.#fact === undefined ? undefined : parentOf(this.#fact);
  }

  get ofExtension(): boolean {
    return isOfExtension(this.#facts, this.#id);
  }
}
