import { expect, test } from "vitest";
import { parseConfig } from "../../../src/config/config.ts";
import { parseSettingsFile } from "../../../src/config/file.ts";
import { renderConfig } from "../../../src/config/render.ts";

test("every setting is listed with its value and origin, secrets masked", async () => {
  const config = parseConfig({
    flags: { drift: "refuse" },
    env: {
      DATABASE_URL: "postgres://app:s3cret@db/shop?sslmode=require",
      SLIPWAY_SHADOW_URL: "postgres://app:s3cret@db/empty",
      SLIPWAY_VAR_APP_PASSWORD: "s3cret",
      SLIPWAY_APPROVE: "4f1c,77aa",
    },
    file: await parseSettingsFile("slipway.yaml", "log:\n  level: debug\n"),
    bundledSchemaPath: "/bundled",
    needsDatabase: true,
  });

  const lines = renderConfig(config).map(({ name, value, origin }) => `${name} = ${value} (${origin})`);

  expect(lines).toEqual([
    "database.url = postgres://app:***@db:5432/shop?sslmode=require (DATABASE_URL)",
    "database.list =  (default)",
    "database.name = of a list: the one at JOB_COMPLETION_INDEX, in name order (default)",
    "schema.path = the bundled platform schema (default)",
    "migrations.path =  (default)",
    "migrations.placeholders = false (default)",
    "migrations.outOfOrder = warn (default)",
    "migrations.missing = warn (default)",
    "migrations.gap = warn (default)",
    "approve = 4f1c,77aa (SLIPWAY_APPROVE)",
    "connectWait = 5m (default)",
    "lockWait = 15m (default)",
    "wait.timeout = 10m (default)",
    "lockTimeout = 5s (default)",
    "statementTimeout = off (default)",
    "shadow.url = postgres://app:***@db:5432/empty?sslmode=prefer (SLIPWAY_SHADOW_URL)",
    "stateSchema = migrations (default)",
    "status.configMap =  (default)",
    "terminationLog = /dev/termination-log (default)",
    "log.level = debug (slipway.yaml:2:10)",
    "log.format = auto (default)",
    "drift = refuse (--drift)",
    "extras = keep (default)",
    "onOlder = keep (default)",
    "serve.listen = 127.0.0.1:8080 (default)",
    "serve.healthListen =  (default)",
    "serve.tokensFile =  (default)",
    "serve.tokens =  (default)",
    "serve.corsOrigins =  (default)",
    "serve.kubernetesAuth = false (default)",
    "lint.rules =  (default)",
    "{{APP_PASSWORD}} = *** (SLIPWAY_VAR_APP_PASSWORD)",
  ]);
});
