import type { Phase } from "../schemas/records.ts";
import { badge, byId, element } from "./element.ts";
import { problemView } from "./problem-view.ts";
import { phaseTone } from "./run-view.ts";
import type { StreamEvent } from "./stream.ts";
import { count, took } from "./words.ts";

type Name = Phase["phase"];

interface Step {
  readonly what: string;
  readonly step: number;
  readonly steps: number;
}

const NAMES: readonly Name[] = ["bootstrap", "declarative", "user"];
const TITLES: Readonly<Record<Name, string>> = {
  bootstrap: "Bootstrap",
  declarative: "Declarative schema",
  user: "User migrations",
};

/** The run that is told of now: which phase it is in, which step of it, and how it ended. */
export class LiveView {
  readonly #going = new Set<Name>();
  readonly #steps = new Map<Name, Step>();
  readonly #over = new Map<Name, Phase>();

  /** True when the run is over. */
  take({ event, data }: StreamEvent): boolean {
    switch (event) {
      case "run":
        this.#begin(data.by);
        break;
      case "phase":
        this.#going.add(data.phase);
        break;
      case "step":
        this.#steps.set(data.phase, data);
        break;
      case "phase-end":
        this.#over.set(data.record.phase, data.record);
        break;
      case "run-end":
        this.#end(data);
        return true;
    }
    this.#draw();
    return false;
  }

  #begin(by: string | undefined): void {
    this.#going.clear();
    this.#steps.clear();
    this.#over.clear();
    byId("live").hidden = false;
    byId("live-title").textContent = "Run in progress";
    byId("live-words").textContent = by === undefined ? "" : `Asked for by ${by}.`;
    byId("live-outcome").replaceChildren();
  }

  #end(data: StreamEvent["data"]): void {
    byId("live-title").textContent = "The run is over";
    if (data.problem !== undefined) {
      byId("live-words").textContent = "The run failed.";
      byId("live-outcome").replaceChildren(problemView(data.problem));
    } else {
      byId("live-words").textContent =
        data.report.result === "applied" ? "Everything was applied." : "There was nothing to do.";
    }
    this.#draw();
  }

  #draw(): void {
    byId("live-phases").replaceChildren(...NAMES.map((name) => this.#phase(name)));
  }

  #phase(name: Name): HTMLElement {
    const over = this.#over.get(name);
    const step = this.#steps.get(name);
    const title = element("span", { class: "name" }, TITLES[name]);
    if (over !== undefined) {
      const words = `${took(over.durationMs)}${over.changes > 0 ? `, ${count(over.changes, "change")}` : ""}`;
      return element(
        "li",
        { class: over.outcome === "failed" ? "bad" : "ok" },
        element("p", {}, title, " ", badge(over.outcome, phaseTone(over.outcome))),
        element("p", { class: "words" }, words),
      );
    }
    if (!this.#going.has(name)) return element("li", {}, element("p", {}, title, " ", badge("to come")));
    const words =
      step === undefined ? "looking at what there is to do" : `${step.step} of ${step.steps}: ${step.what}`;
    const progress = element("progress", {
      attributes: {
        max: String(step?.steps ?? 1),
        value: step === undefined ? undefined : String(step.step - 1),
        "aria-label": TITLES[name],
      },
    });
    return element(
      "li",
      { class: "info" },
      element("p", {}, title, " ", badge("at work", "info", true)),
      element("p", { class: "words" }, words),
      progress,
    );
  }
}
