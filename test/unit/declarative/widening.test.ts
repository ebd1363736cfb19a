import { expect, test } from "vitest";
import { isWidening } from "../../../src/declarative/widening.ts";

/** Types as PostgreSQL writes them (`format_type`): every value stays what it is. */
const KEPT: ReadonlyArray<readonly [from: string, to: string]> = [
  ["integer", "integer"],
  ["app.mood", "app.mood"],
  ["smallint", "integer"],
  ["smallint", "bigint"],
  ["integer", "bigint"],
  ["smallint", "numeric"],
  ["integer", "numeric"],
  ["bigint", "numeric"],
  ["real", "double precision"],
  ["character varying(5)", "character varying(10)"],
  ["character varying(5)", "character varying"],
  ["character varying(5)", "text"],
  ["character varying", "text"],
  ["text", "character varying"],
  ["citext", "text"],
  ["name", "text"],
  ["character(3)", "character(5)"],
  ["bit varying(8)", "bit varying(16)"],
  ["bit varying(8)", "bit varying"],
  ["numeric(10,2)", "numeric(10,2)"],
  ["numeric(10,2)", "numeric(12,2)"],
  ["numeric(10,2)", "numeric(12,4)"],
  ["numeric(10,2)", "numeric"],
  ["numeric(10,0)", "numeric(12,2)"],
  ["numeric(5,-2)", "numeric(7,0)"],
  ["timestamp(0) without time zone", "timestamp(3) without time zone"],
  ["timestamp(3) without time zone", "timestamp without time zone"],
  ["timestamp(0) with time zone", "timestamp(6) with time zone"],
  ["time(0) without time zone", "time without time zone"],
  ["time(3) with time zone", "time with time zone"],
  ["interval(0)", "interval(3)"],
  ["interval(3)", "interval"],
  ["cidr", "inet"],
  ["character varying(5)[]", "character varying(10)[]"],
  ["character varying(5)[]", "character varying[]"],
  ["numeric(10,2)[]", "numeric(12,2)[]"],
  ["timestamp(0) with time zone[]", "timestamp(3) with time zone[]"],
];
test.each(KEPT)("%s to %s keeps every value", (from, to) => {
  expect(isWidening(from, to)).toBe(true);
});

/** Narrower, other, or not known to be wider: a person has to look. */
const JUDGED: ReadonlyArray<readonly [from: string, to: string]> = [
  ["integer", "smallint"],
  ["bigint", "integer"],
  ["bigint", "smallint"],
  ["numeric", "bigint"],
  ["integer", "numeric(5,0)"],
  ["bigint", "numeric(20,0)"],
  ["bigint", "double precision"],
  ["integer", "real"],
  ["integer", "text"],
  ["integer", "boolean"],
  ["integer", "oid"],
  ["double precision", "real"],
  ["real", "numeric"],
  ["numeric", "double precision"],
  ["character varying(10)", "character varying(5)"],
  ["character varying", "character varying(5)"],
  ["text", "character varying(5)"],
  ["text", "character(5)"],
  ["text", "citext"],
  ["text", "integer"],
  ["text", "uuid"],
  ["text", "jsonb"],
  ["text", "name"],
  ["character(5)", "character(3)"],
  ["character(5)", "character"],
  ["character(5)", "text"],
  ["character(5)", "character varying(5)"],
  ["bit(16)", "bit(8)"],
  ["bit(8)", "bit"],
  ["bit(8)", "bit varying(16)"],
  ["numeric(12,2)", "numeric(10,2)"],
  ["numeric(10,2)", "numeric(10,4)"],
  ["numeric(10,4)", "numeric(10,2)"],
  ["numeric(10,2)", "numeric(10,0)"],
  ["numeric", "numeric(10,2)"],
  ["numeric(5,-2)", "numeric(5,0)"],
  ["timestamp(3) without time zone", "timestamp(0) without time zone"],
  ["timestamp without time zone", "timestamp(3) without time zone"],
  ["timestamp without time zone", "timestamp with time zone"],
  ["timestamp with time zone", "timestamp without time zone"],
  ["timestamp with time zone", "date"],
  ["date", "timestamp without time zone"],
  ["time without time zone", "time with time zone"],
  ["interval", "interval(3)"],
  ["interval(6)", "interval(3)"],
  ["interval", "interval day to second"],
  ["inet", "cidr"],
  ["json", "jsonb"],
  ["jsonb", "json"],
  ["uuid", "text"],
  ["app.mood", "text"],
  ["app.mood", "app.feeling"],
  ["integer[]", "bigint[]"],
  ["integer", "integer[]"],
  ["text[]", "text"],
  ["character varying(10)[]", "character varying(5)[]"],
  ["character varying(5)[]", "text[]"],
  ["geometry(Point,4326)", "geometry(Polygon,4326)"],
];
test.each(JUDGED)("%s to %s is not taken for harmless", (from, to) => {
  expect(isWidening(from, to)).toBe(false);
});

test("a longer bit string is another value: PostgreSQL fills it up with zeros on the right", () => {
  expect(isWidening("bit(8)", "bit(16)")).toBe(false);
});

test("what a modifier means in a type that is not PostgreSQL's own is not for slipway to say", () => {
  expect(isWidening("app.vector(3)", "app.vector(1536)")).toBe(false);
});
