import { isAbsolute } from "node:path";
import { pathToFileURL } from "node:url";
import type { Finding, LintReport } from "../lint.ts";
import type { Rule } from "../rules/rule.ts";
import { RULES } from "../rules/rules.ts";
import { pageOf, placeOf } from "./places.ts";

/** SARIF 2.1.0 (OASIS), as code scanning services read it. */
export function toSarif({ findings, problems }: LintReport, release: string): unknown {
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: "slipway", semanticVersion: release, rules: RULES.map(toDescriptor) } },
        invocations: [{ executionSuccessful: problems.length === 0 }],
        // As in a Place; SARIF's own default counts UTF-16.
        columnKind: "unicodeCodePoints",
        results: findings.map(toResult),
      },
    ],
  };
}

function toDescriptor(rule: Rule): unknown {
  const { name, severity, why, instead } = rule;
  return {
    id: name,
    shortDescription: { text: why },
    help: { text: `Instead: ${instead}\nSee ${pageOf(rule)}` },
    // Rules that are off by default are made to speak by a setting.
    defaultConfiguration: severity === "off" ? { enabled: false } : { level: severity },
  };
}

function toResult(finding: Finding): unknown {
  const { rule, severity, message } = finding;
  const { file, line, column } = placeOf(finding);
  const region =
    line === undefined
      ? {}
      : { region: { startLine: line, ...(column === undefined ? {} : { startColumn: column }) } };
  return {
    ruleId: rule.name,
    ruleIndex: RULES.indexOf(rule),
    level: severity,
    message: { text: `${message}. Instead: ${rule.instead}` },
    locations: [{ physicalLocation: { artifactLocation: { uri: toUri(file) }, ...region } }],
  };
}

function toUri(file: string): string {
  if (isAbsolute(file)) return pathToFileURL(file).href;
  return file.split("/").map(encodeURIComponent).join("/");
}
