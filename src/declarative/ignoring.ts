import type { SchemaEngine } from "./engine/engine.ts";

/**
 * The engine as it is where `.slipwayignore` leaves objects alone: neither in what is read nor in what was
 * saved are they to be seen, so that no plan, fingerprint or list of extras can hold one.
 */
export function ignoring(
  engine: SchemaEngine,
  isIgnored: (kind: string, name: string) => boolean,
): SchemaEngine {
  return {
    ...engine,
    async read(session, hidden, meanwhile) {
      return engine.without(await engine.read(session, hidden, meanwhile), isIgnored);
    },
    load(bytes) {
      const saved = engine.load(bytes);
      const catalog = engine.without(saved.catalog, isIgnored);
      const declared = new Set([...saved.declared].filter((id) => catalog.ids.has(id)));
      return { catalog, declared, isReduced: declared.size < saved.declared.size };
    },
  };
}
