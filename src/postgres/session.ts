import { once } from "node:events";
import { connect as openSocket } from "node:net";
import type { Client, QueryResult, QueryResultRow } from "pg";
import type { DatabaseTarget } from "../config/database.ts";
import { SlipwayError } from "../errors.ts";
import { quoteIdent } from "../sql/quote.ts";
import { isServerError, SESSION_ENDED } from "./sqlstate.ts";

export interface Notice {
  readonly severity: string;
  readonly message: string;
  readonly code: string;
}

/** A statement that was sent and not answered yet. */
export interface Running {
  /** As `performance.now()` tells it. */
  readonly since: number;
}

/** I: idle, T: in a transaction, E: in a failed one (PostgreSQL manual, "ReadyForQuery"). */
export type TransactionStatus = "I" | "T" | "E";

/**
 * One PostgreSQL connection that does everything of a run: it holds the lock and runs the SQL. When
 * it ends, the server has let go of the lock and nothing of ours still runs.
 */
export class Session {
  readonly target: DatabaseTarget;
  /** Aborted, with a SESSION_LOST reason, when the connection ends before `close()`. */
  readonly closed: AbortSignal;
  readonly #client: Client;
  readonly #closing = new AbortController();
  readonly #parameters: ReadonlyMap<string, string>;
  #noticeListener: ((notice: Notice) => void) | undefined;
  readonly #channels = new Map<string, () => void>();
  readonly #running = new Set<Running>();
  #expectedEnd = false;
  #completed: string[] = [];

  /** `parameters` are the ParameterStatus values that the server reported at start. */
  constructor(client: Client, target: DatabaseTarget, parameters: ReadonlyMap<string, string>) {
    this.#client = client;
    this.#parameters = parameters;
    this.target = target;
    this.closed = this.#closing.signal;
    client.on("error", (error) => this.#lost(error));
    // The driver forgets which of several statements an error ended.
    this.#connection.on("commandComplete", ({ text }) => {
      this.#completed.push(text);
    });
    client.on("end", () => this.#lost(undefined));
    client.on("notice", (notice) =>
      this.#noticeListener?.({
        severity: notice.severity ?? "NOTICE",
        message: notice.message ?? "",
        code: notice.code ?? "",
      }),
    );
    client.on("notification", ({ channel }) => this.#channels.get(channel)?.());
  }

  /** The server process as the startup handshake named it. */
  get backendPid(): number {
    return (this.#client as unknown as { processID: number }).processID;
  }

  /** For example 150018 for 15.18; 0 when the server said something else than PostgreSQL does. */
  get serverVersion(): number {
    const match = /^(\d+)\.(\d+)/.exec(this.parameter("server_version"));
    const devel = /^(\d+)/.exec(this.parameter("server_version"));
    if (match !== null) return Number(match[1]) * 10_000 + Number(match[2]);
    return devel === null ? 0 : Number(devel[1]) * 10_000;
  }

  get serverMajor(): number {
    return Math.floor(this.serverVersion / 10_000);
  }

  /** A ParameterStatus value of the handshake, for example `in_hot_standby`; empty when not reported. */
  parameter(name: string): string {
    return this.#parameters.get(name) ?? "";
  }

  get status(): TransactionStatus {
    return (
      (this.#client as unknown as { getTransactionStatus(): TransactionStatus }).getTransactionStatus() ?? "I"
    );
  }

  /** True while a statement is at work on the server. */
  get busy(): boolean {
    return this.#running.size > 0;
  }

  /** The statement that is at work on the server: the same object as long as it is the same one. */
  get running(): Running | undefined {
    const [first] = this.#running;
    return first;
  }

  /** The command tags of what the server has completed of the last message: all of it, or what came before an error. */
  get completed(): readonly string[] {
    return this.#completed;
  }

  onNotice(listener: ((notice: Notice) => void) | undefined): void {
    this.#noticeListener = listener;
  }

  /**
   * Calls `listener` whenever a NOTIFY of the channel comes in while the session is idle (PostgreSQL manual,
   * LISTEN), until `unlisten()`.
   */
  async listen(channel: string, listener: () => void): Promise<void> {
    this.#channels.set(channel, listener);
    await this.execute(`listen ${quoteIdent(channel)}`);
  }

  async unlisten(channel: string): Promise<void> {
    if (this.#channels.delete(channel)) await this.execute(`unlisten ${quoteIdent(channel)}`);
  }

  /** Rows of one statement. With parameters it goes over the extended protocol, without over the simple one. */
  async query<Row extends QueryResultRow>(sql: string, parameters?: readonly unknown[]): Promise<Row[]> {
    const result = await this.#send<Row>(sql, parameters);
    return result.rows;
  }

  /** Runs one or more statements in one simple-protocol message; the command tag of the last comes back. */
  async execute(sql: string): Promise<{ readonly command: string; readonly rowCount: number }> {
    const answer = (await this.#send(sql)) as QueryResult | QueryResult[];
    const last = Array.isArray(answer) ? answer.at(-1) : answer;
    return { command: last?.command ?? "", rowCount: last?.rowCount ?? 0 };
  }

  /** The driver's own answer, for the engine's adapter. */
  async raw(sql: unknown, parameters?: readonly unknown[]): Promise<QueryResult> {
    return this.#send(sql as string, parameters);
  }

  /**
   * Runs `work` between BEGIN and COMMIT. A COMMIT of an aborted transaction answers ROLLBACK without
   * an error (PostgreSQL manual, COMMIT), so the command tag is what counts.
   */
  async transaction<T>(
    work: () => Promise<T>,
    { begin = "begin" }: { readonly begin?: string } = {},
  ): Promise<T> {
    await this.execute(begin);
    let result: T;
    let command: string;
    try {
      result = await work();
      ({ command } = await this.execute("commit"));
    } catch (error) {
      await this.rollback();
      throw error;
    }
    if (command !== "COMMIT") {
      throw new SlipwayError("STATEMENT_FAILED", "the transaction had failed and was rolled back at its end");
    }
    return result;
  }

  /** Leaves whatever transaction is open. Never throws: it runs where another error is on its way. */
  async rollback(): Promise<void> {
    if (this.closed.aborted || this.status === "I") return;
    await this.execute("rollback").catch(() => undefined);
  }

  /**
   * Asks the server to cancel the running statement (PostgreSQL manual, "Canceling Requests in
   * Progress"). Best effort by design of the protocol; goes over a socket of its own, in clear, as
   * libpq did up to 16: it carries no secret but the cancel key.
   */
  async cancel(): Promise<void> {
    const { processID, secretKey } = this.#client as unknown as { processID: number; secretKey: number };
    const request = Buffer.alloc(16);
    request.writeInt32BE(16, 0);
    request.writeInt32BE(80_877_102, 4);
    request.writeInt32BE(processID, 8);
    request.writeInt32BE(secretKey, 12);
    const { host, port } = this.target;
    const socket = openSocket(host.startsWith("/") ? { path: `${host}/.s.PGSQL.${port}` } : { host, port });
    await new Promise<void>((resolve) => {
      socket.setTimeout(2_000, () => socket.destroy());
      socket.once("connect", () => socket.end(request));
      socket.once("error", () => resolve());
      socket.once("close", () => resolve());
    });
  }

  /** Ends the connection in good order; the server lets go of every lock of it. */
  async close(): Promise<void> {
    this.#expectedEnd = true;
    if (!this.closed.aborted) await this.#client.end().catch(() => undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #send<Row extends QueryResultRow>(
    sql: string,
    parameters?: readonly unknown[],
  ): Promise<QueryResult<Row>> {
    this.closed.throwIfAborted();
    const running: Running = { since: performance.now() };
    this.#running.add(running);
    this.#completed = [];
    try {
      return await (parameters === undefined
        ? this.#client.query<Row>(sql)
        : this.#client.query<Row>(sql, [...parameters]));
    } catch (error) {
      if (isServerError(error) && !SESSION_ENDED.has(error.code) && error.severity !== "FATAL") {
        await this.#untilReady();
        throw error;
      }
      if (isServerError(error) || isSocketEnd(error)) this.#lost(error as Error);
      this.closed.throwIfAborted();
      throw error;
    } finally {
      this.#running.delete(running);
    }
  }

  /** The driver hands on an error at once; what became of the transaction the server says a moment later. */
  async #untilReady(): Promise<void> {
    if ((this.#client as unknown as { readyForQuery: boolean }).readyForQuery) return;
    await once(this.#connection, "readyForQuery", { signal: this.closed }).catch(() => undefined);
  }

  get #connection(): NodeJS.EventEmitter {
    return (this.#client as unknown as { connection: NodeJS.EventEmitter }).connection;
  }

  #lost(error: Error | undefined): void {
    if (this.#expectedEnd || this.closed.aborted) return;
    const why = error === undefined ? "the server closed the connection" : error.message;
    const lost = new SlipwayError(
      "SESSION_LOST",
      `the database session ended: ${why}`,
      error === undefined ? {} : { cause: error },
    );
    this.#closing.abort(lost);
  }
}

function isSocketEnd(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ("code" in error && typeof error.code === "string" && /^E[A-Z]+$/.test(error.code)) return true;
  return /Connection terminated|not queryable|connection error/i.test(error.message);
}
