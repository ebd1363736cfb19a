import type { Config } from "../config/config.ts";
import type { Log } from "../log/log.ts";
import type { RunObserver } from "../progress.ts";

/** Where results go: stdout. Logs and errors go to stderr by way of the log. */
export interface Output {
  write(text: string): void;
  readonly isTerminal: boolean;
  readonly colour: boolean;
}

/** What every command gets from the entry point. */
export interface Environment<C extends Config = Config> {
  readonly config: C;
  readonly log: Log;
  readonly out: Output;
  readonly json: boolean;
  /** Aborted with an INTERRUPTED error by SIGTERM and SIGINT. */
  readonly signal: AbortSignal;
  /** Name of the pod, or of the host. */
  readonly pod: string;
  /** The process's variables: for what tells a pod of its cluster. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Asks the person at the terminal; undefined when there is none. */
  readonly ask: ((question: string) => Promise<string>) | undefined;
  /** Who wants to know of a run while it goes on. */
  readonly observe?: RunObserver;
}

/** How a run ended, for what tells of it behind the log. */
export type Conclusion =
  | {
      /** What its log ends with. */
      readonly line: string;
      readonly runId?: string;
      readonly planId?: string | undefined;
    }
  | { readonly error: unknown; readonly runId: string | undefined };

/** A command gives the exit code, or its conclusion where there is more to tell. */
export type Command<C extends Config = Config> = (
  environment: Environment<C>,
) => Promise<number | Conclusion>;

export function writeJson(out: Output, value: unknown): void {
  const text = JSON.stringify(
    value,
    (_, each: unknown) => (typeof each === "bigint" ? each.toString() : each),
    2,
  );
  out.write(`${text}\n`);
}
