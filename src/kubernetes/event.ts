import { randomBytes } from "node:crypto";
import type { EventsV1Event } from "@kubernetes/client-node";
import { cut } from "../report/cut.ts";
import type { Pod } from "./access.ts";
import type { Answer, KubernetesClient } from "./client.ts";

export interface PodEvent {
  readonly type: "Normal" | "Warning";
  readonly reason: "Started" | "Applied" | "ApprovalNeeded" | "Failed";
  readonly note: string;
}

/** As it goes over the wire: the library's type has a class for the time. */
type EventObject = Omit<EventsV1Event, "eventTime"> & { readonly eventTime: string };

/** `note` holds at most so many bytes, `reportingInstance` so many characters (events.k8s.io/v1). */
const LONGEST_NOTE = 1_024;
const LONGEST_INSTANCE = 128;

/** Tells the pod's story to `kubectl describe pod`. Events are kept for an hour, by default. */
export function createEvent(client: KubernetesClient, pod: Pod, event: PodEvent): Promise<Answer<object>> {
  const { namespace, name, uid } = pod;
  const body: EventObject = {
    apiVersion: "events.k8s.io/v1",
    kind: "Event",
    metadata: { namespace, name: `${name.slice(0, 200)}.${randomBytes(8).toString("hex")}` },
    // A MicroTime: six digits behind the point, where JavaScript has three.
    eventTime: new Date().toISOString().replace("Z", "000Z"),
    type: event.type,
    reason: event.reason,
    action: "Migrate",
    note: cut(event.note, LONGEST_NOTE, "…"),
    reportingController: "slipway.dev/slipway",
    reportingInstance: name.slice(0, LONGEST_INSTANCE),
    regarding: { apiVersion: "v1", kind: "Pod", namespace, name, uid },
  };
  const path = `/apis/events.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/events`;
  return client.ask({ method: "POST", path, body });
}
