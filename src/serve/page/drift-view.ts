import type { Validated } from "../schemas/internal-schema.ts";
import { element } from "./element.ts";

type Difference = Validated["outside"][number];

const SIGNS = { added: "+", changed: "~", removed: "-" } as const;

/** What `slipway schema validate` finds, with both definitions of each object. */
export function driftView(found: Validated): HTMLElement {
  const { valid, outside, files, unseen, extras, error } = found;
  return element(
    "div",
    {},
    valid &&
      element(
        "p",
        { class: "note ok" },
        "The database is what the files ask for, and as the last apply left it.",
      ),
    error !== null &&
      element("p", { class: "note info" }, `What was changed outside slipway is not known: ${error}.`),
    part("Changed outside slipway since the last apply", outside, ["applied", "database"]),
    part("From the database to the files", files, ["database", "files"]),
    names("Declared, not compared, and missing", unseen),
    names("In no desired schema, and kept", extras),
  );
}

function part(
  title: string,
  all: readonly Difference[],
  sides: readonly [string, string],
): HTMLElement | undefined {
  if (all.length === 0) return undefined;
  return element(
    "div",
    { class: "panel" },
    element("h3", {}, title),
    element("ul", { class: "changes" }, ...all.map((each) => differenceView(each, sides))),
  );
}

function differenceView(
  { object, kind, edits, before, after }: Difference,
  sides: readonly [string, string],
): HTMLElement {
  return element(
    "li",
    { class: `change ${kind}` },
    element(
      "div",
      { class: "what" },
      element("span", { class: "sign", attributes: { "aria-hidden": "true" } }, SIGNS[kind]),
      element("span", {}, `${object} ${kind}`),
    ),
    ...edits.map((edit) => element("p", {}, edit)),
    definition(sides[0], "before", before),
    definition(sides[1], "after", after),
  );
}

function definition(side: string, place: string, sql: string | undefined): HTMLElement | undefined {
  if (sql === undefined) return undefined;
  return element(
    "pre",
    { class: place, attributes: { "aria-label": side } },
    `-- ${side}\n`,
    element("code", {}, sql),
  );
}

function names(title: string, all: readonly string[]): HTMLElement | undefined {
  if (all.length === 0) return undefined;
  return element(
    "div",
    { class: "panel" },
    element("h3", {}, title),
    element("ul", { class: "plain" }, ...all.map((name) => element("li", {}, name))),
  );
}
