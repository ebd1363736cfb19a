import { ProblemError, send } from "./client.ts";

export interface StreamEvent {
  readonly event: string;
  // biome-ignore lint/suspicious/noExplicitAny: what each kind of event holds is for the listener to know
  readonly data: any;
}

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

/**
 * Events of runs, until `signal` ends it; connects again by itself, and is told what it missed. By hand, for
 * EventSource can't send a token.
 */
export async function listen(tell: (event: StreamEvent) => void, signal: AbortSignal): Promise<void> {
  let lastId: string | undefined;
  let pause = FIRST_PAUSE_MS;
  while (!signal.aborted) {
    try {
      const headers: Record<string, string> = lastId === undefined ? {} : { "last-event-id": lastId };
      const { body } = await send("events", { headers, signal });
      pause = FIRST_PAUSE_MS;
      for await (const block of blocksOf(body)) {
        lastId = block.get("id") ?? lastId;
        const event = block.get("event");
        if (event !== undefined) tell({ event, data: JSON.parse(block.get("data") ?? "{}") });
      }
    } catch (error) {
      // Whoever signs in anew listens anew.
      if (error instanceof ProblemError && error.problem.status === 401) return;
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }
}

async function* blocksOf(body: ReadableStream<Uint8Array> | null): AsyncGenerator<Map<string, string>> {
  if (body === null) return;
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    rest += decoder.decode(value, { stream: true });
    const blocks = rest.split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) yield new Map(block.split("\n").map(fieldOf));
  }
}

function fieldOf(line: string): [name: string, value: string] {
  const end = line.indexOf(":");
  return [line.slice(0, end), line.slice(end + 1).trimStart()];
}
