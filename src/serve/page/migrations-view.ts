import type { Migration } from "../schemas/records.ts";
import { badge, element, type Tone, table } from "./element.ts";
import { ago, took } from "./words.ts";

const TONES: Readonly<Record<Migration["state"], Tone>> = { applied: "ok", failed: "bad", pending: "info" };

/** The newest first: what is pending or failed is mostly there. */
export function migrationsView(migrations: readonly Migration[]): HTMLElement {
  if (migrations.length === 0) return element("p", { class: "empty" }, "There is no migration.");
  return table(
    "Migrations, the newest first",
    [
      { head: "Version", isNumber: true },
      { head: "Name" },
      { head: "State" },
      { head: "Applied" },
      { head: "Took", isNumber: true },
      { head: "File" },
    ],
    [...migrations]
      .reverse()
      .map((each) => [
        each.version,
        element(
          "div",
          {},
          each.name,
          each.error !== undefined && element("span", { class: "error" }, each.error),
        ),
        badge(stateWords(each), TONES[each.state]),
        ago(each.appliedAt),
        each.durationMs === undefined ? "" : took(each.durationMs),
        each.checksum,
      ]),
  );
}

function stateWords({ state, stepsDone = 0, stepsTotal = 0, stepInFlight }: Migration): string {
  if (stepInFlight !== undefined) return `${state}, step ${stepInFlight} in flight`;
  return state !== "applied" && stepsDone > 0 ? `${state}, ${stepsDone} of ${stepsTotal} steps` : state;
}
