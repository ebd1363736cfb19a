import { chmodSync, copyFileSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { build } from "esbuild";

// Built aside and moved in place: a program that runs meanwhile finds a whole one, the old or the new.
const outdir = `dist.${process.pid}.tmp`;

const common = {
  outdir,
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node22",
  minify: true,
  keepNames: true,
  legalComments: "linked",
  external: ["pg-native", "pg-cloudflare"],
  banner: {
    // Bundled CommonJS packages ask for Node's own modules through require.
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
};

await Promise.all([
  // Split: each command loads only what it needs, above all not the engine.
  build({
    ...common,
    entryPoints: { main: "src/main.ts" },
    splitting: true,
    define: { __dirname: "import.meta.dirname" },
  }),
  // Built by itself: sharing with the rest would scatter over many files the little that is needed when
  // there is nothing to do.
  build({
    ...common,
    entryPoints: { probe: "src/probe.ts" },
    format: "cjs",
    outExtension: { ".js": ".cjs" },
    banner: {},
  }),
  // For browsers: the one module of the status page.
  build({
    entryPoints: { page: "src/serve/page/main.ts" },
    outdir: `${outdir}/page`,
    bundle: true,
    format: "esm",
    target: "es2022",
    minify: true,
    legalComments: "none",
  }),
  build({ entryPoints: { slipway: "src/slipway.ts" }, outdir, format: "esm", target: "node22" }),
]);
// PostgreSQL's grammar, which only `lint` loads. It is looked for beside the program.
copyFileSync(new URL("libpg-query.wasm", import.meta.resolve("libpg-query")), `${outdir}/libpg-query.wasm`);
mkdirSync(`${outdir}/page`, { recursive: true });
for (const file of ["page.html", "page.css"])
  copyFileSync(`src/serve/page/${file}`, `${outdir}/page/${file}`);
chmodSync(`${outdir}/slipway.js`, 0o755);
rmSync("dist", { recursive: true, force: true });
renameSync(outdir, "dist");
