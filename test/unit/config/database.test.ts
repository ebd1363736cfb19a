import { expect, test } from "vitest";
import { formatTarget, readDatabase } from "../../../src/config/database.ts";
import { formatProblem } from "../../../src/errors.ts";

type Env = Readonly<Record<string, string>>;

function fromUrl(text: string, env: Env = {}) {
  return readDatabase({ url: { text, from: "DATABASE_URL" }, env });
}

function complaints(reading: ReturnType<typeof readDatabase>): readonly string[] {
  return reading.problems.map(formatProblem);
}

const URLS: ReadonlyArray<readonly [url: string, parts: object]> = [
  [
    "postgres://app:s3cret@db.example:6432/shop",
    { host: "db.example", port: 6432, user: "app", password: "s3cret", database: "shop" },
  ],
  ["postgresql://app@db/shop", { host: "db", port: 5432, user: "app", database: "shop" }],
  ["postgres://app@db", { host: "db", database: "app" }],
  ["postgres://app@db:/shop", { port: 5432 }],
  ["postgres://app@/shop", { host: "localhost", database: "shop" }],
  ["postgres://app@[::1]:5433/shop", { host: "::1", port: 5433, describe: "[::1]:5433/shop as app" }],
  ["postgres://a%40b:p%3A%2F%25%20w@db/my%20shop", { user: "a@b", password: "p:/% w", database: "my shop" }],
  ["postgres://app:a?b#c@db/shop", { password: "a?b#c", host: "db" }],
  ["postgres://app:a+b@db/shop", { password: "a+b" }],
  ["postgres://app:a:b@db/shop", { password: "a:b" }],
  ["postgres://app@%2Fvar%2Frun%2Fpostgresql/shop", { host: "/var/run/postgresql" }],
  ["postgres://app@db/shop?host=/run/pg&port=5555", { host: "/run/pg", port: 5555 }],
  [
    "postgres:///?host=db&user=app&password=x&dbname=shop",
    { host: "db", user: "app", password: "x", database: "shop" },
  ],
  [
    "postgres://app@db/shop?sslmode=verify-full&sslrootcert=/ca.crt",
    { ssl: { mode: "verify-full", rootCert: "/ca.crt" } },
  ],
  ["postgres://app@db/shop?sslrootcert=/ca.crt", { ssl: { mode: "prefer", rootCert: "/ca.crt" } }],
  ["postgres://app@db/shop?sslrootcert=system", { ssl: { mode: "verify-full", rootCert: "system" } }],
  ["postgres://app@db/shop?sslcert=/c&sslkey=/k", { ssl: { mode: "prefer", cert: "/c", key: "/k" } }],
  ["postgres://app@db/shop?ssl=true", { ssl: { mode: "require" } }],
  ["postgres://app@db/shop?channel_binding=require", { channelBinding: "require" }],
  ["postgres://app@db/shop?connect_timeout=10", { connectTimeoutMs: 10_000 }],
  [
    "postgres://app@db/shop?options=-c%20search_path%3Dx&application_name=ci",
    { options: "-c search_path=x", applicationName: "ci" },
  ],
  [
    "postgres://app@db/shop?keepalives=1&target_session_attrs=read-write&client_encoding=UTF8",
    { host: "db" },
  ],
];
test.each(URLS)("%s is understood", (url, parts) => {
  const { target, problems } = fromUrl(url);

  expect(problems).toEqual([]);
  expect(target).toMatchObject(parts);
});

test("a URL alone gives exactly what stands in it and libpq's defaults", () => {
  expect(fromUrl("postgres://app@db").target).toEqual({
    host: "db",
    port: 5432,
    user: "app",
    database: "app",
    ssl: { mode: "prefer" },
    describe: "db:5432/app as app",
  });
});

const REFUSED_URLS: ReadonlyArray<readonly [url: string, complaint: string]> = [
  [
    "postgres://app:s3cret@a,b/shop",
    "DATABASE_URL: names several hosts; slipway supports one host (name the primary)",
  ],
  [
    "postgres://app:s3cret@a:1,b:2/shop",
    "DATABASE_URL: names several hosts; slipway supports one host (name the primary)",
  ],
  [
    "postgres://app:s3cret@/shop?host=a,b",
    "DATABASE_URL: the URL's host must be one host (name the primary)",
  ],
  ["postgres://app:s3cret@db:99999/shop", "DATABASE_URL: the URL's port must be a port between 1 and 65535"],
  [
    "postgres://app:s3cret@db/shop?sslmod=require",
    "DATABASE_URL: has the unknown parameter sslmod (did you mean sslmode?)",
  ],
  ["postgres://app:s3cret@db/shop?pgbouncer=true", "DATABASE_URL: has the unknown parameter pgbouncer"],
  [
    "postgres://app:s3cret@db/shop?sslcrl=/x",
    "DATABASE_URL: has the parameter sslcrl, which slipway does not support",
  ],
  [
    "postgres://app:s3cret@db/shop?gssencmode=require",
    "DATABASE_URL: has a gssencmode that slipway does not support (disable or prefer)",
  ],
  ["postgres://app:s3cret@db/shop?sslmode", "DATABASE_URL: has a parameter that is not name=value"],
  [
    "postgres://app:s3cret@db/shop?sslmode=on",
    "DATABASE_URL: the URL's sslmode must be disable, allow, prefer, require, verify-ca or verify-full",
  ],
  [
    "postgres://app:s3cret@db/shop?sslrootcert=system&sslmode=require",
    "DATABASE_URL: the URL's sslmode must be verify-full where sslrootcert is system",
  ],
  [
    "postgres://app:s3cret@db/shop?sslcert=/c",
    "DATABASE_URL: the URL's sslcert must come with both sslcert and sslkey",
  ],
  [
    "postgres://app:s3cret@db/shop?connect_timeout=5s",
    "DATABASE_URL: the URL's connect_timeout must be whole seconds",
  ],
  [
    "postgres://app:s3cret%zz@db/shop",
    "DATABASE_URL: has a password with a wrong %-escape (write % itself as %25)",
  ],
  [
    "postgres://app:s3cret%00@db/shop",
    "DATABASE_URL: has a password with a wrong %-escape (write % itself as %25)",
  ],
  ["postgres://:s3cret@db/shop", "DATABASE_URL: names no user to connect as (set PGUSER)"],
];
test.each(REFUSED_URLS)("%s is refused without showing the password", (url, complaint) => {
  expect(complaints(fromUrl(url))).toEqual([complaint]);
});

const UNESCAPED_PASSWORDS = [
  "postgres://app:s3cret@s3cret@db/shop",
  "postgres://app:s3cret/s3cret@db/shop",
  "postgres://app:1234/s3cret@db/shop",
  "postgres://app:12/s3cret?s3cret=1@db/shop",
  "postgres://app:s3cret/x@y/s3cret@db/shop?sslmode=require",
  "postgres://s3cret:s3cret:s3cret/shop",
];
test.each(UNESCAPED_PASSWORDS)(
  "the password in %s stays out of the message when it breaks the URL apart",
  (url) => {
    const { target, problems } = fromUrl(url);

    expect(target).toBeUndefined();
    expect(problems).toHaveLength(1);
    expect(JSON.stringify(problems)).not.toContain("s3cret");
  },
);

test("all that is wrong with a URL and the variables beside it is reported at once", () => {
  const reading = fromUrl("postgres://db/shop?sslmode=on&connect_timeout=x", {
    PGPORT: "none",
    PGCHANNELBINDING: "yes",
  });

  expect(complaints(reading)).toEqual([
    'PGPORT: must be a port between 1 and 65535, not "none"',
    "DATABASE_URL: the URL's sslmode must be disable, allow, prefer, require, verify-ca or verify-full",
    'PGCHANNELBINDING: must be disable, prefer or require, not "yes"',
    "DATABASE_URL: the URL's connect_timeout must be whole seconds",
  ]);
});

test("libpq's variables alone name a database", () => {
  const env = {
    PGHOST: "db",
    PGPORT: "6432",
    PGUSER: "app",
    PGPASSWORD: "s3cret",
    PGDATABASE: "shop",
    PGSSLMODE: "verify-ca",
    PGSSLROOTCERT: "/ca",
    PGSSLCERT: "/c",
    PGSSLKEY: "/k",
    PGCONNECT_TIMEOUT: "3",
    PGOPTIONS: "-c x=y",
    PGAPPNAME: "ci",
  };

  expect(readDatabase({ env }).target).toEqual({
    host: "db",
    port: 6432,
    user: "app",
    password: "s3cret",
    database: "shop",
    ssl: { mode: "verify-ca", rootCert: "/ca", cert: "/c", key: "/k" },
    connectTimeoutMs: 3_000,
    options: "-c x=y",
    applicationName: "ci",
    describe: "db:6432/shop as app",
  });
});

test("what a URL leaves open comes from libpq's variables", () => {
  const env = {
    PGHOST: "other",
    PGUSER: "other",
    PGPASSWORD: "s3cret",
    PGSSLMODE: "require",
    PGPORT: "6432",
  };

  expect(fromUrl("postgres://app@db/shop", env).target).toMatchObject({
    host: "db",
    port: 6432,
    user: "app",
    password: "s3cret",
    ssl: { mode: "require" },
  });
});

test("empty variables count as not set", () => {
  const env = { PGHOST: "", PGPORT: "", PGSSLMODE: "", PGUSER: "app", PGCONNECT_TIMEOUT: "0" };

  expect(readDatabase({ env }).target).toEqual({
    host: "localhost",
    port: 5432,
    user: "app",
    database: "app",
    ssl: { mode: "prefer" },
    describe: "localhost:5432/app as app",
  });
});

test("the system's user connects where no other is named", () => {
  expect(readDatabase({ env: { PGHOST: "db", USER: "ada" } }).target).toMatchObject({
    user: "ada",
    database: "ada",
  });
});

test("TLS is off over a Unix socket whatever was asked for", () => {
  const { target } = readDatabase({
    env: { PGHOST: "/var/run/postgresql", PGUSER: "app", PGSSLMODE: "require" },
  });

  expect(target).toMatchObject({ ssl: { mode: "disable" }, describe: "/var/run/postgresql:5432/app as app" });
});

test.each(["PGSERVICE", "PGHOSTADDR"])("%s is refused, because it would name another server", (name) => {
  expect(complaints(readDatabase({ env: { [name]: "x", PGUSER: "app" } }))[0]).toContain(
    `${name}: is not supported by slipway`,
  );
});

test("PGSERVICE is no concern where the URL names the host", () => {
  expect(fromUrl("postgres://app@db/shop", { PGSERVICE: "x" }).problems).toEqual([]);
});

test("the password comes from the password file when nothing nearer gives one", () => {
  const files: Record<string, string> = {
    "/home/ada/.pgpass": "*:*:*:*:home",
    "/etc/pass": "db:*:shop:app:named",
  };
  const readFile = (path: string) => files[path];
  const url = { text: "postgres://app@db/shop", from: "DATABASE_URL" };
  const passwordWith = (env: Env) => readDatabase({ url, env, readFile }).target?.password;

  expect(passwordWith({ HOME: "/home/ada" })).toBe("home");
  expect(passwordWith({ HOME: "/home/ada", PGPASSFILE: "/etc/pass" })).toBe("named");
  expect(passwordWith({ HOME: "/home/ada", PGPASSWORD: "variable" })).toBe("variable");
  expect(passwordWith({ HOME: "/nowhere" })).toBeUndefined();
});

const SHOWN: ReadonlyArray<readonly [url: string, shown: string]> = [
  ["postgres://app:s3cret@db/shop", "postgres://app:***@db:5432/shop?sslmode=prefer"],
  [
    "postgres://a%40b@[::1]/my%20shop?sslmode=require",
    "postgres://a%40b@[::1]:5432/my%20shop?sslmode=require",
  ],
  ["postgres://app@/shop?host=/run/pg", "postgres://app@/shop?host=/run/pg&port=5432"],
];
test.each(SHOWN)("%s is shown as %s", (url, shown) => {
  const { target } = fromUrl(url);

  expect(target && formatTarget(target)).toBe(shown);
});
