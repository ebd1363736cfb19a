import type { Finding, LintReport } from "../lint.ts";
import { pageOf, placeOf } from "./places.ts";
import { formatSummary } from "./text.ts";

const COMMANDS = { error: "error", warning: "warning", note: "notice" } as const;

/** Workflow commands, which GitHub shows at the lines of a pull request. */
export function formatGithub(report: LintReport): string {
  return `${[...report.findings.map(command), formatSummary(report)].join("\n")}\n`;
}

function command(finding: Finding): string {
  const { rule, severity, message } = finding;
  const { file, line, column } = placeOf(finding);
  const properties = Object.entries({ file, line, col: column, title: rule.name })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${escapeProperty(String(value))}`);
  const words = `${message}\nInstead: ${rule.instead}\nSee ${pageOf(rule)}`;
  return `::${COMMANDS[severity]} ${properties.join(",")}::${escapeData(words)}`;
}

function escapeData(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
