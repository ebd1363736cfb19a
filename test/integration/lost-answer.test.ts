import { expect } from "vitest";
import { openCutter } from "../support/between.ts";
import { onSomeServer } from "../support/database.ts";
import { type Files, writeFolder } from "../support/folder.ts";
import { expectLikeUndisturbed, openGate, openGated } from "../support/gate.ts";
import { messagesOf, runSlipway } from "../support/slipway.ts";

const schemaOf = (isChanged: boolean): Files => ({
  "bootstrap.sql": `create schema if not exists app;${isChanged ? " create schema if not exists more;" : ""}`,
  "schemas/10_app.sql": isChanged
    ? "create type app.state as enum ('a', 'b', 'c'); create table app.orders (id int primary key, state app.state default 'c', total int);"
    : "create type app.state as enum ('a', 'b'); create table app.orders (id int primary key, state app.state default 'a');",
});

const MIGRATIONS: Files = {
  "1_one.up.sql": "create table app.one (n int); insert into gate.passed default values;",
  "2_mixed.up.sql":
    "insert into gate.passed default values;\ncreate index concurrently one_n on app.one (n);\ninsert into gate.passed default values;",
  "3_parts.up.sql":
    "begin; insert into gate.passed default values; commit; begin; insert into app.one values (3); commit;",
};

for (const when of ["before", "after"] as const) {
  const words = when === "before" ? "COMMIT never arrives" : "the answer to a COMMIT is lost";
  onSomeServer(
    `when ${words}, one after the other, the run is lost and the end is as if nothing had happened`,
    async (server) => {
      await using database = await openGated(server);
      await openGate(database);
      await runSlipway(["run"], { database, schema: writeFolder(schemaOf(false)) });
      const options = { schema: writeFolder(schemaOf(true)), migrations: writeFolder(MIGRATIONS) };
      const exits: (number | null)[] = [];

      // Some of them only end a reading. What was committed without an answer is progress; what never arrived is not.
      for (let at = 1; exits.at(-1) !== 0 && exits.length < 40; at += 1) {
        await using cutter = await openCutter(database, when === "after" ? 1 + (at % 4) : at, when);
        const run = await runSlipway(["run"], { ...options, database: cutter });
        expect(run.stray).toEqual([]);
        expect(run.exitCode).toBe(cutter.hasCut ? 22 : 0);
        exits.push(run.exitCode);
      }

      expect(exits.length).toBeGreaterThan(5);
      await expectLikeUndisturbed(database, options);
      expect(messagesOf(await runSlipway(["run"], { ...options, database }))[0]).toBe(
        "Everything is up to date",
      );
      expect(await database.query("select n from app.one")).toEqual([{ n: 3 }]);
    },
  );
}

onSomeServer(
  "when the answer to a COMMIT of a fresh install is lost, the next run finds it installed",
  async (server) => {
    await using database = await openGated(server);
    const options = {
      schema: writeFolder({ "schemas/10_app.sql": "create schema app; create table app.t (id int);" }),
    };
    const exits: (number | null)[] = [];

    while (exits.at(-1) !== 0 && exits.length < 10) {
      await using cutter = await openCutter(database, 1, "after");
      exits.push((await runSlipway(["run"], { ...options, database: cutter })).exitCode);
    }

    expect(exits.length).toBeGreaterThan(1);
    await expectLikeUndisturbed(database, options);
    expect(await database.value("select count(*)::int from migrations.declarative_state")).toBe(1);
  },
);
