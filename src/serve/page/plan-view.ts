import type { Change, Plan, Planned } from "../schemas/internal-schema.ts";
import { badge, element, type Tone } from "./element.ts";
import { bytes, count } from "./words.ts";

const SIGNS = { CREATE: "+", ALTER: "~", DROP: "-" } as const;
const WORDS = { CREATE: "create", ALTER: "alter", DROP: "drop" } as const;
const TONES: Readonly<Record<Change["class"], Tone>> = { safe: "", locking: "warn", destructive: "bad" };

/** The plan as a difference, by object, and below it what lets it run. */
export function planView(
  planned: Planned,
  apply: (planned: Planned) => void,
  mayApply: boolean,
): HTMLElement {
  if (!planned.pending) return element("p", { class: "empty" }, "Nothing: everything is up to date.");
  const { plan, bootstrap, declarative, migrations, warnings } = planned;
  const changes = plan?.changes ?? [];
  return element(
    "div",
    { class: "panel" },
    head(planned),
    list("Bootstrap", bootstrap),
    plan === null || changes.length === 0 ? list("Schema", declarative.pending) : undefined,
    ...(plan === null ? [] : groups(plan)),
    list(
      "Migrations",
      migrations.map(({ name }) => name),
    ),
    ...(plan?.renames ?? []).map(({ from, to, sql }) =>
      element(
        "div",
        { class: "note info" },
        element(
          "p",
          {},
          `Looks like a rename of ${from} to ${to}. To keep the data run this first, then plan again:`,
        ),
        element("pre", {}, `${sql};`),
      ),
    ),
    ...warnings.map((warning) => element("p", { class: "note warn" }, warning)),
    mayApply
      ? approval(planned, apply)
      : element("p", { class: "approve empty" }, "Your token may read this plan, and not run it."),
  );
}

function head({ plan, id, migrations, needs_approval }: Planned): HTMLElement {
  const summary = plan?.summary;
  const totals: readonly (readonly [number | undefined, string])[] = [
    [summary?.create_count, "to create"],
    [summary?.alter_count, "to alter"],
    [summary?.drop_count, "to drop"],
  ];
  return element(
    "div",
    { class: "plan-head" },
    ...totals.flatMap(([number = 0, what]) => (number === 0 ? [] : [badge(`${number} ${what}`)])),
    migrations.length > 0 && badge(count(migrations.length, "migration")),
    needs_approval ? badge("needs approval", "bad") : badge("no approval needed", "ok"),
    element("span", { class: "id mono" }, `plan ${plan?.id ?? id}`),
  );
}

function list(title: string, lines: readonly string[]): HTMLElement | undefined {
  if (lines.length === 0) return undefined;
  return element(
    "div",
    { class: "group" },
    element("h3", {}, title),
    element("ul", { class: "plain" }, ...lines.map((line) => element("li", {}, line))),
  );
}

function groups(plan: Plan): HTMLElement[] {
  const byGroup = new Map<string, Change[]>();
  for (const change of plan.changes)
    byGroup.set(change.group, [...(byGroup.get(change.group) ?? []), change]);
  return [...byGroup].map(([group, changes]) =>
    element(
      "div",
      { class: "group" },
      element("h3", {}, group, element("span", {}, sizeOf(plan, group))),
      element("ul", { class: "changes" }, ...changes.map(changeView)),
    ),
  );
}

function sizeOf({ tables }: Plan, group: string): string {
  const size = tables.find(({ table }) => `table ${table}` === group);
  if (size === undefined || size.estimatedRows <= 0) return "";
  return ` about ${Math.round(size.estimatedRows).toLocaleString("en")} rows, ${bytes(size.bytes)}`;
}

function changeView(change: Change): HTMLElement {
  const destructive = change.destructive ? " destructive" : "";
  return element(
    "li",
    { class: `change ${WORDS[change.type]}${destructive}` },
    element(
      "div",
      { class: "what" },
      element("span", { class: "sign", attributes: { "aria-hidden": "true" } }, SIGNS[change.type]),
      element("span", {}, `${WORDS[change.type]} ${change.object}`),
      change.class !== "safe" && badge(change.class, TONES[change.class]),
      change.online && badge("online", "ok"),
      ...change.hazards.map((hazard) => badge(hazard, change.destructive ? "bad" : "warn")),
    ),
    element("pre", {}, element("code", {}, change.sql)),
  );
}

/** The button that runs exactly this plan; of a destructive one, only after a person said to have read it. */
function approval(planned: Planned, apply: (planned: Planned) => void): HTMLElement {
  const { plan, needs_approval: isNeeded } = planned;
  const words = isNeeded ? `Approve plan ${plan?.id ?? ""} and run it` : "Run this plan";
  const button = element(
    "button",
    { class: isNeeded ? "danger" : "primary", attributes: { type: "button" } },
    words,
  );
  button.addEventListener("click", () => {
    button.disabled = true;
    apply(planned);
  });
  if (!isNeeded) return element("div", { class: "approve" }, button);
  const box = element("input", { attributes: { type: "checkbox", id: "read-it" } });
  button.disabled = true;
  box.addEventListener("change", () => {
    button.disabled = !box.checked;
  });
  const lost = (plan?.changes ?? []).filter(({ destructive }) => destructive);
  return element(
    "div",
    { class: "approve" },
    lost.length > 0 &&
      element(
        "p",
        {},
        `It cannot be taken back: ${lost.map(({ type, object }) => `${WORDS[type]} ${object}`).join(", ")}.`,
      ),
    element(
      "label",
      { class: "check", attributes: { for: "read-it" } },
      box,
      "I have read this plan and want exactly it to run.",
    ),
    button,
  );
}
