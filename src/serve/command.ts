import type { FastifyInstance } from "fastify";
import type { DatabaseEnvironment } from "../commands/session.ts";
import type { Address } from "../config/readers.ts";
import { SlipwayError } from "../errors.ts";
import { allowOrigins, describeApi, serveApi } from "./api.ts";
import { createApp } from "./app.ts";
import { type DoorOptions, openDoor } from "./door.ts";
import { createService } from "./operations/service.ts";
import { servePage } from "./page.ts";
import { serveHealth } from "./routes/health.ts";

/**
 * `slipway serve`: the admin API and the status page, until it is told to stop. Then it takes no more
 * requests, cancels the run that goes on as `slipway run` would, and ends with 0.
 */
export async function serveCommand(environment: DatabaseEnvironment, options: DoorOptions): Promise<number> {
  const { config, log, signal } = environment;
  const { listen, healthListen } = config.serve;
  using door = openDoor(environment, options);
  const service = createService(environment);

  const app = await createApp(log);
  await allowOrigins(app, config.serve.corsOrigins);
  await describeApi(app);
  await serveApi(app, service, door.authenticate);
  servePage(app);
  const apps: [FastifyInstance, Address, string][] = [[app, listen, "Serving the API and the status page"]];
  if (healthListen === undefined) {
    serveHealth(app, service);
  } else {
    const health = await createApp(log);
    serveHealth(health, service);
    apps.push([health, healthListen, "Serving health and metrics"]);
  }
  try {
    for (const [each, address, message] of apps) log.info({ at: await open(each, address) }, message);
    await stopped(signal);
    log.info({ runs: service.runs.going }, "Stopping...");
  } finally {
    service[Symbol.dispose]();
    const closing = Promise.all(apps.map(([each]) => each.close()));
    await service.runs.settle();
    await closing;
  }
  return 0;
}

async function open(app: FastifyInstance, { host, port }: Address): Promise<string> {
  try {
    return await app.listen({ host, port });
  } catch (error) {
    const why = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw new SlipwayError("CONFIG_INVALID", `cannot listen on ${host}:${port}: ${why}`, {
      cause: error,
      next: "set SLIPWAY_LISTEN to an address of this machine and a port that is free",
    });
  }
}

async function stopped(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
}
