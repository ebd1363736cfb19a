type Child = Node | string | undefined | false;

interface Properties {
  readonly class?: string;
  readonly title?: string;
  /** Other attributes; an undefined one is left out. */
  readonly attributes?: Readonly<Record<string, string | undefined>>;
}

/** An element with its children. Text is only ever text: nothing of the database is taken for HTML. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  properties: Properties = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  if (properties.class !== undefined) made.className = properties.class;
  if (properties.title !== undefined) made.title = properties.title;
  for (const [name, value] of Object.entries(properties.attributes ?? {}))
    if (value !== undefined) made.setAttribute(name, value);
  made.append(...children.filter((child) => child !== undefined && child !== false));
  return made;
}

/** The element of the page that has this id. */
export function byId<Type extends HTMLElement = HTMLElement>(id: string): Type {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found as Type;
}

export type Tone = "ok" | "warn" | "bad" | "info" | "";

export function badge(words: string, tone: Tone = "", isBusy = false): HTMLElement {
  return element("span", { class: `badge ${tone}${isBusy ? " busy" : ""}` }, words);
}

/** Terms and what they are, those without a value left out. */
export function facts(rows: readonly (readonly [string, Child])[]): HTMLElement {
  const known = rows.filter(([, value]) => value !== undefined && value !== false && value !== "");
  return element(
    "dl",
    { class: "facts" },
    ...known.flatMap(([term, value]) => [element("dt", {}, term), element("dd", {}, value)]),
  );
}

export interface Column {
  readonly head: string;
  readonly isNumber?: boolean;
}

/** A table that scrolls by itself, by keyboard too. */
export function table(
  caption: string,
  columns: readonly Column[],
  rows: readonly (readonly Child[])[],
): HTMLElement {
  const classOf = (index: number): Properties => (columns[index]?.isNumber ? { class: "number" } : {});
  const head = columns.map(({ head: words }, index) =>
    element("th", { ...classOf(index), attributes: { scope: "col" } }, words),
  );
  const body = rows.map((row) =>
    element("tr", {}, ...row.map((cell, index) => element("td", classOf(index), cell))),
  );
  return element(
    "div",
    { class: "scroll", attributes: { tabindex: "0", role: "region", "aria-label": caption } },
    element(
      "table",
      {},
      element("caption", {}, caption),
      element("thead", {}, element("tr", {}, ...head)),
      element("tbody", {}, ...body),
    ),
  );
}
