import { join } from "node:path";
import type { Problem } from "../errors.ts";
import type { Given, Origin } from "./layers.ts";
import { didYouMean, findNearest } from "./nearest.ts";
import { listName } from "./readers.ts";
import { SETTINGS } from "./settings.ts";

/** Which pod of an Indexed Job this is, from 0 (Kubernetes, "Indexed Job"). */
export const COMPLETION_INDEX = "JOB_COMPLETION_INDEX";

export interface ListInput {
  readonly folder: Given | undefined;
  readonly name: Given | undefined;
  /** The text of JOB_COMPLETION_INDEX. */
  readonly index: string | undefined;
  /** One database by itself, which leaves no place for a list. */
  readonly url: Given | undefined;
  readonly readFile: ((path: string) => string | undefined) | undefined;
  readonly listFolder: ((path: string) => readonly string[] | undefined) | undefined;
}

export interface ChosenDatabase {
  readonly name: string;
  readonly url: Given;
}

export interface ListReading {
  readonly chosen?: ChosenDatabase;
  readonly problems: readonly Problem[];
}

/**
 * Takes one database out of a folder with a file for each, such as a mounted Secret: by its name, or as the
 * n-th in name order. Files whose names begin with a point are the kubelet's.
 */
export function chooseDatabase(input: ListInput): ListReading {
  const { folder, name, url } = input;
  const refuse = (at: Origin, message: string, hint?: string): ListReading => ({
    problems: [hint === undefined ? { at, message } : { at, message, hint }],
  });
  if (folder === undefined) {
    if (name === undefined) return { problems: [] };
    return refuse(
      name.from,
      "names a database of a list, and there is none",
      `set ${SETTINGS.databases.env}`,
    );
  }
  if (url !== undefined) {
    const message = `stands beside ${SETTINGS.database.name}: there is one database, or a list of them`;
    return refuse(folder.from, message, `unset ${SETTINGS.databases.env} or ${SETTINGS.database.env}`);
  }
  const names = input.listFolder?.(folder.text)?.filter((each) => !each.startsWith("."));
  if (names === undefined) return refuse(folder.from, `is no folder that can be read: ${folder.text}`);
  if (names.length === 0) return refuse(folder.from, `holds no file: ${folder.text}`);
  const choice = choose(names.toSorted(inCodeUnits), input, folder.from);
  return typeof choice === "string" ? readChosen(choice, folder, input) : { problems: [choice] };
}

/** As `LC_ALL=C sort`: the same everywhere, and the order in which a chart counts. */
const inCodeUnits = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

function choose(names: readonly string[], { name, index }: ListInput, list: Origin): string | Problem {
  if (name !== undefined) {
    if (names.includes(name.text)) return name.text;
    const hint = didYouMean(findNearest(name.text, names));
    return { at: name.from, message: `names none of the list: ${inWords(names)}`, ...hint };
  }
  if (index === undefined || index === "") {
    return {
      at: list,
      message: `lists ${inWords(names)}, and nothing says which of them`,
      hint: `set ${SETTINGS.databaseName.env}, or run in an Indexed Job, which sets ${COMPLETION_INDEX}`,
    };
  }
  const chosen = /^\d+$/.test(index) ? names[Number(index)] : undefined;
  if (chosen !== undefined) return chosen;
  return {
    at: COMPLETION_INDEX,
    message: `is ${index}, and the list counts from 0 to ${names.length - 1}: ${inWords(names)}`,
    hint: `set completions of the Job to ${names.length}`,
  };
}

function readChosen(name: string, folder: Given, { readFile }: ListInput): ListReading {
  const path = join(folder.text, name);
  const reading = listName(name);
  if ("complaint" in reading) return { problems: [{ at: path, message: reading.complaint }] };
  const text = readFile?.(path)?.trim();
  if (text === undefined) return { problems: [{ at: path, message: "cannot be read" }] };
  const url = SETTINGS.database.read(text);
  if ("complaint" in url) return { problems: [{ at: path, message: url.complaint }] };
  return { chosen: { name, url: { text: url.value, from: path } }, problems: [] };
}

function inWords(names: readonly string[]): string {
  const shown = names.slice(0, 5).join(", ");
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}
