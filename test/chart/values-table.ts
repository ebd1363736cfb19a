import { parse } from "yaml";

/** A value with its text: the lines from `# --` on that stand above it. */
export interface DocumentedValue {
  readonly path: string;
  readonly text: string;
  readonly fallback: unknown;
}

/** Line by line, because the comments belong to the keys and not to the values that a parser hangs them on. */
export function documentedValues(yaml: string): readonly DocumentedValue[] {
  const values = parse(yaml);
  const found: DocumentedValue[] = [];
  const above: string[] = [];
  let text: string[] = [];
  for (const line of yaml.split("\n")) {
    const [, comment] = /^\s*# ?(.*)$/.exec(line) ?? [];
    if (comment !== undefined) {
      if (comment.startsWith("-- ")) text = [comment.slice(3)];
      else if (text.length > 0) text.push(comment);
      continue;
    }
    const [, indent, key] = /^(\s*)(\w+):/.exec(line) ?? [];
    if (indent !== undefined && key !== undefined) {
      above.length = indent.length / 2;
      above.push(key);
      if (text.length > 0)
        found.push({ path: above.join("."), text: text.join(" "), fallback: at(values, above) });
    }
    text = [];
  }
  return found;
}

function at(values: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Readonly<Record<string, unknown>>)[key], values);
}

/** Paths of everything that is no map of further values. */
export function leafPaths(values: unknown, prefix = ""): readonly string[] {
  if (typeof values !== "object" || values === null || Array.isArray(values)) return [prefix];
  const entries = Object.entries(values);
  if (entries.length === 0) return [prefix];
  return entries.flatMap(([key, value]) => leafPaths(value, prefix === "" ? key : `${prefix}.${key}`));
}

export function toTable(values: readonly DocumentedValue[]): string {
  const rows = values.map(({ path, text, fallback }) => {
    const cell = JSON.stringify(fallback);
    return `| \`${path}\` | ${text.replaceAll("|", "\\|")} | ${cell === '""' ? "" : `\`${cell}\``} |`;
  });
  return ["| value | meaning | default |", "|---|---|---|", ...rows].join("\n");
}
