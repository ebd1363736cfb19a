import { expect, test } from "vitest";
import { keepSecret, redact } from "../../../src/log/redact.ts";

const URLS: ReadonlyArray<readonly [text: string, clean: string]> = [
  ["postgres://app:s3cret@db:5432/shop", "postgres://app:***@db:5432/shop"],
  ["postgresql://app:s%40cret@db/shop?sslmode=require", "postgresql://app:***@db/shop?sslmode=require"],
  ["postgres://:s3cret@db/shop", "postgres://:***@db/shop"],
  ["POSTGRES://app:s3cret@db", "POSTGRES://app:***@db"],
  ["tried https://u:p@h1/x and postgres://u:q@h2/y", "tried https://u:***@h1/x and postgres://u:***@h2/y"],
  ['{"url":"postgres://app:s3cret@db/shop"}', '{"url":"postgres://app:***@db/shop"}'],
  ["postgres://app@db:5432/shop", "postgres://app@db:5432/shop"],
  ["see http://localhost:8080/a@b", "see http://localhost:8080/a@b"],
  ["migrations/003_x.sql:4:12: user@host", "migrations/003_x.sql:4:12: user@host"],
];
test.each(URLS)("%j is shown as %j", (text, clean) => {
  expect(redact(text)).toBe(clean);
});

const LITERALS: ReadonlyArray<readonly [text: string, clean: string]> = [
  ["create role app password 's3cret'", "create role app password '***'"],
  ["ALTER ROLE app WITH PASSWORD  's3cret' LOGIN", "ALTER ROLE app WITH PASSWORD  '***' LOGIN"],
  ["create role app encrypted password 'it''s me' login", "create role app encrypted password '***' login"],
  ["create role app password E'a\\'b' login", "create role app password '***' login"],
  [
    "create user a password 'x'; create user b password 'y'",
    "create user a password '***'; create user b password '***'",
  ],
  ["create role app password\n  's3cret'", "create role app password\n  '***'"],
  ["create role app password null", "create role app password null"],
  ["insert into t values ('password', 'x')", "insert into t values ('password', 'x')"],
  ["comment on column u.password is 'a hash'", "comment on column u.password is 'a hash'"],
];
test.each(LITERALS)("%j is shown as %j", (text, clean) => {
  expect(redact(text)).toBe(clean);
});

test("a registered secret is taken out wherever it stands, also percent-encoded", () => {
  keepSecret("gr€en/tea:2");

  const clean = redact("gr€en/tea:2, then xgr€en/tea:2x and gr%E2%82%ACen%2Ftea%3A2");

  expect(clean).toBe("***, then x***x and ***");
});

test("nothing but the secret is taken for a pattern", () => {
  keepSecret("a.c*[$&]");

  const clean = redact("abc a.c*[$&] aac");

  expect(clean).toBe("abc *** aac");
});

test("of two secrets the one that holds the other is taken out whole", () => {
  keepSecret("walnut");
  keepSecret("walnut-shell");

  const clean = redact("walnut walnut-shell");

  expect(clean).toBe("*** ***");
});

test("a secret too short to tell from a word is left alone, and so is none at all", () => {
  keepSecret("abc");
  keepSecret("");
  keepSecret(undefined);

  expect(redact("abc, abcd and nothing")).toBe("abc, abcd and nothing");
});

test("a secret is taken out of JSON too, where its quotes are escaped", () => {
  keepSecret('pine"cone\\1');

  const clean = redact(JSON.stringify({ msg: 'login with pine"cone\\1 failed' }));

  expect(clean).toBe('{"msg":"login with *** failed"}');
});

test("text without secrets is given back as it is", () => {
  const text = "INFO Running user migrations... path=/migrations/user\n";

  expect(redact(text)).toBe(text);
});
