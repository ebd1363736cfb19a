import { expect, test } from "vitest";
import { createLog } from "../../../src/log/log.ts";
import { parseTokens, Tokens } from "../../../src/serve/tokens.ts";

const LOG = createLog({ level: "silent", format: "json", fd: 2, isTerminal: false, colour: false });
const SECRET = "0123456789abcdef";

test("tokens are lines of role and token, with a name between them where there is one", () => {
  const { tokens, problems } = parseTokens(
    `# who may\n\n  admin:${SECRET}1\r\nread:grafana:${SECRET}2==\n`,
    "tokens",
  );

  expect(problems).toEqual([]);
  expect(tokens).toMatchObject([
    { role: "admin", name: "admin" },
    { role: "read", name: "grafana" },
  ]);
});

test.each([
  [SECRET, "must be read:token"],
  [`root:${SECRET}`, "must be read:token"],
  [`admin:a:b:${SECRET}`, "must be read:token"],
  [`admin::${SECRET}`, "has a name"],
  [`admin:a b:${SECRET}`, "has a name"],
  ["admin:0123456789abcde", "at least 16"],
  [`admin:${SECRET} x`, "must have a token"],
  [`admin:${SECRET}ü`, "must have a token"],
])("%s is no token, and the complaint does not hold it", (line, complaint) => {
  const { tokens, problems } = parseTokens(`# first\n${line}`, "tokens");

  expect(tokens).toEqual([]);
  expect(problems).toMatchObject([{ at: { file: "tokens", line: 2 } }]);
  expect(problems[0]?.message).toContain(complaint);
  expect(JSON.stringify(problems)).not.toContain("0123456789abcde");
});

test("a token that is given twice is refused: nobody knows which role it has", () => {
  expect(parseTokens(`admin:${SECRET}\nread:${SECRET}`, "tokens").problems).toMatchObject([
    { message: "holds a token twice" },
  ]);
});

test("a token is found by the whole of it", () => {
  const tokens = new Tokens({ file: undefined, text: `admin:alice:${SECRET},read:${SECRET}x` }, LOG);

  expect(tokens.find(SECRET)).toEqual({ role: "admin", name: "alice" });
  expect(tokens.find(`${SECRET}x`)).toEqual({ role: "read", name: "read" });
  for (const other of ["", SECRET.slice(1), `${SECRET} `, SECRET.toUpperCase()])
    expect(tokens.find(other)).toBeUndefined();
});
