import { element } from "./element.ts";

const STEPS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1_000],
];

/** `3 minutes ago`, with the whole of it on a closer look. */
export function ago(text: string | undefined): HTMLElement | undefined {
  if (text === undefined) return undefined;
  const at = new Date(text);
  const since = Date.now() - at.getTime();
  const [unit, length] = STEPS.find(([, ms]) => since >= ms) ?? ["second", 1_000];
  const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" }).format(
    -Math.round(since / length),
    unit,
  );
  return element("time", { title: at.toLocaleString(), attributes: { datetime: text } }, words);
}

/** `840 ms`, `2.4 s`, `3 min 5 s` */
export function took(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1_000)} s`;
}

export function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

const UNITS = ["B", "kB", "MB", "GB", "TB"];

export function bytes(number: number): string {
  const power = number < 1 ? 0 : Math.min(Math.floor(Math.log2(number) / 10), UNITS.length - 1);
  return `${Math.round(number / 1_024 ** power)} ${UNITS[power] ?? ""}`;
}
