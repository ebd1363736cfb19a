import { pack } from "tar-stream";
import { readDump } from "../../commands/schema-dump.ts";
import type { Dumped, Scope } from "../schemas/internal-schema.ts";
import { toJson } from "./json.ts";
import type { Reader } from "./operation.ts";

/** `POST …/dump`: the live schemas as files. Nothing is written anywhere. */
export function dump(reader: Reader, { schema }: Scope): Promise<Dumped> {
  return reader.records(async (records, { config }) => {
    const schemas = schema === undefined ? undefined : [schema];
    const found = await readDump(records, schemas, config.schemaPath);
    const message = `${found.files.length} files of ${found.schemas.join(", ") || "no schema"}`;
    return toJson({ message, ...found });
  });
}

/** The files alone, as a tar that `tar -x` unpacks into a schema folder. */
export async function toTar({ files }: Dumped): Promise<Buffer> {
  const archive = pack();
  // The same dump is the same archive, byte by byte.
  const mtime = new Date(0);
  for (const { path, text } of files) archive.entry({ name: path, mode: 0o644, mtime }, text);
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
