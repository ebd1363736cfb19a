import { LIBPQ_VARIABLES } from "../../src/config/database-parameters.ts";
import { OTHER_VARIABLES, SETTINGS_LIST, VAR_PREFIX } from "../../src/config/settings.ts";
import { ERRORS } from "../../src/errors.ts";

/** The parts of pages that the code itself says: where they stand, and what they are now. */
export const GENERATED = [
  { path: "docs/settings.md", name: "settings", text: settings },
  { path: "docs/settings.md", name: "variables", text: variables },
  { path: "docs/errors.md", name: "exit codes", text: exitCodes },
];

function settings() {
  const rows = SETTINGS_LIST.map(({ name, env, flag, argument, fallback, fallbackWords, meaning }) => [
    code(name),
    code(env),
    code(argument === undefined ? flag : `${flag} <${argument}>`),
    fallbackWords ?? (fallback === "" || fallback === undefined ? "empty" : code(fallback)),
    meaning,
  ]);
  return table(["slipway.yaml", "environment", "flag", "default", "meaning"], rows);
}

function variables() {
  const rows = [
    ...Object.entries(OTHER_VARIABLES).map(([name, meaning]) => [code(name), meaning]),
    [code(`${VAR_PREFIX}NAME`), `fills the placeholder ${code("{{NAME}}")}`],
    ...Object.entries(LIBPQ_VARIABLES).map(([parameter, name]) => [
      code(name),
      `as libpq reads it: what the URL leaves open of ${code(parameter)}`,
    ]),
  ];
  return table(["environment", "meaning"], rows);
}

function exitCodes() {
  const rows = Object.entries(ERRORS).map(([name, { exit, hint }]) => [
    String(exit),
    `[${code(name)}](#${name.toLowerCase()})`,
    hint,
  ]);
  return table(["exit", "code", "what gets on, unless the message knows better"], rows);
}

function code(text) {
  return `\`${text}\``;
}

function table(head, rows) {
  const line = (cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), `|${head.map(() => "---|").join("")}`, ...rows.map(line), ""].join("\n");
}
