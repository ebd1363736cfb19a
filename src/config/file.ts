import { readFileSync } from "node:fs";
import type { YAMLMap } from "yaml";
import type { Place, Problem } from "../errors.ts";

/** One leaf of the settings file, its name joined with dots. */
export interface FileEntry {
  readonly name: string;
  /** As written, not as YAML reads it: a plan id such as 12e45 is no number. Absent: nothing is set. */
  readonly text?: string;
  readonly at: Place;
  readonly valueAt: Place;
}

export interface SettingsFile {
  readonly path: string;
  readonly entries: readonly FileEntry[];
  /** What keeps the file from being read; reported together with everything else that is wrong. */
  readonly problems: readonly Problem[];
}

export interface FileChoice {
  /** `--config` */
  readonly flag?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly readFile?: (path: string) => string;
}

const USUAL_PATH = "slipway.yaml";

/** The settings file that was asked for, or ./slipway.yaml where there is one. */
export async function loadSettingsFile(choice: FileChoice): Promise<SettingsFile | undefined> {
  const { readFile = (path) => readFileSync(path, "utf8") } = choice;
  const [path, askedBy] = chooseFile(choice);
  let text: string;
  try {
    text = readFile(path);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
    if (askedBy === undefined && code === "ENOENT") return undefined;
    const message = code === "ENOENT" ? `${path} does not exist` : `${path} can't be read: ${code}`;
    return { path, entries: [], problems: [{ at: askedBy ?? path, message }] };
  }
  return await parseSettingsFile(path, text);
}

function chooseFile({ flag, env }: FileChoice): readonly [path: string, askedBy?: string] {
  if (flag !== undefined) return [flag, "--config"];
  const { SLIPWAY_CONFIG: variable = "" } = env;
  return variable === "" ? [USUAL_PATH] : [variable, "SLIPWAY_CONFIG"];
}

export async function parseSettingsFile(path: string, text: string): Promise<SettingsFile> {
  // Imported here because most runs have no settings file, and a no-op run shouldn't pay for the parser.
  const loaded = await import("yaml");
  // Bundled, the package is CommonJS behind a default; unbundled, it has its names itself.
  const yaml = "default" in loaded ? (loaded.default as typeof loaded) : loaded;
  const document = yaml.parseDocument(text, { prettyErrors: false });
  const place = (offset: number): Place => placeIn(path, text, offset);
  const entries: FileEntry[] = [];
  const problems: Problem[] = [...document.errors, ...document.warnings].map((error) => ({
    at: place(error.pos[0]),
    message: error.code === "MULTIPLE_DOCS" ? "must be one YAML document" : describeYamlError(error.message),
  }));
  if (problems.length > 0) return { path, entries, problems };

  const root = document.contents;
  if (yaml.isMap(root)) collect(root, "");
  else if (!isNothing(root)) complain(root, "must hold lines of name: value");
  return { path, entries, problems };

  function collect(map: YAMLMap, prefix: string): void {
    for (const { key, value } of map.items) {
      const at = place(startOf(key ?? map));
      const valueAt = value === null ? at : place(startOf(value));
      const name = `${prefix}${textOf(key) ?? ""}`;
      const words = textOf(value);
      if (isNothing(value)) {
        entries.push({ name, at, valueAt });
      } else if (yaml.isMap(value)) {
        collect(value, `${name}.`);
      } else {
        // Aliases end here too: two dozen settings have no need of them, and they can run in circles.
        if (words === undefined) complain(value, "must be one value or a list of values");
        else entries.push({ name, at, valueAt, text: words });
      }
    }
  }

  function complain(node: unknown, message: string): void {
    problems.push({ at: place(startOf(node)), message });
  }

  function textOf(node: unknown): string | undefined {
    if (yaml.isScalar(node)) return node.source ?? String(node.value);
    const words = yaml.isSeq(node) ? node.items.map(textOf) : [undefined];
    return words.includes(undefined) ? undefined : words.join(",");
  }

  function isNothing(node: unknown): boolean {
    if (yaml.isMap(node)) return node.items.length === 0;
    return node === undefined || node === null || (yaml.isScalar(node) && node.value === null);
  }
}

function startOf(node: unknown): number {
  const { range } = node as { readonly range?: readonly number[] | null };
  return range?.[0] ?? 0;
}

function placeIn(file: string, text: string, offset: number): Place {
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf("\n") + 1;
  const line = before.split("\n").length;
  return { file, line, column: [...before.slice(lineStart).replace("\uFEFF", "")].length + 1 };
}

/** One lowercase sentence, without the piece of the file that the parser quotes: it may be a password. */
function describeYamlError(message: string): string {
  const [words = ""] = message.split(/: | %|\n|[.:]$/, 1);
  return `${words.charAt(0).toLowerCase()}${words.slice(1)}`;
}
