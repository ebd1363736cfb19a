import type { Problem } from "../errors.ts";
import type { Given, Layers, Origin } from "./layers.ts";
import { findGiven, toProblem } from "./layers.ts";
import type { Setting } from "./settings.ts";

export interface ValueOrigin {
  readonly from: Origin;
  /** The value as text, without secrets. */
  readonly shown: string;
}

/** Takes settings out of their layers, and keeps what was wrong and where each value came from. */
export class Values {
  readonly problems: Problem[] = [];
  readonly origins: Record<string, ValueOrigin> = {};
  readonly #layers: Layers;

  constructor(layers: Layers) {
    this.#layers = layers;
  }

  isGiven(setting: Setting): boolean {
    return findGiven(setting, this.#layers) !== undefined;
  }

  /** Nothing, when it is not given and has no default, or when there was a complaint. */
  find<T>(setting: Setting<T>): T | undefined {
    const given = findGiven(setting, this.#layers);
    const from = given?.from ?? "default";
    const text = given?.text ?? setting.fallback;
    const isHidden = setting.secret === true && text !== undefined && text !== "";
    const shown = isHidden ? "***" : (text ?? setting.fallbackWords ?? "");
    this.origins[setting.name] = { from, shown };
    if (text === undefined) return undefined;
    const reading = setting.read(text);
    if ("value" in reading) return reading.value;
    this.problems.push(toProblem(from, reading, setting.secret ? undefined : text));
    return undefined;
  }

  /** After a complaint the value must not be used: the caller throws first. */
  take<T>(setting: Setting<T> & { readonly fallback: string }): T {
    return this.find(setting) as T;
  }

  findWithOrigin(setting: Setting<string | undefined>): Given | undefined {
    const text = this.find(setting);
    return text === undefined ? undefined : { text, from: this.origins[setting.name]?.from ?? setting.name };
  }
}
