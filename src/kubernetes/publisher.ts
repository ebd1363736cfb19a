import { setTimeout as sleep } from "node:timers/promises";
import type { V1ConfigMap } from "@kubernetes/client-node";
import type { ConfigMapName } from "../config/readers.ts";
import { ApprovalError } from "../declarative/approval.ts";
import type { Log } from "../log/log.ts";
import { redact } from "../log/redact.ts";
import type { RunObserver } from "../progress.ts";
import type { PhaseRecord } from "../records/runs.ts";
import { lastLine, toFailure } from "../report/failure.ts";
import { findAccess, findNamespace, findPod, type Pod } from "./access.ts";
import { KubernetesClient, type Trouble } from "./client.ts";
import { Complaints } from "./complaints.ts";
import { applyConfigMap, type ConfigMapRef, readConfigMap, takeAnnotation } from "./config-map.ts";
import { createEvent, type PodEvent } from "./event.ts";
import { Patience } from "./patience.ts";
import {
  finishedStatus,
  NOT_REACHED,
  type RunEnd,
  type RunIdentity,
  type RunningAt,
  type RunStatus,
  runningStatus,
} from "./status.ts";
import { rowOf, type StatusRow, saysTheSame } from "./status-data.ts";

/** What a run may lose to a cluster that does not answer, in all. */
const LONGEST_WAIT_MS = 1_000;
/** Between two writes of a run that goes on, and before the first: most runs are done by then. */
const INTERVAL_MS = 1_000;
/** An approval that is there is worth this, to be taken. */
const LONGEST_TAKING_MS = 5_000;
/** After a conflict, or an API server that has too much to do. */
const RETRY_AFTER_MS = 100;

/** Kubernetes, "Recommended Labels"; the object is found by them, whatever its name is. */
const LABELS = {
  "app.kubernetes.io/name": "slipway",
  "app.kubernetes.io/component": "migration-status",
  "app.kubernetes.io/managed-by": "slipway",
};

export interface PublisherOptions {
  readonly configMap: ConfigMapName;
  /** Its name in a list of databases; undefined for a database by itself. */
  readonly database: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  readonly identity: RunIdentity;
}

/** Says why there is none, once, when this is no pod, or nobody tells its namespace. */
export function openPublisher(options: PublisherOptions): Publisher | undefined {
  const { env, log, configMap, database } = options;
  const access = findAccess(env);
  const namespace = configMap.namespace ?? (access && findNamespace(env, access));
  if (access === undefined || namespace === undefined) {
    const reason =
      access === undefined
        ? "this is no pod of a cluster: KUBERNETES_SERVICE_HOST is not set"
        : "no namespace is named, and the pod's is not known: set POD_NAMESPACE";
    new Complaints(log).sayUnwritten(reason, {
      resource: "configmaps",
      name: configMap.name,
      namespace: configMap.namespace ?? "",
    });
    return undefined;
  }
  const ref = { namespace, name: configMap.name };
  return new Publisher(new KubernetesClient(access), ref, rowOf(database), findPod(env), options);
}

/**
 * Shows one run to people who have kubectl alone: the status ConfigMap, events on the pod, and the annotation
 * by which they approve a plan.
 *
 * Only a run that holds the lock has one, so that nobody else writes the same keys. Nothing here can fail a
 * run, and nothing waits but `takeApproval` and `finish`. Writes go one after another: an earlier one must
 * not overtake a later one.
 */
export class Publisher {
  readonly #client: KubernetesClient;
  readonly #ref: ConfigMapRef;
  readonly #row: StatusRow;
  readonly #pod: Pod | undefined;
  readonly #identity: RunIdentity;
  readonly #complaints: Complaints;
  readonly #patience = new Patience(LONGEST_WAIT_MS);
  readonly #events: Promise<void>[] = [];
  /** The last write, and all before it. */
  #writing: Promise<void>;
  /** The status as it is there; undefined when there is none, or it cannot be read. */
  #written: RunStatus | undefined;
  #isUnreachable = false;
  #phases: readonly PhaseRecord[] = NOT_REACHED;
  #latest: RunningAt | undefined;
  #isWorking = false;
  #timer: NodeJS.Timeout | undefined;
  #dueAt = performance.now() + INTERVAL_MS;

  constructor(
    client: KubernetesClient,
    ref: ConfigMapRef,
    row: StatusRow,
    pod: Pod | undefined,
    { identity, log }: Pick<PublisherOptions, "identity" | "log">,
  ) {
    this.#client = client;
    this.#ref = ref;
    this.#row = row;
    this.#pod = pod;
    this.#identity = identity;
    this.#complaints = new Complaints(log);
    this.#writing = this.#read().then((found) => {
      this.#written = row.read(found?.data);
    });
    this.#tell({ type: "Normal", reason: "Started", note: `slipway ${identity.release} holds the run lock` });
  }

  readonly observe: RunObserver = (progress) => {
    if (progress.kind === "phase-end") {
      const { record } = progress;
      this.#phases = this.#phases.map((each) => (each.phase === record.phase ? record : each));
      return;
    }
    this.#latest = progress;
    this.#isWorking ||= progress.kind === "step";
    const inMs = Math.max(0, this.#dueAt - performance.now());
    this.#timer ??= setTimeout(() => this.#writeProgress(), inMs).unref();
  };

  /**
   * Who approved this plan by an annotation; undefined when nobody did. The annotation is taken away with it:
   * an approval is good for one application of a plan.
   */
  async takeApproval(planId: string): Promise<string | undefined> {
    const name = this.#row.approvedBy;
    const found = await this.#patience.wait(this.#read());
    const value = found?.metadata?.annotations?.[name] ?? "";
    const ids = value.split(",").map((id) => id.trim());
    if (!ids.includes(planId)) return undefined;
    const rest = ids.filter((id) => id !== planId).join(",");
    // A person has said yes: without it the run could only stop.
    const taken = await new Patience(LONGEST_TAKING_MS).wait(
      takeAnnotation(this.#client, this.#ref, { name, value, rest }),
    );
    if (taken === undefined) this.#sayLate("configmaps");
    else if ("trouble" in taken) this.#complain(taken.trouble, "patch");
    else return `annotation ${name} of ConfigMap ${this.#ref.namespace}/${this.#ref.name}`;
    return undefined;
  }

  /** Writes how the run ended, if that is news. To be called while the lock is still held. */
  async finish(end: RunEnd): Promise<void> {
    clearTimeout(this.#timer);
    const writing = this.#write((before) =>
      finishedStatus(this.#identity, end, before?.conditions ?? [], this.#row.longestPlan),
    );
    const event = endEvent(end);
    if (event !== undefined) this.#tell(event);
    const isWritten = await this.#patience.wait(writing.then(() => true));
    if (isWritten === undefined) this.#sayLate("configmaps");
    const areTold = await this.#patience.wait(Promise.all(this.#events));
    if (areTold === undefined) this.#sayLate("events");
  }

  /** Breaks off what is still being asked. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#client.close();
  }

  #writeProgress(): void {
    this.#timer = undefined;
    this.#dueAt = performance.now() + INTERVAL_MS;
    const [progress, phases] = [this.#latest, this.#phases];
    // What does not answer is asked once more, at the end.
    if (progress === undefined || this.#isUnreachable) return;
    const isWorking = this.#isWorking;
    void this.#write((before) => {
      // So far it may be on its way to say the same again.
      if (!isWorking && (before?.phase === "Failed" || before?.phase === "Blocked")) return before;
      return runningStatus(this.#identity, progress, phases, before);
    });
  }

  #write(make: (before: RunStatus | undefined) => RunStatus): Promise<void> {
    this.#writing = this.#writing.then(async () => {
      const status = make(this.#written);
      if (this.#written !== undefined && saysTheSame(this.#written, status)) return;
      const trouble = await this.#apply(status);
      if (trouble === undefined) this.#written = status;
      else this.#complain(trouble, "patch");
    });
    return this.#writing;
  }

  async #apply(status: RunStatus): Promise<Trouble | undefined> {
    const { fieldManager } = this.#row;
    const applied = { fieldManager, labels: LABELS, data: this.#row.toData(status) };
    const first = await applyConfigMap(this.#client, this.#ref, applied);
    if ("object" in first) return undefined;
    if (first.trouble.kind !== "conflict" && first.trouble.kind !== "busy") return first.trouble;
    await sleep(RETRY_AFTER_MS);
    const second = await applyConfigMap(this.#client, this.#ref, applied);
    return "object" in second ? undefined : second.trouble;
  }

  async #read(): Promise<V1ConfigMap | undefined> {
    const answer = await readConfigMap(this.#client, this.#ref);
    if ("object" in answer) return answer.object;
    if (answer.trouble.kind !== "absent") this.#complain(answer.trouble, "get");
    return undefined;
  }

  #tell(event: PodEvent): void {
    if (this.#pod === undefined) return;
    const { namespace } = this.#pod;
    this.#events.push(
      createEvent(this.#client, this.#pod, event).then((answer) => {
        if ("trouble" in answer)
          this.#complaints.say(answer.trouble, { verb: "create", resource: "events", namespace });
      }),
    );
  }

  #complain(trouble: Trouble, verb: string): void {
    if (trouble.kind === "unreachable") this.#isUnreachable = true;
    this.#complaints.say(trouble, { verb, resource: "configmaps", ...this.#ref });
  }

  #sayLate(resource: "configmaps" | "events"): void {
    this.#complaints.sayUnwritten("the API server did not answer in time", { resource, ...this.#ref });
  }
}

function endEvent({ error, phases, userVersion }: RunEnd): PodEvent | undefined {
  if (error !== undefined) {
    const reason = error instanceof ApprovalError ? "ApprovalNeeded" : "Failed";
    return { type: "Warning", reason, note: redact(lastLine(toFailure(error))) };
  }
  const applied = phases.filter(({ outcome }) => outcome === "applied").map(inWords);
  if (applied.length === 0) return undefined;
  const version = userVersion === undefined ? "" : `; user migrations at ${userVersion}`;
  return { type: "Normal", reason: "Applied", note: `Applied ${applied.join(", ")}${version}` };
}

function inWords({ phase, changes }: PhaseRecord): string {
  if (phase === "bootstrap") return "bootstrap.sql";
  const plural = changes === 1 ? "" : "s";
  return phase === "user" ? `${changes} migration${plural}` : `${changes} change${plural} of the schema`;
}
