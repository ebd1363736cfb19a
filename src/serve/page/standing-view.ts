import type { Status } from "../schemas/internal-schema.ts";
import { badge, element, facts, type Tone } from "./element.ts";
import { ago, count, took } from "./words.ts";

/** In one word, the most urgent thing first. */
export function overall(status: Status): readonly [words: string, tone: Tone] {
  const [last] = status.state.runs;
  if (last?.status === "running") return ["Run in progress", "info"];
  if (status.state.migrations.failed.length > 0) return ["Migration failed", "bad"];
  if (status.problem !== null) return ["Not known", "bad"];
  if (status.has_destructive_changes === true) return ["Waits for approval", "warn"];
  if (status.declarative.drift?.state === "found") return ["Drifted", "warn"];
  return status.up_to_date ? ["Up to date", "ok"] : ["Changes pending", "info"];
}

export function standingView(status: Status): readonly HTMLElement[] {
  return [pendingCard(status), schemaCard(status), migrationsCard(status), lastRunCard(status)];
}

function card(title: string, figure: readonly (HTMLElement | string)[], body: HTMLElement): HTMLElement {
  return element(
    "div",
    { class: "panel" },
    element("h3", {}, title),
    element("p", { class: "figure" }, ...figure),
    body,
  );
}

function pendingCard(status: Status): HTMLElement {
  const { pending_changes: changes, pending_migrations: migrations, has_destructive_changes } = status;
  const words = changes === null ? "Not known" : status.up_to_date ? "Nothing" : "Pending";
  return card(
    "To be done",
    [words, ...(has_destructive_changes === true ? [badge("destructive", "bad")] : [])],
    facts([
      ["Schema changes", changes === null ? "not known" : String(changes)],
      ["Migrations", migrations === null ? "not known" : String(migrations)],
      ["Bootstrap", status.bootstrapped ? "done" : "not yet"],
    ]),
  );
}

function schemaCard({ declarative: { applied, drift } }: Status): HTMLElement {
  if (applied === null)
    return card("Schema", ["None yet"], element("p", { class: "empty" }, "Nothing was applied."));
  const driftBadge =
    drift?.state === "found"
      ? badge("drifted", "warn")
      : drift?.state === "none"
        ? badge("no drift", "ok")
        : badge("drift not known");
  return card(
    "Schema",
    [
      element(
        "span",
        { class: "mono", title: applied.fingerprint },
        applied.fingerprint.slice(0, 12) || "unsettled",
      ),
      driftBadge,
    ],
    facts([
      ["Applied", ago(applied.at)],
      ["By", applied.by],
      ["Manages", applied.managedSchemas.join(", ") || "nothing"],
    ]),
  );
}

function migrationsCard({ state: { migrations } }: Status): HTMLElement {
  const { version, applied, pending, failed } = migrations;
  return card(
    "Migrations",
    [
      version === undefined ? "None yet" : `Version ${version}`,
      ...(failed.length > 0 ? [badge(`${failed.length} failed`, "bad")] : []),
    ],
    facts([
      ["Applied", String(applied)],
      ["Failed", String(failed.length)],
      ["To be tried again", String(pending)],
    ]),
  );
}

function lastRunCard({ state: { runs, server } }: Status): HTMLElement {
  const [run] = runs;
  const phases = (run?.phases ?? []).map(({ phase, outcome, durationMs }): [string, string] => [
    phase,
    `${outcome}, ${took(durationMs)}`,
  ]);
  return card(
    "Last run",
    [run === undefined ? "None yet" : run.status.replace(/^./, (letter) => letter.toUpperCase())],
    facts([...phases, ["Started", ago(run?.startedAt)], ["PostgreSQL", server]]),
  );
}

/** What is known of drift without a comparison. */
export function driftSummary({ declarative: { drift } }: Status): HTMLElement {
  if (drift?.state === "found") {
    const objects = drift.objects ?? [];
    return element(
      "div",
      { class: "note warn" },
      element("p", {}, `Changed outside slipway since the last apply: ${count(objects.length, "object")}.`),
      element("ul", {}, ...objects.slice(0, 20).map((object) => element("li", {}, object))),
    );
  }
  const words =
    drift?.state === "none"
      ? "The database is as the last apply left it."
      : drift === undefined
        ? "Nothing was applied yet, so nothing can have drifted."
        : "Not known; the next run compares.";
  return element("p", { class: "empty" }, words);
}
