/** What can be done with values of a type: which expressions, which kinds of index. */
export type Category = "int" | "num" | "text" | "bool" | "time" | "other";

interface PlainType {
  readonly category: Category;
  /** A value of it as text, for small n. */
  readonly value: (n: number) => string;
  readonly sorts?: false;
  readonly method?: "gin" | "gist" | "brin" | "hash";
}

const int = (method?: "brin" | "hash"): PlainType => ({
  category: "int",
  value: (n) => `${n}`,
  ...(method === undefined ? {} : { method }),
});
const num: PlainType = { category: "num", value: (n) => `${n}.25` };
const text: PlainType = { category: "text", value: (n) => `v${n}` };
const other = (value: (n: number) => string, more: Partial<PlainType> = {}): PlainType => ({
  category: "other",
  value,
  ...more,
});

/** The types of PostgreSQL's own that columns have here. */
export const PLAIN: Readonly<Record<string, PlainType>> = {
  smallint: int(),
  integer: int("hash"),
  bigint: int("brin"),
  numeric: num,
  "numeric(10,2)": num,
  "numeric(14,4)": num,
  real: num,
  "double precision": num,
  text: { ...text, method: "hash" },
  "character varying": text,
  "character varying(20)": text,
  "character varying(60)": text,
  "character(5)": text,
  boolean: { category: "bool", value: (n) => (n % 2 === 0 ? "true" : "false") },
  date: { category: "time", value: (n) => `2024-01-0${n}` },
  "timestamp with time zone": { category: "time", value: (n) => `2024-01-0${n} 10:00:00+00`, method: "brin" },
  "timestamp(3) with time zone": { category: "time", value: (n) => `2024-01-0${n} 10:00:00+00` },
  "timestamp without time zone": { category: "time", value: (n) => `2024-01-0${n} 10:00:00` },
  interval: other((n) => `${n} days`),
  "time without time zone": other((n) => `0${n}:00:00`),
  uuid: other((n) => `00000000-0000-4000-8000-00000000000${n}`),
  jsonb: other((n) => `{"n": ${n}}`, { method: "gin" }),
  json: other((n) => `{"n": ${n}}`, { sorts: false }),
  bytea: other((n) => `\\x0${n}`),
  inet: other((n) => `10.0.0.${n}`),
  int4range: other((n) => `[${n},${n + 1})`, { method: "gist" }),
  tstzrange: other((n) => `[2024-01-0${n}, 2024-01-0${n + 1})`, { method: "gist" }),
  "bit(8)": other((n) => `0000000${n % 2}`),
  money: other((n) => `${n}.00`),
  point: other((n) => `(${n},${n})`, { sorts: false, method: "gist" }),
  tsvector: other((n) => `word${n}`, { method: "gin" }),
  "integer[]": other((n) => `{${n},${n}}`, { method: "gin" }),
  "text[]": other((n) => `{a${n}}`, { method: "gin" }),
  "numeric(10,2)[]": other((n) => `{${n}.5}`),
};

export const PLAIN_NAMES: readonly string[] = Object.keys(PLAIN);

export function plain(name: string): PlainType {
  const type = PLAIN[name];
  if (type === undefined) throw new Error(`${name} is no type of this model`);
  return type;
}

/** Plain types of the same category, itself among them. */
export function relatives(name: string): readonly string[] {
  const { category } = plain(name);
  return category === "other" ? [name] : PLAIN_NAMES.filter((each) => plain(each).category === category);
}
