import type { DefinedDifference } from "../../declarative/differences.ts";
import { formatEdit } from "../../declarative/differences.ts";
import { validate as compare, isClean } from "../../declarative/validate.ts";
import { SlipwayError } from "../../errors.ts";
import { readSources } from "../../source/sources.ts";
import type { Validated } from "../schemas/internal-schema.ts";
import { toJson } from "./json.ts";
import type { Reader } from "./operation.ts";
import { placeOf } from "./plan.ts";

/** `GET …/validate`: what `slipway schema validate` finds. */
export async function validate(reader: Reader): Promise<Validated> {
  const found = await reader.context(({ config }) => {
    const sources = readSources(config);
    if (sources.schema !== undefined) return sources;
    throw new SlipwayError("CONFIG_INVALID", "there are no schema files to compare with", {
      next: "set SLIPWAY_SCHEMA_PATH to a folder that has schemas/",
    });
  }, compare);
  const { outside, files, outsideUnknown, ...rest } = found;
  return toJson({
    valid: isClean(found),
    drifts: outside.length === 0 ? null : outside.map(toDrift),
    error: outsideUnknown ?? null,
    ...rest,
    outside: outside.map(toDifference),
    files: files.map(toDifference),
  });
}

const TYPES = { added: "CREATE", changed: "ALTER", removed: "DROP" } as const;

function toDrift(difference: DefinedDifference): NonNullable<Validated["drifts"]>[number] {
  const { kind, name, schema } = placeOf(difference);
  return {
    type: TYPES[difference.kind],
    object_type: kind,
    schema: schema ?? null,
    name,
    sql: difference.after ?? difference.before ?? "",
    destructive: difference.kind === "removed",
  };
}

function toDifference({ object, kind, edits, before, after }: DefinedDifference) {
  return {
    object,
    kind,
    edits: edits.flatMap((edit) => formatEdit(edit) ?? []),
    before,
    after,
  };
}
