import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Pairs of schemas, `old.sql` and `new.sql`, with a `setup.sql` where they take something for granted. */
const CORPUS = new URL("../../../shared/corpora/pgschema-diff", import.meta.url).pathname;

export interface Pair {
  readonly name: string;
  readonly setup: string;
  readonly old: string;
  readonly wanted: string;
}

export const hasCorpus = existsSync(CORPUS);

export function readPairs(): Pair[] {
  if (!hasCorpus) return [];
  const foldersIn = (path: string): string[] =>
    readdirSync(path, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
  const read = (path: string): string => (existsSync(path) ? readFileSync(path, "utf8") : "");
  return foldersIn(CORPUS).flatMap((kind) =>
    foldersIn(join(CORPUS, kind)).map((name) => {
      const folder = join(CORPUS, kind, name);
      return {
        name: `${kind}/${name}`,
        setup: read(join(folder, "setup.sql")),
        old: read(join(folder, "old.sql")),
        wanted: read(join(folder, "new.sql")),
      };
    }),
  );
}
