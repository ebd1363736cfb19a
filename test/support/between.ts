import { connect, createServer, type Server, type Socket } from "node:net";
import type { TestDatabase } from "./database.ts";
import {
  backendKeyData,
  fatal,
  type Message,
  MessageReader,
  ServerReader,
  sqlOf,
  toMessage,
} from "./wire.ts";

/** Something that stands between slipway and the server. */
export interface Between extends AsyncDisposable {
  /** The database by way of it. */
  readonly url: string;
}

export interface Heard {
  /** The SQL that was sent, in order. */
  readonly sql: readonly string[];
  /** True when the client said goodbye, as opposed to being gone. */
  readonly isClosed: boolean;
}

export interface Listener extends Between {
  readonly connections: readonly Heard[];
}

/** Passes everything on, and writes down what is asked. */
export async function openListener(database: TestDatabase): Promise<Listener> {
  const connections: { sql: string[]; isClosed: boolean }[] = [];
  const between = await listen(database, (client) => {
    const heard = { sql: [] as string[], isClosed: false };
    connections.push(heard);
    const server = connectTo(database);
    const reader = new MessageReader("client");
    client.on("data", (chunk: Buffer) => {
      for (const message of reader.read(chunk)) {
        const sql = sqlOf(message);
        if (sql !== undefined) heard.sql.push(sql);
        if (message.type === "X") heard.isClosed = true;
      }
      server.write(chunk);
    });
    server.on("data", (chunk: Buffer) => client.write(chunk));
    join(client, server);
  });
  return { ...between, connections };
}

export interface Cutter extends Between {
  readonly hasCut: boolean;
}

/**
 * Cuts the connection at the `at`th COMMIT: `before` the server gets it, so that nothing is committed, or
 * `after`, so that it is, and slipway never hears of it.
 */
export async function openCutter(
  database: TestDatabase,
  at: number,
  when: "before" | "after",
): Promise<Cutter> {
  const state = { commits: 0, hasCut: false };
  const between = await listen(database, (client) => {
    const server = connectTo(database);
    const reader = new MessageReader("client");
    client.on("data", (chunk: Buffer) => {
      for (const message of reader.read(chunk)) {
        // Also one that shares its message with what comes before it.
        const isCommit = /(?:^|;)\s*commit\s*(?:;|$)/i.test(sqlOf(message) ?? "");
        if (isCommit) state.commits += 1;
        const isCut = isCommit && state.commits === at;
        if (isCut) state.hasCut = true;
        if (!isCut || when === "after") server.write(message.bytes);
        if (!isCut) continue;
        if (when === "before") server.destroy();
        else server.once("data", () => server.destroy());
        client.destroy();
        return;
      }
    });
    server.on("data", (chunk: Buffer) => {
      if (!client.destroyed) client.write(chunk);
    });
    server.on("error", () => client.destroy());
    server.on("close", () => client.destroy());
    client.on("end", () => server.end());
    client.on("error", () => server.destroy());
  });
  return {
    url: between.url,
    [Symbol.asyncDispose]: () => between[Symbol.asyncDispose](),
    get hasCut() {
      return state.hasCut;
    },
  };
}

/** A pooler in session mode: every client has a server process of its own, but is told another's number. */
export async function openSessionPooler(database: TestDatabase): Promise<Between> {
  let invented = 1_000_000;
  return listen(database, (client) => {
    const server = connectTo(database);
    const fromServer = new ServerReader();
    invented += 1;
    const pid = invented;
    client.on("data", (chunk: Buffer) => server.write(chunk));
    server.on("data", (chunk: Buffer) => {
      for (const each of fromServer.read(chunk))
        client.write(each.type === "K" ? backendKeyData(pid) : each.bytes);
    });
    join(client, server);
  });
}

/** What PgBouncer says to a client that sends settings in its startup packet, unless it is configured to pass them on. */
export async function openStrictPooler(database: TestDatabase): Promise<Between> {
  return listen(database, (client) => {
    const reader = new MessageReader("client");
    client.on("data", (chunk: Buffer) => {
      for (const { type } of reader.read(chunk)) {
        if (type === "encryption") client.write("N");
        if (type === "startup")
          client.end(fatal("08P01", "unsupported startup parameter in options: TimeZone"));
      }
    });
  });
}

/** A pooler in transaction mode: all clients share one session of the server, and take turns by the transaction. */
export async function openTransactionPooler(database: TestDatabase): Promise<Between> {
  const pool = new TransactionPool(database);
  const between = await listen(database, (client) => pool.serve(client));
  return {
    url: between.url,
    async [Symbol.asyncDispose]() {
      pool.close();
      await between[Symbol.asyncDispose]();
    },
  };
}

/** Hands one server session, which the first client logged in on, to whoever begins a transaction. */
class TransactionPool {
  readonly #database: TestDatabase;
  readonly #waiting: { client: Socket; message: Message }[] = [];
  readonly #welcome: Buffer[] = [];
  #server: Socket | undefined;
  #owner: Socket | undefined;
  #isWelcomed = false;
  #invented = 1_000_000;

  constructor(database: TestDatabase) {
    this.#database = database;
  }

  serve(client: Socket): void {
    const reader = new MessageReader("client");
    client.on("error", () => undefined);
    client.on("close", () => this.#leave(client));
    client.on("data", (chunk: Buffer) => {
      for (const message of reader.read(chunk)) this.#take(client, message);
    });
  }

  close(): void {
    this.#server?.destroy();
  }

  #take(client: Socket, message: Message): void {
    if (message.type === "encryption") client.write("N");
    else if (message.type === "startup" && this.#isWelcomed) this.#greet(client);
    else if (message.type === "startup") this.#logIn(client, message);
    else if (message.type === "X" || message.type === "cancel") client.end();
    else {
      this.#waiting.push({ client, message });
      this.#next();
    }
  }

  /** The first client's login is passed through; its owner is the only one who knows the password. */
  #logIn(client: Socket, startup: Message): void {
    const server = connectTo(this.#database);
    const reader = new ServerReader();
    this.#server = server;
    this.#owner = client;
    server.on("error", () => undefined);
    server.on("data", (chunk: Buffer) => {
      for (const message of reader.read(chunk)) this.#answer(message);
    });
    server.write(startup.bytes);
  }

  #greet(client: Socket): void {
    this.#invented += 1;
    const loggedIn = toMessage("R", Buffer.alloc(4));
    client.write(
      Buffer.concat([
        loggedIn,
        ...this.#welcome,
        backendKeyData(this.#invented),
        toMessage("Z", Buffer.from("I")),
      ]),
    );
  }

  #answer(message: Message): void {
    if (message.type === "S" && !this.#isWelcomed) this.#welcome.push(message.bytes);
    if (message.type === "K") {
      this.#invented += 1;
      this.#owner?.write(backendKeyData(this.#invented));
      return;
    }
    this.#owner?.write(message.bytes);
    if (message.type !== "Z") return;
    this.#isWelcomed = true;
    const isIdle = message.bytes.toString("latin1", 5, 6) === "I";
    if (isIdle && !this.#waiting.some(({ client }) => client === this.#owner)) this.#owner = undefined;
    this.#next();
  }

  /** Sends what the owner has to say; without an owner, the client that waited longest becomes it. */
  #next(): void {
    this.#owner ??= this.#waiting[0]?.client;
    for (;;) {
      const index = this.#waiting.findIndex(({ client }) => client === this.#owner);
      const [first] = index === -1 ? [] : this.#waiting.splice(index, 1);
      if (first === undefined) return;
      this.#server?.write(first.message.bytes);
    }
  }

  #leave(client: Socket): void {
    if (this.#owner !== client) return;
    this.#owner = undefined;
    this.#next();
  }
}

export function connectTo(database: TestDatabase): Socket {
  return connect({ host: "127.0.0.1", port: database.server.port, noDelay: true });
}

/** When one side ends, so does the other. */
function join(one: Socket, other: Socket): void {
  for (const [here, there] of [
    [one, other],
    [other, one],
  ] as const) {
    here.on("error", () => there.destroy());
    here.on("close", () => there.destroy());
    here.on("end", () => there.end());
  }
}

export async function listen(database: TestDatabase, serve: (client: Socket) => void): Promise<Between> {
  const sockets = new Set<Socket>();
  const server: Server = createServer({ noDelay: true }, (client) => {
    sockets.add(client);
    client.on("close", () => sockets.delete(client));
    client.on("error", () => undefined);
    serve(client);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const url = new URL(database.url);
  url.port = String(typeof address === "object" && address !== null ? address.port : 0);
  return {
    url: url.href,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
