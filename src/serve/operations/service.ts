import type { DatabaseEnvironment } from "../../commands/session.ts";
import { Runs } from "./apply.ts";
import { Events } from "./events.ts";
import type { Memos } from "./health.ts";
import { Memo } from "./memo.ts";
import { Reader } from "./operation.ts";
import { Watch } from "./watch.ts";

/** What the routes work with. */
export interface Service extends Disposable {
  readonly reader: Reader;
  readonly memos: Memos;
  readonly runs: Runs;
  readonly events: Events;
}

export function createService(environment: DatabaseEnvironment): Service {
  const events = new Events();
  const reader = new Reader(environment);
  const runs = new Runs(environment, events);
  const watch = new Watch(reader, events, (id) => runs.isOwn(id), environment.log);
  return {
    reader,
    memos: { outlook: new Memo(), drift: new Memo() },
    runs,
    events,
    [Symbol.dispose]() {
      watch[Symbol.dispose]();
      events.close();
    },
  };
}
