import type { Problem } from "../errors.ts";
import { TokenCursor } from "./cursor.ts";
import { type Finding, toProblems } from "./finding.ts";
import { Lexer, type Token } from "./lexer.ts";
import { findVariables } from "./psql-variable.ts";
import { type SplitResult, type SqlStatement, splitStatements } from "./split.ts";

/**
 * What a file holds that only psql understands, or that would be read differently than it stands
 * there. In the order of the file.
 */
export function findRefusals(
  file: string,
  sql: string,
  split: SplitResult = splitStatements(sql),
): Problem[] {
  return toProblems(file, sql, [
    ...nulBytes(sql),
    ...unterminated(sql, split.unterminated),
    ...split.metaCommands.map((command) => metaCommand(sql, command)),
    ...split.statements.flatMap(ofStatement),
    ...findVariables(sql, split.statements).map(variable),
    ...downSections(sql),
  ]);
}

function nulBytes(sql: string): Finding[] {
  const offset = sql.indexOf("\0");
  if (offset === -1) return [];
  const message = "a NUL byte, which would end the text for PostgreSQL";
  return [{ offset, message, hint: "remove it; is the file UTF-16, or no text at all?" }];
}

function unterminated(sql: string, token: Token | undefined): Finding[] {
  if (token === undefined) return [];
  const opening = sql.slice(token.start, token.start + 80);
  const [message, hint] = unclosedWords(token, opening);
  return [{ offset: token.start, message, hint }];
}

function unclosedWords(token: Token, opening: string): readonly [message: string, hint: string] {
  switch (token.kind) {
    case "comment":
      return ["a comment that is never closed", "close it with */; comments nest, each /* needs its own"];
    case "quotedIdentifier":
      return ["a quoted name that is never closed", 'close it with "; a quote inside is written ""'];
    case "dollarString": {
      const tag = opening.slice(0, opening.indexOf("$", 1) + 1);
      return [`a dollar-quoted text that is never closed`, `close it with ${tag}, spelled exactly so`];
    }
    case "escapeString":
      return ["a literal that is never closed", "close it with '; in E'…' a backslash escapes a quote"];
    default:
      return ["a literal that is never closed", "close it with '; a quote inside is written ''"];
  }
}

const DUMP_COMMANDS: ReadonlySet<string> = new Set(["\\restrict", "\\unrestrict", "\\connect"]);

function metaCommand(sql: string, token: Token): Finding {
  const [name = "\\"] = /^\\[^\s\\;]*/.exec(sql.slice(token.start, token.end)) ?? [];
  const message = `${name} is a command of psql, not SQL`;
  return { offset: token.start, message, hint: hintFor(name) };
}

function hintFor(name: string): string {
  if (DUMP_COMMANDS.has(name)) {
    return "this looks like the output of pg_dump: remove the line; dump with --inserts rather than COPY";
  }
  switch (name) {
    case "\\c":
      return "a file can't change the database: remove the line";
    case "\\i":
    case "\\ir":
    case "\\include":
    case "\\include_relative":
      return "copy the other file's statements here, or make it a file that is run by itself";
    case "\\copy":
      return "write the rows as INSERT statements";
    case "\\.":
      return "this ends the data of a COPY: write the rows as INSERT statements";
    case "\\gexec":
      return "run the statements it makes from a DO block with EXECUTE";
    case "\\g":
    case "\\gx":
    case "\\gset":
      return "end the statement with a semicolon";
    case "\\if":
    case "\\elif":
    case "\\else":
    case "\\endif":
      return "decide in a DO block";
    default:
      return "remove the line";
  }
}

function variable(offset: number): Finding {
  return {
    offset,
    message: "a variable of psql, which nobody fills",
    hint: "write the value; bootstrap and schema files can have {{NAME}}, filled from SLIPWAY_VAR_NAME",
  };
}

function ofStatement(statement: SqlStatement): Finding[] {
  const cursor = new TokenCursor(statement.text);
  const finding = cursor.skip("copy") ? ofCopy(cursor) : cursor.skip("set") ? ofSet(cursor) : undefined;
  return finding === undefined ? [] : [{ offset: statement.start, ...finding }];
}

type Words = Omit<Finding, "offset">;

function ofCopy(cursor: TokenCursor): Words | undefined {
  while (!cursor.atEnd) {
    if (cursor.skip("from", "stdin")) {
      return {
        message: "COPY FROM STDIN reads its rows from the client, and there is none",
        hint: "write the rows as INSERT statements (pg_dump --inserts)",
      };
    }
    if (cursor.skip("to", "stdout")) {
      return {
        message: "COPY TO STDOUT writes to the client, and there is none",
        hint: "remove the statement",
      };
    }
    if (!cursor.skipParentheses()) cursor.take();
  }
  return undefined;
}

const ON: ReadonlySet<string> = new Set(["on", "true", "yes", "1"]);
const UTF8: ReadonlySet<string> = new Set(["utf8", "unicode", "default", ""]);

function ofSet(cursor: TokenCursor): Words | undefined {
  if (!cursor.skip("session")) cursor.skip("local");
  const setting = cursor.skip("names") ? "client_encoding" : cursor.name()?.name;
  if (!cursor.skip("to")) cursor.skip("=");
  if (setting === "standard_conforming_strings") {
    if (ON.has(valueAt(cursor))) return undefined;
    return {
      message: "SET standard_conforming_strings changes where literals end, here and in later files",
      hint: "remove it; write E'…' where a backslash is to escape",
    };
  }
  if (setting !== "client_encoding") return undefined;
  if (UTF8.has(valueAt(cursor).replace(/[^a-z0-9]/g, ""))) return undefined;
  return {
    message: "SET client_encoding to something that this file is not sent in",
    hint: "remove it: files are UTF-8 and are sent so",
  };
}

function valueAt(cursor: TokenCursor): string {
  const token = cursor.peek();
  if (token === undefined) return "";
  return (cursor.literal() ?? cursor.name()?.name ?? cursor.text(token)).toLowerCase();
}

const DOWN = /^(?:--[ \t]*(?:\+goose[ \t]+down|\+migrate[ \t]+down|migrate:down)\b|---- create above)/i;

/** Files of tools that keep both directions in one: run as they are, they undo what they did. */
function downSections(sql: string): Finding[] {
  if (!/--[ \t]*(?:\+goose|\+migrate|migrate:|create above)/i.test(sql)) return [];
  const lexer = new Lexer(sql);
  while (lexer.next()) {
    if (lexer.kind === "comment" && DOWN.test(sql.slice(lexer.start, lexer.end))) {
      return [
        {
          offset: lexer.start,
          message: "the part of another tool's file that undoes the part above it",
          hint: "move what follows into the .down.sql file",
        },
      ];
    }
  }
  return [];
}
