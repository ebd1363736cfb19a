/** Messages of PostgreSQL's protocol, as far as the stand-ins between slipway and the server need them. */

const SSL_REQUEST = 80_877_103;
const GSS_REQUEST = 80_877_104;
const CANCEL_REQUEST = 80_877_102;

export interface Message {
  /** `Q`, `P`, `Z` …; `startup`, `encryption` and `cancel` have no letter of their own. */
  readonly type: string;
  readonly bytes: Buffer;
}

/** Cuts a stream of bytes into messages. A client's begins with one that has no type. */
export class MessageReader {
  #rest: Buffer = Buffer.alloc(0);
  #atStart: boolean;

  constructor(side: "client" | "server") {
    this.#atStart = side === "client";
  }

  read(chunk: Buffer): Message[] {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    const messages: Message[] = [];
    for (let message = this.#next(); message !== undefined; message = this.#next()) messages.push(message);
    return messages;
  }

  #next(): Message | undefined {
    const head = this.#atStart ? 0 : 1;
    if (this.#rest.length < head + 4) return undefined;
    const end = head + this.#rest.readUInt32BE(head);
    if (this.#rest.length < end) return undefined;
    const bytes = this.#rest.subarray(0, end);
    this.#rest = this.#rest.subarray(end);
    if (!this.#atStart) return { type: String.fromCharCode(bytes[0] ?? 0), bytes };
    const code = bytes.readUInt32BE(4);
    if (code === SSL_REQUEST || code === GSS_REQUEST) return { type: "encryption", bytes };
    this.#atStart = false;
    return { type: code === CANCEL_REQUEST ? "cancel" : "startup", bytes };
  }
}

/** The server's answers: one byte to a request for encryption, messages from then on. */
export class ServerReader {
  readonly #reader = new MessageReader("server");

  read(chunk: Buffer): Message[] {
    const isRefusal = chunk.length === 1 && chunk.toString("latin1") === "N";
    return isRefusal ? [{ type: "encryption", bytes: chunk }] : this.#reader.read(chunk);
  }
}

/** The SQL of a Query or Parse message; undefined for every other one. */
export function sqlOf({ type, bytes }: Message): string | undefined {
  if (type === "Q") return bytes.toString("utf8", 5, bytes.length - 1);
  if (type !== "P") return undefined;
  const name = bytes.indexOf(0, 5);
  return bytes.toString("utf8", name + 1, bytes.indexOf(0, name + 1));
}

export function toMessage(type: string, body: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length + 4);
  return Buffer.concat([Buffer.from(type, "latin1"), length, body]);
}

/** BackendKeyData: which process serves the client, and the key to cancel it by. */
export function backendKeyData(pid: number): Buffer {
  const body = Buffer.alloc(8);
  body.writeInt32BE(pid, 0);
  body.writeInt32BE(4_711, 4);
  return toMessage("K", body);
}

export function fatal(sqlstate: string, words: string): Buffer {
  return toMessage("E", Buffer.from(`SFATAL\0VFATAL\0C${sqlstate}\0M${words}\0\0`, "utf8"));
}
