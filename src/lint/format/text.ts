import { formatPlace } from "../../errors.ts";
import type { Finding, LintReport } from "../lint.ts";
import { pageOf } from "./places.ts";

/** For people: each finding with its line, why it matters and what to write instead. */
export function formatText(report: LintReport): string {
  const findings = report.findings.map(formatFinding).join("\n");
  return `${findings}${findings === "" ? "" : "\n"}${formatSummary(report)}\n`;
}

function formatFinding({ rule, severity, at, message, excerpt }: Finding): string {
  const place = typeof at === "string" ? at : formatPlace(at);
  return [
    `${place}: ${severity}: ${message} [${rule.name}]`,
    ...(excerpt === undefined ? [] : [excerpt]),
    `    why: ${rule.why}`,
    `    instead: ${rule.instead}`,
    `    see: ${pageOf(rule)}`,
    "",
  ].join("\n");
}

export function formatSummary({ findings, judged, passedOver }: LintReport): string {
  const over = passedOver === 0 ? "" : ` (${counted(passedOver, "file")} passed over)`;
  const of = `${counted(judged, "file")} judged${over}`;
  if (findings.length === 0) return `${of}: nothing found`;
  const count = (severity: Finding["severity"]): number =>
    findings.filter((finding) => finding.severity === severity).length;
  const counts = [
    counted(count("error"), "error"),
    counted(count("warning"), "warning"),
    counted(count("note"), "note"),
  ];
  return `${of}: ${counts.join(", ")}`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
