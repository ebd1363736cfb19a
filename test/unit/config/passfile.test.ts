import { expect, test } from "vitest";
import { findPassword } from "../../../src/config/passfile.ts";

const QUERY = { host: "db", port: 5432, database: "shop", user: "app" };

const CASES: ReadonlyArray<readonly [title: string, passfile: string, password: string | undefined]> = [
  ["a line that names everything fits", "db:5432:shop:app:s3cret", "s3cret"],
  ["stars fit everything", "*:*:*:*:s3cret", "s3cret"],
  ["the first line that fits wins", "db:*:*:app:first\n*:*:*:*:second", "first"],
  ["a line with another port does not fit", "db:5433:shop:app:no\n*:*:*:*:yes", "yes"],
  ["an escaped colon belongs to the password", String.raw`*:*:*:*:a\:b`, "a:b"],
  ["an escaped backslash is one backslash", String.raw`*:*:*:*:a\\b`, String.raw`a\b`],
  ["an escaped star is a name and no wildcard", String.raw`\*:*:*:*:no`, undefined],
  ["a password ends at a bare colon", "*:*:*:*:a:b", "a"],
  ["comments are passed over", "# *:*:*:*:no\n*:*:*:*:yes", "yes"],
  ["Windows line ends do not belong to the password", "*:*:*:*:s3cret\r\n", "s3cret"],
  ["an unfinished line fits nothing", "*:*:*:*\n", undefined],
  ["an empty file fits nothing", "", undefined],
];
test.each(CASES)("%s", (_title, passfile, password) => {
  expect(findPassword(passfile, QUERY)).toBe(password);
});

test("escapes in the first fields are taken out before comparing", () => {
  expect(findPassword(String.raw`\:\:1:*:*:*:s3cret`, { ...QUERY, host: "::1" })).toBe("s3cret");
});

test("the usual socket folders are looked up as localhost", () => {
  expect(findPassword("localhost:*:*:*:s3cret", { ...QUERY, host: "/var/run/postgresql" })).toBe("s3cret");
});
