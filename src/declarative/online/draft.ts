import type { Catalog, EngineAction, ManagedView, ObjectId, SchemaEngine } from "../engine/engine.ts";
import type { Populated, Population } from "./population.ts";
import { Stages } from "./stages.ts";

export interface OnlineInput {
  readonly engine: SchemaEngine;
  readonly view: ManagedView;
  /** The database as it was read, with what nobody declared: what a run that died left is there. */
  readonly current: Catalog;
  readonly population: Population;
}

/** The plan in the making: what the engine wants, and the stages that it is put into. */
export class Draft {
  readonly input: OnlineInput;
  readonly actions: readonly EngineAction[];
  readonly stages = new Stages();
  readonly created: ReadonlySet<ObjectId>;
  readonly dropped: ReadonlySet<ObjectId>;
  /** Columns that are NOT NULL only from a later stage on. */
  readonly notNullFrom = new Map<ObjectId, number>();
  /** Drops that wait for what takes the place. */
  readonly replaced = new Map<ObjectId, EngineAction>();
  /** What comes after all stages, each alone. */
  readonly last: EngineAction[] = [];
  /** What a run that died left and this one goes on with, as SQL, qualified. */
  readonly kept = new Set<string>();
  /** Those that are taken beside partitions, once what the plan drops is gone; as SQL, qualified. */
  readonly names: Set<string>;

  constructor(input: OnlineInput, actions: readonly EngineAction[]) {
    this.input = input;
    this.actions = actions;
    this.created = new Set(actions.flatMap(({ creates }) => creates));
    this.dropped = new Set(actions.flatMap(({ drops }) => drops));
    this.names = new Set(input.population.names);
    const { engine, view } = input;
    const gone = new Set([...this.dropped].map((id) => engine.quotedName(view.current, id)));
    for (const { leaves } of input.population.relations.values()) {
      for (const { name, root } of leaves.flatMap(({ indexes }) => indexes)) {
        if (root !== null && gone.has(root)) this.names.delete(name);
      }
    }
  }

  toActions(): EngineAction[] {
    return [...this.stages.toActions(), ...this.last];
  }

  /** What must be there before: what the statement names, and what its object will refer to. */
  needsOf(action: EngineAction): ObjectId[] {
    const { engine, view } = this.input;
    const needs = [
      ...action.objects,
      ...[...action.creates, ...redefined(action)].flatMap((id) => engine.dependencies(view.desired, id)),
    ];
    if (action.step !== undefined) needs.push(action.step.column);
    return needs;
  }

  /** Undefined for what has no rows, or is made by the plan itself. */
  populated(relation: ObjectId): Populated | undefined {
    if (this.created.has(relation) || this.dropped.has(relation)) return undefined;
    return this.input.population.relations.get(relation);
  }

  /** The action as the engine has it, in the first stage that has all it needs. */
  place(action: EngineAction): void {
    const { step } = action;
    const column = step === undefined ? [] : [step.column];
    const proven = step?.kind === "add identity" ? (this.notNullFrom.get(step.column) ?? 0) : 0;
    const needs = this.needsOf(action);
    const from = action.transactional ? this.stages.transaction(needs) : this.stages.alone(needs);
    const stage = Math.max(from, proven);
    for (const id of action.creates) {
      const replaced = this.replaced.get(id);
      if (replaced !== undefined) this.stages.add(stage, replaced);
    }
    this.stages.add(stage, action, [...action.creates, ...action.drops, ...column, ...redefined(action)]);
  }
}

function redefined({ redefines }: EngineAction): ObjectId[] {
  return redefines === undefined ? [] : [redefines];
}
