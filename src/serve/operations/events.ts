import { Readable } from "node:stream";

/** Something that happened to a run, as a listener gets it. */
export interface RunEvent {
  readonly event: "run" | "phase" | "step" | "phase-end" | "run-end";
  readonly data: Readonly<Record<string, unknown>> & { readonly runId: string };
}

const KEPT = 500;
const HEARTBEAT_MS = 15_000;
/** A listener that reads slower than runs speak is let go; it comes back and is told what it missed. */
const LARGEST_BACKLOG = 256 * 1024;
export const MOST_LISTENERS = 64;

/** Hands on what runs of this server tell, as server-sent events (WHATWG HTML, section 9.2). */
export class Events {
  readonly #kept: { readonly id: number; readonly text: string }[] = [];
  readonly #listeners = new Set<Readable>();
  #lastId = 0;
  #heartbeat: NodeJS.Timeout | undefined;

  get listeners(): number {
    return this.#listeners.size;
  }

  publish({ event, data }: RunEvent): void {
    this.#lastId += 1;
    const at = new Date().toISOString();
    const text = `id: ${this.#lastId}\nevent: ${event}\ndata: ${JSON.stringify({ ...data, at })}\n\n`;
    this.#kept.push({ id: this.#lastId, text });
    if (this.#kept.length > KEPT) this.#kept.shift();
    for (const listener of this.#listeners) this.#send(listener, text);
  }

  /** Without `after`, only what comes from now on. */
  listen(after: number | undefined): Readable {
    const listener = new Readable({ read: () => undefined });
    this.#listeners.add(listener);
    listener.once("close", () => this.#forget(listener));
    listener.push(": listening\nretry: 2000\n\n");
    // An id from before this server was started is of another count.
    const missed = after === undefined ? [] : this.#kept.filter(({ id }) => id > after);
    for (const { text } of missed) listener.push(text);
    this.#heartbeat ??= setInterval(() => {
      for (const each of this.#listeners) this.#send(each, ": alive\n\n");
    }, HEARTBEAT_MS).unref();
    return listener;
  }

  /** Ends all streams in good order. */
  close(): void {
    for (const listener of this.#listeners) listener.push(null);
    clearInterval(this.#heartbeat);
  }

  #send(listener: Readable, text: string): void {
    if (listener.readableLength > LARGEST_BACKLOG) listener.destroy();
    else listener.push(text);
  }

  #forget(listener: Readable): void {
    this.#listeners.delete(listener);
    if (this.#listeners.size > 0) return;
    clearInterval(this.#heartbeat);
    this.#heartbeat = undefined;
  }
}
