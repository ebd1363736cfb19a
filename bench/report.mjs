/** The results as Markdown, which is also what the terminal shows. */
export function formatReport({ date, machine, results }) {
  return [
    "# Benchmark",
    "",
    `Written by \`npm run bench\` on ${date.toISOString().slice(0, 10)}. Whatever is compared was measured in ` +
      "turns (A, B, A, B, …) on one machine. Goals are about ratios of medians; where the machine had other work, the " +
      "ratios of the minima, beside them, say more. Times are from the start of the process to its exit, as whoever " +
      "starts it sees them. Nothing fails when a goal is missed.",
    "",
    ...table(
      ["", ""],
      machine.map(([name, words]) => [name, words]),
    ),
    "",
    "## Goals",
    "",
    ...table(["row", "goal", "reached", ""], results.flatMap(goalLines)),
    ...results.flatMap((result) => ["", formatResult(result)]),
    "",
  ].join("\n");
}

export function formatResult({ row, tables, skipped }) {
  const lines = [`## ${row.number}. ${row.title}`, "", row.what];
  if (skipped !== undefined) return [...lines, "", `Not measured: ${skipped}.`].join("\n");
  for (const { title, base, series } of tables) {
    if (title !== undefined) lines.push("", `**${title}**`);
    lines.push("", ...seriesTable(Object.values(series), base));
  }
  return lines.join("\n");
}

function goalLines({ row, goals, skipped }) {
  const name = `${row.number}. ${row.title}`;
  if (skipped !== undefined) return [[name, "", "not measured", ""]];
  if (goals.length === 0) return [[name, "none: measured to be known", "", ""]];
  return goals.map((goal) => [
    name,
    `${goal.name} ≤ ${inUnit(goal, goal.limit)}`,
    goal.reached === undefined ? "not measured" : inUnit(goal, goal.reached),
    goal.reached === undefined ? "" : goal.reached <= goal.limit ? "reached" : "**missed**",
  ]);
}

const inUnit = ({ unit }, value) => (unit === undefined ? value.toFixed(2) : `${value.toFixed(0)} ${unit}`);

function seriesTable(all, base) {
  const measure = all.find(({ label }) => label === base);
  return table(
    ["program", "median", "min", `medians ÷ ${base}`, "minima", "peak memory", "rounds"],
    all.map((series) => [
      series.label,
      formatMs(series.medianMs),
      formatMs(series.minMs),
      (series.medianMs / measure.medianMs).toFixed(2),
      (series.minMs / measure.minMs).toFixed(2),
      series.peakMb === undefined ? "" : `${series.peakMb.toFixed(0)} MB`,
      String(series.count),
    ]),
  );
}

const formatMs = (ms) => (ms < 10_000 ? `${ms.toFixed(0)} ms` : `${(ms / 1_000).toFixed(1)} s`);

function table(head, rows) {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(3, ...all.map((cells) => cells[column].length)));
  const line = (cells) => `| ${cells.map((cell, column) => cell.padEnd(widths[column])).join(" | ")} |`;
  return [line(head), `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...rows.map(line)];
}
