import { expect, test } from "vitest";
import { findUnknownVariables } from "../../../src/config/unknown.ts";
import { formatProblem } from "../../../src/errors.ts";

const SERVICE_LINKS = [
  "SLIPWAY_SERVICE_HOST",
  "SLIPWAY_SERVICE_PORT",
  "SLIPWAY_SERVICE_PORT_HTTP",
  "SLIPWAY_PORT",
  "SLIPWAY_PORT_8080_TCP",
  "SLIPWAY_PORT_8080_TCP_PROTO",
  "SLIPWAY_PORT_8080_TCP_PORT",
  "SLIPWAY_PORT_8080_TCP_ADDR",
  "SLIPWAY_DB_SERVICE_HOST",
  "SLIPWAY_DB_SERVICE_PORT_POSTGRES",
  "SLIPWAY_DB_PORT",
  "SLIPWAY_DB_PORT_5432_TCP_ADDR",
  "SLIPWAY_DNS_PORT_53_UDP",
];
test.each(SERVICE_LINKS)("%s is Kubernetes' own and no mistake", (name) => {
  expect(findUnknownVariables({ [name]: "tcp://10.0.0.1:80" })).toEqual([]);
});

test.each(["SLIPWAY_CONFIG", "SLIPWAY_VAR_APP_USER", "PATH", "slipway_lock_wait"])(
  "%s is no mistake",
  (name) => {
    expect(findUnknownVariables({ [name]: "x" })).toEqual([]);
  },
);

const MISTAKES: ReadonlyArray<readonly [name: string, hint: string]> = [
  ["SLIPWAY_LOCKWAIT", " (did you mean SLIPWAY_LOCK_WAIT?)"],
  ["SLIPWAY_DATABASE_URL", " (did you mean DATABASE_URL?)"],
  ["SLIPWAY_MIGRATIONS_PATH", " (did you mean DB_USER_MIGRATIONS_PATH?)"],
  ["SLIPWAY_SCHEMA_PAHT", " (did you mean SLIPWAY_SCHEMA_PATH?)"],
  ["SLIPWAY_PORT_HTTP", ""],
  ["SLIPWAY_COLOUR", ""],
];
test.each(MISTAKES)("%s is reported, with the name that was meant where one is near", (name, hint) => {
  expect(findUnknownVariables({ [name]: "s3cret" }).map(formatProblem)).toEqual([
    `${name}: is not a setting of slipway${hint}`,
  ]);
});
