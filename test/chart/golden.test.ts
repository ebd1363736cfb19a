import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { parse } from "yaml";
import { onHelm, renderText } from "../support/chart.ts";
import { normal } from "./normal.ts";

const VALUES = fileURLToPath(new URL("values", import.meta.url));
const GOLDEN = fileURLToPath(new URL("golden", import.meta.url));
const isUpdate = process.env["UPDATE_GOLDEN"] === "1";

for (const file of readdirSync(VALUES)) {
  onHelm(`${file} renders what it did, under Helm 3 as under Helm 4`, async () => {
    const values: object = parse(readFileSync(`${VALUES}/${file}`, "utf8"));

    const [text, old] = await Promise.all([
      renderText({ values }),
      renderText({ values, helm: "oldest", args: ["--kube-version", oldestFor(file)] }),
    ]);

    expect(old).toBe(text);
    const golden = `${GOLDEN}/${file}`;
    if (isUpdate) writeFileSync(golden, normal(text));
    expect(normal(text)).toBe(readFileSync(golden, "utf8"));
  });
}

/** The oldest Kubernetes that there is the chart for; image volumes came later. */
function oldestFor(file: string): string {
  return file === "image-volumes.yaml" ? "1.31.0" : "1.29.0";
}
