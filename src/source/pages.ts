import { closeSync, constants, openSync, readFileSync, readSync } from "node:fs";

const SIZE = 1024 * 1024;
/** What is left of a page must hold most files whole. */
const LEAST_LEFT = 64 * 1024;
const LF = 0x0a;

/** Large buffers, filled with one file after another, a line end after each: no UTF-8 sequence spans two files. */
export class Pages {
  readonly #full: Buffer[] = [];
  #page = Buffer.allocUnsafeSlow(0);
  #used = 0;

  /** The file's bytes, in place. Throws what the file system says. */
  read(path: string): Buffer {
    if (this.#page.length - this.#used < LEAST_LEFT) this.#turn();
    const start = this.#used;
    const descriptor = openSync(path, constants.O_RDONLY);
    try {
      for (let room = this.#room; room > 0; room = this.#room) {
        const count = readSync(descriptor, this.#page, this.#used, room, null);
        if (count === 0) return this.#end(start);
        this.#used += count;
      }
    } finally {
      closeSync(descriptor);
    }
    this.#used = start;
    const large = readFileSync(path);
    this.#full.push(large);
    return large;
  }

  all(): readonly Buffer[] {
    return [...this.#full, this.#page.subarray(0, this.#used)];
  }

  get #room(): number {
    return this.#page.length - this.#used - 1;
  }

  #end(start: number): Buffer {
    const bytes = this.#page.subarray(start, this.#used);
    this.#page[this.#used] = LF;
    this.#used += 1;
    return bytes;
  }

  #turn(): void {
    this.#full.push(this.#page.subarray(0, this.#used));
    this.#page = Buffer.allocUnsafeSlow(SIZE);
    this.#used = 0;
  }
}
