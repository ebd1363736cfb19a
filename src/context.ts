import type { ConfigWithDatabase } from "./config/config.ts";
import type { SchemaEngine } from "./declarative/engine/engine.ts";
import type { Log } from "./log/log.ts";
import type { RunLock } from "./postgres/lock.ts";
import type { Session } from "./postgres/session.ts";
import type { RunObserver } from "./progress.ts";
import type { Records } from "./records/records.ts";
import type { Sources } from "./source/sources.ts";

/** What every phase gets. Reading needs no lock; whoever applies holds it. */
export interface RunContext {
  readonly config: ConfigWithDatabase;
  readonly session: Session;
  readonly records: Records;
  readonly sources: Sources;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly applicationName: string;
  /** Told of every phase and step as it happens. */
  readonly observe: RunObserver;
  /** Asks outside of the database whether a person approved a plan, and who; uses that approval up. */
  readonly takeApproval?: (planId: string) => Promise<string | undefined>;
  /** Loads the engine when it is first needed: it is most of the program. */
  readonly loadEngine: () => Promise<SchemaEngine>;
  /** Absent while only planning. */
  readonly lock?: RunLock;
  /** Who approves by `config.approve`, where it is known; else the run itself. */
  readonly approver?: string;
  /** Schemas that held objects before this run did anything. */
  readonly occupiedSchemas: ReadonlySet<string>;
}
