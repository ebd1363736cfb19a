#!/usr/bin/env node
// Most of a run with nothing to do is Node starting and compiling the program. So the compile cache must be
// on before the first large module is compiled, which is why the rest is not bundled in here; and the probe
// is CommonJS, because an import of `node:fs` and its like evaluates every lazy part of them.
const module = process.getBuiltinModule("node:module");
module.enableCompileCache?.();
const { probe } = module.createRequire(import.meta.url)("./probe.cjs") as typeof import("./probe.ts");
const at = (path: string): URL => new URL(path, import.meta.url);
if (await probe(process.getBuiltinModule("node:url").fileURLToPath(at("../schema")))) process.exit();
await import(at("./main.js").href);

export {};
