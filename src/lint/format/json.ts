import type { LintReport } from "../lint.ts";
import { pageOf, placeOf } from "./places.ts";

export function toJson({ findings, judged, passedOver }: LintReport): unknown {
  return {
    judged,
    passedOver,
    findings: findings.map((finding) => {
      const { rule, severity, message } = finding;
      const { why, instead } = rule;
      return { rule: rule.name, severity, ...placeOf(finding), message, why, instead, see: pageOf(rule) };
    }),
  };
}
