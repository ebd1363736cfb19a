import type { DatabaseEnvironment } from "../../commands/session.ts";
import { Runs } from "./apply.ts";
import { Events } from "./events.ts";
import { Reader } from "./operation.ts";
import { Outlooks } from "./outlook.ts";

/** What the routes work with. */
export interface Service {
  readonly reader: Reader;
  readonly outlooks: Outlooks;
  readonly runs: Runs;
  readonly events: Events;
}

export function createService(environment: DatabaseEnvironment): Service {
  const events = new Events();
  return {
    reader: new Reader(environment),
    outlooks: new Outlooks(),
    runs: new Runs(environment, events),
    events,
  };
}
