import type { CoreV1Event, V1ConfigMap, V1PolicyRule } from "@kubernetes/client-node";
import type { TestNamespace } from "./cluster.ts";

/** The name of the status ConfigMap in tests. */
export const STATUS = "shop-status";

/** All that slipway asks of a cluster; verbs may be taken away. */
export function statusRules(
  configMap: readonly string[] = ["get", "create", "patch"],
  events: readonly string[] = ["create"],
): V1PolicyRule[] {
  return [
    { apiGroups: [""], resources: ["configmaps"], resourceNames: [STATUS], verbs: [...configMap] },
    { apiGroups: ["events.k8s.io"], resources: ["events"], verbs: [...events] },
  ].filter(({ verbs }) => verbs.length > 0);
}

export function readStatus({ core, name: namespace }: TestNamespace, name = STATUS): Promise<V1ConfigMap> {
  return core.readNamespacedConfigMap({ namespace, name });
}

/** Undefined while there is none. */
export async function findStatus(namespace: TestNamespace): Promise<V1ConfigMap | undefined> {
  const { items } = await namespace.core.listNamespacedConfigMap({ namespace: namespace.name });
  return items.find(({ metadata }) => metadata?.name === STATUS);
}

export interface ToldEvent {
  readonly type: string | undefined;
  readonly reason: string | undefined;
  readonly message: string | undefined;
}

// The library types it as a time, and hands over the text: RFC 3339 with six digits, which sorts.
const timeOf = ({ eventTime }: CoreV1Event): string => String(eventTime);

/** The events of a pod in their order, asked for as `kubectl describe pod` does. */
export async function eventsOf(namespace: TestNamespace, podUid: string): Promise<readonly ToldEvent[]> {
  const { items } = await namespace.core.listNamespacedEvent({
    namespace: namespace.name,
    fieldSelector: `involvedObject.uid=${podUid}`,
  });
  return items
    .toSorted((one, other) => (timeOf(one) < timeOf(other) ? -1 : 1))
    .map(({ type, reason, message }) => ({ type, reason, message }));
}
