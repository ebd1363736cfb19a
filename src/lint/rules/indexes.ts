import { formatName, nameOfObject } from "../tree/name.ts";
import { bodyOf } from "../tree/node.ts";
import { alterationsOf } from "./alteration.ts";
import { existingTable } from "./known.ts";
import type { Rule } from "./rule.ts";

const CREATE: Rule = {
  name: "index-not-concurrent",
  severity: "warning",
  files: ["up"],
  why: "CREATE INDEX keeps everybody from writing to the table until the index is built",
  instead: "create index concurrently, in a file of its own",
  *ofStatement({ node, known }) {
    const index = bodyOf(node, "IndexStmt");
    if (index === undefined || index.concurrent === true) return;
    // ON ONLY makes the empty index of a partitioned table, to which those of the partitions are attached.
    if (index.relation?.inh !== true) return;
    const table = existingTable(known, index.relation);
    if (table === undefined) return;
    yield { message: `building ${index.idxname ?? "an index"} keeps everybody from writing to ${table}` };
  },
};

const DROP: Rule = {
  name: "drop-index-not-concurrent",
  severity: "warning",
  files: ["up"],
  why: "DROP INDEX waits for, and then keeps out, everybody who uses the table",
  instead: "drop index concurrently, in a file of its own",
  *ofStatement({ node, known }) {
    const { removeType, objects = [], concurrent } = bodyOf(node, "DropStmt") ?? {};
    if (removeType !== "OBJECT_INDEX" || concurrent === true) return;
    for (const name of objects.map(nameOfObject)) {
      if (known.isNewIndex(name)) continue;
      yield { message: `dropping ${formatName(name)} locks its table against reads and writes` };
    }
  },
};

const REINDEX: Rule = {
  name: "reindex-not-concurrent",
  severity: "warning",
  files: ["up"],
  why: "REINDEX keeps everybody from writing to the table, and from using the index, until it is rebuilt",
  instead: "reindex index concurrently, in a file of its own",
  *ofStatement({ node, known }) {
    const reindex = bodyOf(node, "ReindexStmt");
    // REINDEX SYSTEM has no concurrent form.
    if (reindex === undefined || reindex.kind === "REINDEX_OBJECT_SYSTEM") return;
    const options = (reindex.params ?? []).map((param) => bodyOf(param, "DefElem")?.defname);
    if (options.includes("concurrently")) return;
    const what =
      reindex.relation === undefined ? (reindex.name ?? "") : existingTable(known, reindex.relation);
    if (what === undefined) return;
    yield { message: `reindexing ${what} keeps everybody from writing meanwhile` };
  },
};

const DETACH: Rule = {
  name: "detach-not-concurrent",
  severity: "warning",
  files: ["up"],
  why: "DETACH PARTITION locks the whole partitioned table against reads and writes",
  instead: "alter table … detach partition … concurrently, in a file of its own",
  *ofStatement(judged) {
    for (const { cmd, shown } of alterationsOf(judged)) {
      const partition = bodyOf(cmd.def, "PartitionCmd");
      if (cmd.subtype !== "AT_DetachPartition" || partition?.concurrent === true) continue;
      yield {
        message: `detaching ${partition?.name?.relname ?? "a partition"} locks all of ${shown}`,
        at: partition?.name?.location,
      };
    }
  },
};

const UNNAMED: Rule = {
  name: "concurrent-index-unnamed",
  severity: "warning",
  files: ["up"],
  why: "when a concurrent build is interrupted, slipway can look for its index only by name",
  instead: "create index concurrently NAME on …",
  *ofStatement({ node }) {
    const index = bodyOf(node, "IndexStmt");
    if (index?.concurrent !== true || index.idxname !== undefined) return;
    yield { message: "a concurrent build of an index without a name can't be taken up again" };
  },
};

export const INDEX_RULES: readonly Rule[] = [CREATE, DROP, REINDEX, DETACH, UNNAMED];
