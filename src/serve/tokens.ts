import { createHash, timingSafeEqual } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { type Problem, ProblemsError } from "../errors.ts";
import type { Log } from "../log/log.ts";
import { keepSecret } from "../log/redact.ts";

/** `read` sees everything, `admin` may apply too. */
export type Role = "read" | "admin";

/** Who asks. */
export interface Caller {
  readonly role: Role;
  /** For logs and for the record of an approval. */
  readonly name: string;
}

interface Token extends Caller {
  readonly digest: Buffer;
}

/** So that nobody guesses one: 16 characters of base64 are 96 bits. */
const SHORTEST = 16;
// RFC 6750, section 2.1: what can stand behind `Bearer`.
const TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/;
const NAME = /^[A-Za-z0-9][\w.@-]{0,62}$/;

/**
 * Reads `role:token` and `role:name:token`, one a line; empty lines and those that begin with `#` don't count.
 * Complaints never hold the text: it may be a token in the wrong place.
 */
export function parseTokens(text: string, from: string): { tokens: Token[]; problems: Problem[] } {
  const tokens: Token[] = [];
  const problems: Problem[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const words = line.trim();
    if (words === "" || words.startsWith("#")) continue;
    const complain = (message: string): void => {
      problems.push({ at: { file: from, line: index + 1 }, message });
    };
    const parts = words.split(":");
    const [role, name, secret] = parts.length === 2 ? [parts[0], parts[0], parts[1]] : parts;
    if (parts.length > 3 || secret === undefined || (role !== "read" && role !== "admin")) {
      complain("must be read:token, admin:token or role:name:token");
    } else if (!NAME.test(name ?? "")) {
      complain("has a name that is not made of letters, digits and . _ @ -");
    } else if (secret.length < SHORTEST || !TOKEN.test(secret)) {
      complain(`must have a token of at least ${SHORTEST} letters, digits and - . _ ~ + /`);
    } else {
      keepSecret(secret);
      tokens.push({ role, name: name ?? role, digest: digestOf(secret) });
    }
  }
  const known = new Set(tokens.map(({ digest }) => digest.toString("hex")));
  if (known.size < tokens.length) problems.push({ at: from, message: "holds a token twice" });
  return { tokens, problems };
}

/** Digests are of one length, which `timingSafeEqual` needs, and tell nothing of the length of a token. */
function digestOf(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}

export interface TokenSource {
  /** Absent: none is read. */
  readonly file: string | undefined;
  /** Separated by commas or line ends. */
  readonly text: string;
}

/** The tokens in force. A file that changed is read again: Kubernetes swaps a Secret's file in place. */
export class Tokens {
  readonly #source: TokenSource;
  readonly #log: Log;
  readonly #given: readonly Token[];
  #read: readonly Token[] = [];
  #seen = "";
  #lookedAt = 0;

  /** Throws CONFIG_INVALID with everything that is wrong. */
  constructor(source: TokenSource, log: Log) {
    this.#source = source;
    this.#log = log;
    const given = parseTokens(source.text.replaceAll(",", "\n"), "SLIPWAY_API_TOKENS");
    const { tokens, problems } = this.#readFile();
    const all = [...given.problems, ...problems];
    if (all.length > 0) throw new ProblemsError("CONFIG_INVALID", all);
    this.#given = given.tokens;
    this.#read = tokens;
  }

  get count(): number {
    return this.#given.length + this.#read.length;
  }

  /** Whose token it is. Compares with all of them, so that the time tells nothing. */
  find(secret: string): Caller | undefined {
    this.#refresh();
    const digest = digestOf(secret);
    let found: Caller | undefined;
    for (const token of [...this.#given, ...this.#read]) {
      if (timingSafeEqual(token.digest, digest)) found = { role: token.role, name: token.name };
    }
    return found;
  }

  /** What is wrong in a new version is said and leaves the old one in force. */
  #refresh(): void {
    const now = Date.now();
    if (this.#source.file === undefined || now - this.#lookedAt < 1_000) return;
    this.#lookedAt = now;
    const stamp = stampOf(this.#source.file);
    if (stamp === this.#seen) return;
    const { tokens, problems } = this.#readFile();
    if (problems.length > 0) {
      this.#log.error(
        { problems: problems.length, file: this.#source.file },
        "Tokens could not be read again",
      );
      return;
    }
    this.#read = tokens;
    this.#log.info({ file: this.#source.file, count: tokens.length }, "Tokens read again");
  }

  #readFile(): { tokens: Token[]; problems: Problem[] } {
    const { file } = this.#source;
    if (file === undefined) return { tokens: [], problems: [] };
    this.#seen = stampOf(file);
    try {
      return parseTokens(readFileSync(file, "utf8"), file);
    } catch (error) {
      const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
      return { tokens: [], problems: [{ at: file, message: `can't be read: ${code}` }] };
    }
  }
}

function stampOf(file: string): string {
  try {
    const { mtimeMs, ino, size } = statSync(file);
    return `${mtimeMs} ${ino} ${size}`;
  } catch {
    return "gone";
  }
}
