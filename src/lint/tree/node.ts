import type { Node } from "libpg-query";

/** Names of PostgreSQL's parse nodes: `IndexStmt`, `RangeVar` … */
export type NodeKind = Node extends infer Each ? (Each extends unknown ? keyof Each : never) : never;

export type NodeBody<Kind extends NodeKind> = Extract<Node, Readonly<Record<Kind, unknown>>>[Kind];

/** What the node says, when it is one of this kind. */
export function bodyOf<Kind extends NodeKind>(
  node: Node | undefined,
  kind: Kind,
): NodeBody<Kind> | undefined {
  const bodies: Readonly<Partial<Record<NodeKind, unknown>>> = node ?? {};
  return bodies[kind] as NodeBody<Kind> | undefined;
}

/** Every node of a kind below a value, in the order of the tree. */
export function nodesIn<Kind extends NodeKind>(root: unknown, kind: Kind): NodeBody<Kind>[] {
  const found: NodeBody<Kind>[] = [];
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    if (Array.isArray(value)) {
      for (const each of value) visit(each);
      return;
    }
    for (const [name, each] of Object.entries(value)) {
      if (name === kind) found.push(each as NodeBody<Kind>);
      visit(each);
    }
  };
  visit(root);
  return found;
}

/** The words of a list of String nodes: `["app", "orders"]`. */
export function wordsOf(list: readonly Node[] | undefined): string[] {
  return (list ?? []).flatMap((node) => bodyOf(node, "String")?.sval ?? []);
}
