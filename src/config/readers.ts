/**
 * Text in, value or complaint out. A complaint reads on from the name of a setting ("must be …"), names
 * no setting, and never holds the text itself: whether that may be shown is for the caller to know.
 */
export type Reading<T> = { readonly value: T } | { readonly complaint: string; readonly hint?: string };

export type Reader<T> = (text: string) => Reading<T>;

// Node's timers and PostgreSQL's timeouts are both 32-bit milliseconds; more would wrap round to "at once".
const LONGEST_MS = 2_147_483_647;

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

export const duration: Reader<number> = (text) => {
  if (text === "0") return { value: 0 };
  const [, digits, unit = ""] = /^(\d+)(ms|s|m|h)$/.exec(text) ?? [];
  if (digits === undefined) {
    const complaint = "must look like 500ms, 30s, 5m or 1h";
    return /^\d+$/.test(text) ? { complaint, hint: `write ${text}s for seconds` } : { complaint };
  }
  const value = Number(digits) * (UNIT_MS[unit] ?? 0);
  return value > LONGEST_MS ? { complaint: "must be at most 596h" } : { value };
};

/** A duration where `off` is a clearer way to write 0. */
export const timeout: Reader<number> = (text) => {
  if (text === "off") return { value: 0 };
  const reading = duration(text);
  if ("value" in reading || !reading.complaint.startsWith("must look like")) return reading;
  return { ...reading, complaint: "must be off or look like 500ms, 30s, 5m or 1h" };
};

export const port: Reader<number> = (text) => {
  const value = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return value >= 1 && value <= 65_535 ? { value } : { complaint: "must be a port between 1 and 65535" };
};

/** Where a server listens. */
export interface Address {
  /** A name or an address, IPv6 without brackets. */
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
}

export const address: Reader<Address> = (text) => {
  const [, bracketed, plain, digits] = /^(?:\[([\da-f:.]+)\]|([\w.-]+)):(\d{1,5})$/i.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(digits) > 65_535) {
    return { complaint: "must look like 127.0.0.1:8080, 0.0.0.0:8080 or [::1]:8080" };
  }
  return { value: { host, port: Number(digits) } };
};

/** Origins as a browser sends them (RFC 6454, section 6.1), separated by commas. */
export const origins: Reader<readonly string[]> = (text) => {
  const reading = list(text);
  if (!("value" in reading)) return reading;
  const isOrigin = (word: string): boolean => URL.canParse(word) && new URL(word).origin === word;
  return reading.value.every(isOrigin)
    ? reading
    : { complaint: "must be origins separated by commas, such as https://tools.example.com" };
};

/** Taken apart where it is used. */
export const text: Reader<string> = (value) => ({ value });

/** Whole seconds, in milliseconds: the manner of libpq's connect_timeout. */
export const seconds: Reader<number> = (text) => {
  if (!/^-?\d+$/.test(text)) return { complaint: "must be whole seconds" };
  const value = Math.max(0, Number(text)) * 1_000;
  return value > LONGEST_MS ? { complaint: "must be at most 2147483 seconds" } : { value };
};

export function oneOf<const T extends string>(...allowed: readonly T[]): Reader<T> {
  const complaint = `must be ${joinWith("or", allowed)}`;
  return (text) => {
    const value = allowed.find((option) => option === text);
    return value === undefined ? { complaint } : { value };
  };
}

export const boolean: Reader<boolean> = (text) => {
  if (text === "true" || text === "false") return { value: text === "true" };
  return { complaint: "must be true or false" };
};

/** Comma-separated words; blanks around them and empty ones don't count. */
export const list: Reader<readonly string[]> = (text) => ({
  value: text
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== ""),
});

export const path: Reader<string> = (text) => {
  if (text.includes("\0")) return { complaint: "must be a path without a zero byte" };
  if (text.trim() === "") return { complaint: "must be a path" };
  return { value: text };
};

/**
 * A name that people can write in SQL without quotes.
 *
 * PostgreSQL would take any name in quotes; but this one stands in documented statements and error
 * messages, and has to work when copied from there.
 */
export const identifier: Reader<string> = (text) => {
  if (!/^[a-z_][a-z0-9_]*$/.test(text)) {
    return { complaint: "must be a name of lowercase letters, digits and _, not starting with a digit" };
  }
  // PostgreSQL cuts longer names off, silently, and two of them may then be one.
  return text.length > 63 ? { complaint: "must be at most 63 characters long" } : { value: text };
};

/** An identifier that a schema may have: PostgreSQL keeps `pg_…` to itself. */
export const schemaName: Reader<string> = (text) => {
  if (/^pg_|^information_schema$/.test(text))
    return { complaint: "must not be a schema of PostgreSQL's own" };
  return identifier(text);
};

export interface ConfigMapName {
  /** Left out: the namespace the pod runs in. */
  readonly namespace?: string;
  readonly name: string;
}

const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const DNS_SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

export const configMapName: Reader<ConfigMapName> = (text) => {
  const [first = "", second, ...rest] = text.split("/");
  const name = second ?? first;
  const namespace = second === undefined ? undefined : first;
  const isName = DNS_SUBDOMAIN.test(name) && name.length <= 253;
  const isNamespace = namespace === undefined || DNS_LABEL.test(namespace);
  if (rest.length > 0 || !isName || !isNamespace) {
    return { complaint: "must be name or namespace/name, in lowercase letters, digits, - and ." };
  }
  return { value: namespace === undefined ? { name } : { namespace, name } };
};

/**
 * The name of a database in a list. It names a file, keys of a ConfigMap (`shop`, `shop.json`) and an annotation,
 * which is the narrowest: at most 63 characters (Kubernetes, "Labels and Annotations").
 */
export const listName: Reader<string> = (text) => {
  if (/^[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?$/.test(text) && !text.endsWith(".json"))
    return { value: text };
  return {
    complaint:
      "must be a name of letters, digits, - _ and ., at most 63, with a letter or digit at both ends and no .json",
  };
};

/** Only the scheme is looked at here; `database-url.ts` takes the rest apart. */
export const postgresUrl: Reader<string> = (text) => {
  const trimmed = text.trim();
  if (/^postgres(ql)?:\/\//.test(trimmed)) return { value: trimmed };
  return { complaint: "must be a URL that starts with postgres:// or postgresql://" };
};

export type Approval = "any" | readonly string[];

/** Plan ids, or the one word that a development database accepts instead. */
export const approval: Reader<Approval> = (text) => {
  const reading = list(text);
  if (!("value" in reading)) return reading;
  const ids = reading.value;
  if (ids.length === 1 && ids[0] === "any") return { value: "any" };
  if (ids.includes("any")) return { complaint: "must be plan ids or the one word any" };
  const isId = (word: string): boolean => /^[A-Za-z0-9][\w.:-]*$/.test(word);
  return ids.every(isId) ? { value: ids } : { complaint: "must be plan ids separated by commas" };
};

const SEVERITIES = ["off", "note", "warning", "error"] as const;

/** By the name of a rule of `slipway lint`. */
export type Severities = Readonly<Record<string, (typeof SEVERITIES)[number]>>;

/** `rename=off, down-missing=warning`. Whether there are such rules is for `slipway lint` to know. */
export const severities: Reader<Severities> = (text) => {
  const reading = list(text);
  if (!("value" in reading)) return reading;
  const pairs = reading.value.map((word) => /^([a-z][a-z-]*)=([a-z]+)$/.exec(word));
  const entries = pairs.flatMap((pair) => {
    const severity = SEVERITIES.find((each) => each === pair?.[2]);
    return severity === undefined ? [] : [[pair?.[1] ?? "", severity] as const];
  });
  if (entries.length < pairs.length)
    return {
      complaint: `must be rules and their severities: rename=off,down-missing=warning (${SEVERITIES.join(", ")})`,
    };
  return { value: Object.fromEntries(entries) };
};

/** An empty text stands for "none of it". */
export function emptyAsNone<T>(reader: Reader<T>): Reader<T | undefined> {
  return (text) => (text === "" ? { value: undefined } : reader(text));
}

function joinWith(word: string, items: readonly string[]): string {
  const last = items.at(-1) ?? "";
  return items.length < 2 ? last : `${items.slice(0, -1).join(", ")} ${word} ${last}`;
}
