import type { Socket } from "node:net";
import { type Between, connectTo, listen } from "./between.ts";
import type { TestDatabase } from "./database.ts";
import { MessageReader, ServerReader, sqlOf } from "./wire.ts";

/** `cut`: the network; `kill`: the process, with SIGKILL; `terminate`: the server's side of the session. */
export type Fault = "cut" | "kill" | "terminate";

/** A message of the client, or several, up to the server's "ready". */
export interface Exchange {
  readonly sql: string;
  /** Whether a transaction was open behind it. */
  readonly inTransaction: boolean;
}

export interface FaultLine extends Between {
  /** What was sent and answered so far. */
  readonly exchanges: readonly Exchange[];
  readonly hasStruck: boolean;
  /** Breaks every connection, whatever goes on there. */
  cut(): void;
}

export interface Strike {
  /** Which exchange is the last that the server gets to see, from 1. */
  readonly at: number;
  readonly fault: Fault;
  /** Ends the process that is at work; for `kill`. */
  readonly kill: () => void;
}

/**
 * Passes everything on and strikes when the server has done with the `at`th exchange, before the client
 * knows. What the server has then done is just what it would have if the fault came before the next one.
 */
export async function openFaultLine(database: TestDatabase, strike?: Strike): Promise<FaultLine> {
  const exchanges: Exchange[] = [];
  const sockets = new Set<Socket>();
  let hasStruck = false;
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const between = await listen(database, (client) => {
    const server = connectTo(database);
    const fromClient = new MessageReader("client");
    const fromServer = new ServerReader();
    let said = "";
    let pid = 0;
    let isLoggedIn = false;
    // What came after the strike: it gets to the client behind the answer that was held back.
    let held: Buffer[] | undefined;
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
      socket.on("error", () => undefined);
    }
    client.on("end", () => server.end());
    client.on("close", () => server.destroy());
    server.on("end", () => client.end(Buffer.concat(held ?? [])));
    server.on("close", () => client.destroySoon());
    client.on("data", (chunk: Buffer) => {
      for (const message of fromClient.read(chunk)) said += sqlOf(message) ?? "";
      server.write(chunk);
    });
    server.on("data", (chunk: Buffer) => {
      const messages = fromServer.read(chunk);
      for (const { type, bytes } of messages) {
        if (type === "K") pid = bytes.readInt32BE(5);
        if (type !== "Z") continue;
        if (isLoggedIn)
          exchanges.push({ sql: said.trim(), inTransaction: bytes.toString("latin1", 5) !== "I" });
        isLoggedIn = true;
        said = "";
      }
      if (held !== undefined) {
        held.push(chunk);
        return;
      }
      const strikesNow = strike !== undefined && !hasStruck && exchanges.length >= strike.at;
      if (!strikesNow) {
        if (!client.destroyed) client.write(chunk);
        return;
      }
      hasStruck = true;
      if (strike.fault === "terminate") {
        held = [chunk];
        void database.query("select pg_terminate_backend($1)", [pid]);
        return;
      }
      if (strike.fault === "kill") strike.kill();
      cut();
    });
  });
  return {
    url: between.url,
    exchanges,
    cut,
    get hasStruck() {
      return hasStruck;
    },
    [Symbol.asyncDispose]: () => between[Symbol.asyncDispose](),
  };
}
