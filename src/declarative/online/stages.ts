import type { EngineAction, ObjectId } from "../engine/engine.ts";

/**
 * Where in the plan a statement goes. Even stages are transactions; in odd ones every statement stands alone.
 * All that can be is in stage 0, one transaction, and what waits for the work of a stage comes after it.
 */
export class Stages {
  readonly #stages: EngineAction[][] = [];
  readonly #availableFrom = new Map<ObjectId, number>();

  /** The first transaction in which all of these are there. */
  transaction(needs: Iterable<ObjectId>): number {
    const from = this.#from(needs);
    return from % 2 === 0 ? from : from + 1;
  }

  /** The first stage outside of transactions in which all of these are there. */
  alone(needs: Iterable<ObjectId>): number {
    const from = this.#from(needs);
    return from % 2 === 1 ? from : from + 1;
  }

  /** `makes` is not to be used before this stage. */
  add(stage: number, action: EngineAction, makes: Iterable<ObjectId> = []): void {
    const list = this.#stages[stage] ?? [];
    list.push(stage % 2 === 0 ? action : { ...action, transactional: false });
    this.#stages[stage] = list;
    if (stage > 0) for (const id of makes) this.availableFrom(id, stage);
  }

  availableFrom(id: ObjectId, stage: number): void {
    this.#availableFrom.set(id, Math.max(stage, this.#availableFrom.get(id) ?? 0));
  }

  /** The statements in the order of their stages. */
  toActions(): EngineAction[] {
    return this.#stages.flat();
  }

  #from(needs: Iterable<ObjectId>): number {
    let stage = 0;
    for (const id of needs) stage = Math.max(stage, this.#availableFrom.get(id) ?? 0);
    return stage;
  }
}
