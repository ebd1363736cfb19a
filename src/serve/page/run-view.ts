import type { Phase, Run } from "../schemas/records.ts";
import { badge, element, type Tone, table } from "./element.ts";
import { ago, took } from "./words.ts";

export function phaseTone(outcome: Phase["outcome"]): Tone {
  if (outcome === "failed") return "bad";
  if (outcome === "applied") return "info";
  return outcome === "unchanged" || outcome === "skipped" ? "ok" : "";
}

const TONES: Readonly<Record<Run["status"], Tone>> = {
  running: "info",
  done: "ok",
  failed: "bad",
  interrupted: "warn",
  abandoned: "warn",
};

export function runsView(runs: readonly Run[]): HTMLElement {
  if (runs.length === 0) return element("p", { class: "empty" }, "There was no run yet.");
  return table(
    "History of runs, the newest first",
    [
      { head: "Started" },
      { head: "Outcome" },
      { head: "Phases" },
      { head: "Took", isNumber: true },
      { head: "By" },
    ],
    runs.map((run) => [
      ago(run.startedAt),
      badge(run.status, TONES[run.status], run.status === "running"),
      phasesCell(run),
      durationCell(run),
      run.pod ?? "",
    ]),
  );
}

function phasesCell({ phases, errorCode, errorMessage }: Run): HTMLElement {
  const words = phases.map(({ phase, outcome }) => `${phase} ${outcome}`).join(", ");
  return element(
    "div",
    {},
    words,
    errorCode !== undefined && element("span", { class: "error" }, `${errorCode}: ${errorMessage ?? ""}`),
  );
}

/** How long, and how the phases share it. */
function durationCell({ startedAt, finishedAt, phases }: Run): HTMLElement | undefined {
  if (finishedAt === undefined) return undefined;
  const whole = new Date(finishedAt).getTime() - new Date(startedAt).getTime();
  const parts = phases.map(({ durationMs }) => {
    const part = element("i");
    part.style.setProperty("--share", String(Math.max(durationMs, 1)));
    return part;
  });
  const title = phases.map(({ phase, durationMs }) => `${phase} ${took(durationMs)}`).join(", ");
  return element(
    "div",
    { class: "took", title },
    took(whole),
    parts.length > 0 && element("div", { class: "split", attributes: { "aria-hidden": "true" } }, ...parts),
  );
}
