import { isUtf8 } from "node:buffer";
import { createHash, hash } from "node:crypto";
import type { Place, Problem } from "../errors.ts";
import { Pages } from "./pages.ts";
import { describeReadError } from "./read-error.ts";

/** One SQL file of the user, as text. */
export interface SqlFile {
  /** As shown to people in `file:line:column`. */
  readonly path: string;
  /** Relative to the folder it was found in, with `/` between parts. */
  readonly name: string;
  /** Without byte order mark. Line ends are the file's own: function bodies would change with them. */
  readonly text: string;
  /** `sha256:<hex>`, the same for every manner of line ends and for blank space at the end. */
  readonly checksum: string;
}

/** A file's bytes, sound UTF-8; text and checksum are made when they are asked for. */
export class SqlBytes implements SqlFile {
  readonly path: string;
  readonly name: string;
  readonly bytes: Buffer;
  #text: string | undefined;
  #checksum: string | undefined;

  constructor(path: string, name: string, bytes: Buffer) {
    this.path = path;
    this.name = name;
    this.bytes = bytes;
  }

  get text(): string {
    this.#text ??= this.#body.toString("utf8");
    return this.#text;
  }

  get checksum(): string {
    this.#checksum ??= checksumOf(this.#body);
    return this.#checksum;
  }

  /** Whether it asks for nothing: blank space, comments and stray semicolons only. */
  get holdsNoStatement(): boolean {
    // Nearly every file begins with a word, and needs no look at its text.
    return !isLetter(this.bytes[0]) && holdsNoStatement(this.text);
  }

  get #body(): Buffer {
    return startsWith(this.bytes, UTF8_BOM) ? this.bytes.subarray(UTF8_BOM.length) : this.bytes;
  }
}

export interface SqlFileReading {
  readonly file?: SqlBytes;
  readonly problems: readonly Problem[];
}

export interface SqlFilesReading {
  /** By the paths asked for, in that order; those that have a problem are not among them. */
  readonly files: ReadonlyMap<string, SqlBytes>;
  readonly problems: readonly Problem[];
  /** Hex SHA-256 that changes with any name and any byte. */
  readonly digest: string;
}

const LF = 0x0a;
const CR = 0x0d;
const UTF8_BOM = Buffer.from([0xef, 0xbb, 0xbf]);
const UTF16_BOMS = [Buffer.from([0xff, 0xfe]), Buffer.from([0xfe, 0xff])];

export function readSqlFile(path: string, shownAs: string, name: string): SqlFileReading {
  const { files, problems } = readSqlFiles([{ path, shownAs, name }]);
  const file = files.get(path);
  return file === undefined ? { problems } : { file, problems };
}

/**
 * Reads files that may be very many and small: one after another into large buffers, which are then looked
 * through and hashed as a whole. With 10,000 files there is nothing dearer left than opening them.
 */
export function readSqlFiles(
  wanted: readonly { readonly path: string; readonly shownAs?: string; readonly name: string }[],
): SqlFilesReading {
  const pages = new Pages();
  const problems: Problem[] = [];
  const files = new Map<string, SqlBytes>();
  let index = "";
  for (const { path, shownAs = path, name } of wanted) {
    try {
      const bytes = pages.read(path);
      files.set(path, new SqlBytes(shownAs, name, bytes));
      index += `${name.length}:${name}${bytes.length};`;
    } catch (error) {
      problems.push(describeReadError(error, path, shownAs));
    }
  }
  const all = pages.all();
  const isSound = all.every((page) => isUtf8(page) && !page.includes(0));
  for (const [path, file] of isSound ? [] : [...files]) {
    const problem = findWrongBytes(file.bytes, file.path);
    if (problem === undefined) continue;
    files.delete(path);
    problems.push(problem);
  }
  const digest = createHash("sha256").update(index);
  for (const page of all) digest.update(page);
  return { files, problems, digest: digest.digest("hex") };
}

function checksumOf(body: Buffer): string {
  const withLf = body.includes(CR)
    ? Buffer.from(body.toString("latin1").replaceAll(/\r\n?/g, "\n"), "latin1")
    : body;
  let end = withLf.length;
  while (end > 0 && isBlank(withLf[end - 1])) end--;
  return `sha256:${hash("sha256", withLf.subarray(0, end), "hex")}`;
}

// Space, and tab to carriage return: what PostgreSQL's lexer passes over.
function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || (byte !== undefined && byte >= 0x09 && byte <= CR);
}

function isLetter(byte = 0): boolean {
  return (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);
}

function findWrongBytes(bytes: Buffer, shownAs: string): Problem | undefined {
  if (UTF16_BOMS.some((mark) => startsWith(bytes, mark))) {
    return { at: { file: shownAs, line: 1 }, message: "is UTF-16", hint: "save it as UTF-8" };
  }
  // PostgreSQL's messages end at a zero byte: the rest of the file would be cut off.
  const zero = bytes.indexOf(0);
  if (zero >= 0) {
    return { at: placeOf(bytes, zero, shownAs), message: `holds a zero byte at offset ${zero}` };
  }
  if (isUtf8(bytes)) return undefined;

  const offset = findInvalidByte(bytes);
  const byte = (bytes[offset] ?? 0).toString(16).toUpperCase().padStart(2, "0");
  const message = `byte 0x${byte} at offset ${offset} is not UTF-8`;
  return { at: placeOf(bytes, offset, shownAs), message, hint: "save the file as UTF-8" };
}

function startsWith(bytes: Buffer, mark: Buffer): boolean {
  return bytes.subarray(0, mark.length).equals(mark);
}

function findInvalidByte(bytes: Buffer): number {
  let at = 0;
  // A line end is never part of a longer sequence, so whole lines can be skipped.
  for (
    let end = bytes.indexOf(LF);
    end >= 0 && isUtf8(bytes.subarray(at, end));
    end = bytes.indexOf(LF, at)
  ) {
    at = end + 1;
  }
  while (at < bytes.length) {
    const length = sequenceLength(bytes[at] ?? 0);
    if (!isUtf8(bytes.subarray(at, at + length))) return at;
    at += length;
  }
  return at;
}

function sequenceLength(lead: number): number {
  if (lead >= 0xf0) return 4;
  if (lead >= 0xe0) return 3;
  return lead >= 0xc0 ? 2 : 1;
}

function placeOf(bytes: Buffer, offset: number, file: string): Place {
  const before = bytes.subarray(startsWith(bytes, UTF8_BOM) ? UTF8_BOM.length : 0, offset);
  const lines = before.toString("utf8").split(/\r\n?|\n/);
  return { file, line: lines.length, column: [...(lines.at(-1) ?? "")].length + 1 };
}

/** Whether a file asks for nothing: blank space, comments and stray semicolons only. */
export function holdsNoStatement(text: string): boolean {
  let at = 0;
  for (;;) {
    at = skip(text, /[\s;]*(?:--[^\r\n]*[\s;]*)*/y, at);
    if (!text.startsWith("/*", at)) return at === text.length;
    at = skipBlockComment(text, at);
  }
}

function skip(text: string, pattern: RegExp, from: number): number {
  pattern.lastIndex = from;
  return from + (pattern.exec(text)?.[0].length ?? 0);
}

// PostgreSQL nests them.
function skipBlockComment(text: string, from: number): number {
  let depth = 0;
  for (const { 0: mark, index } of text.slice(from).matchAll(/\/\*|\*\//g)) {
    depth += mark === "/*" ? 1 : -1;
    if (depth === 0) return from + index + mark.length;
  }
  return text.length;
}
