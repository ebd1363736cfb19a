/** What was rendered, without the chart's version, which every release changes. */
export function normal(text: string): string {
  return text
    .replaceAll(/helm\.sh\/chart: slipway-\S+/g, "helm.sh/chart: slipway")
    .replaceAll(/app\.kubernetes\.io\/version: \S+/g, "app.kubernetes.io/version: x")
    .replaceAll(/image: slipway:\S+/g, "image: slipway:x");
}
