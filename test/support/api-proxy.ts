import { connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { ClusterServer } from "./cluster-server.ts";

/** Something between a pod and its API server; TLS goes through it as it is. */
export interface ApiProxy extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
}

export interface ProxyManner {
  /** Holds back each piece of an answer for so long. */
  readonly delayMs?: number;
  /** Passes on what is asked, and no answer. */
  readonly isSilent?: boolean;
  /** Answers by itself, with something that is not TLS. */
  readonly isGarbage?: boolean;
}

export async function openApiProxy(
  cluster: ClusterServer,
  { delayMs = 0, isSilent = false, isGarbage = false }: ProxyManner,
): Promise<ApiProxy> {
  const sockets = new Set<Socket>();
  const proxy = createServer((client) => {
    keep(client);
    if (isGarbage) {
      client.end("HTTP/1.1 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n");
      return;
    }
    const api = keep(connect(cluster.port, cluster.host));
    client.pipe(api);
    api.on("data", (chunk: Buffer) => {
      if (isSilent) return;
      void sleep(delayMs, undefined, { ref: false }).then(() => client.writable && client.write(chunk));
    });
    client.on("close", () => api.destroy());
    api.on("close", () => void sleep(delayMs, undefined, { ref: false }).then(() => client.end()));
  });
  function keep(socket: Socket): Socket {
    sockets.add(socket);
    return socket.on("close", () => sockets.delete(socket)).on("error", () => undefined);
  }
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const address = proxy.address();
  return {
    host: "127.0.0.1",
    port: typeof address === "object" && address !== null ? address.port : 0,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
}
