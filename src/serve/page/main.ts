import type { Planned, Status, Validated } from "../schemas/internal-schema.ts";
import type { Ledger, RunList } from "../schemas/records.ts";
import { ask, ProblemError, token } from "./client.ts";
import { driftView } from "./drift-view.ts";
import { badge, byId, element } from "./element.ts";
import { LiveView } from "./live-view.ts";
import { migrationsView } from "./migrations-view.ts";
import { planView } from "./plan-view.ts";
import { problemView } from "./problem-view.ts";
import { runsView } from "./run-view.ts";
import { driftSummary, overall, standingView } from "./standing-view.ts";
import { listen } from "./stream.ts";

const REFRESH_EVERY_MS = 30_000;

const live = new LiveView();
let listening: AbortController | undefined;
let isRunning = false;
let mayApply = false;

/** Says what went wrong; a token that is not known asks for another one. */
function complain(error: unknown): void {
  if (!(error instanceof ProblemError)) throw error;
  if (error.problem.status === 401) {
    showSignIn(token.get() === undefined ? "" : "This token is not known to the server.");
    return;
  }
  byId("problem").replaceChildren(problemView(error.problem));
}

function showSignIn(problem: string): void {
  token.forget();
  listening?.abort();
  listening = undefined;
  byId("content").hidden = true;
  byId("refresh").hidden = true;
  byId("sign-out").hidden = true;
  byId("database").textContent = "";
  byId("overall").replaceChildren();
  byId("problem").replaceChildren();
  byId("sign-in").hidden = false;
  byId("sign-in-problem").textContent = problem;
  byId("token").focus();
}

/** One section, which says by itself when it can't be shown. */
async function show(id: string, view: () => Promise<HTMLElement>): Promise<void> {
  const place = byId(id);
  place.setAttribute("aria-busy", "true");
  try {
    place.replaceChildren(await view());
  } catch (error) {
    if (!(error instanceof ProblemError) || error.problem.status === 401) complain(error);
    else place.replaceChildren(problemView(error.problem));
  } finally {
    place.removeAttribute("aria-busy");
  }
}

async function refresh(): Promise<void> {
  let status: Status;
  try {
    status = await ask<Status>("internal-schema/status");
  } catch (error) {
    complain(error);
    return;
  }
  mayApply = status.caller.role === "admin";
  showStatus(status);
  listening ??= startListening();
  await Promise.all([
    show("plan", () => readPlan(status)),
    show("migrations", async () => migrationsView((await ask<Ledger>("migrations")).migrations)),
    show("runs", async () => runsView((await ask<RunList>("runs?limit=20")).runs)),
  ]);
}

function showStatus(status: Status): void {
  const [words, tone] = overall(status);
  byId("sign-in").hidden = true;
  byId("content").hidden = false;
  byId("refresh").hidden = false;
  byId("sign-out").hidden = token.get() === undefined;
  byId("problem").replaceChildren(...(status.problem === null ? [] : [problemView(status.problem)]));
  byId("database").textContent = status.state.database;
  byId("overall").replaceChildren(badge(words, tone, tone === "info"));
  byId("release").textContent = `slipway ${status.release}`;
  byId("standing").replaceChildren(...standingView(status));
  byId("drift").replaceChildren(driftSummary(status));
}

async function readPlan({ up_to_date: isUpToDate, problem }: Status): Promise<HTMLElement> {
  if (isUpToDate) return element("p", { class: "empty" }, "Nothing: everything is up to date.");
  if (problem !== null) return element("p", { class: "empty" }, "Not known, for the reason above.");
  return planView(await ask<Planned>("internal-schema/plan", {}), apply, mayApply);
}

/** Runs exactly the plan that was shown. */
async function apply({ id, plan, needs_approval: isNeeded }: Planned): Promise<void> {
  byId("problem").replaceChildren();
  try {
    await ask("internal-schema/apply", { id, ...(isNeeded && plan !== null ? { approve: plan.id } : {}) });
  } catch (error) {
    complain(error);
    byId("problem").scrollIntoView({ block: "nearest" });
    await show("plan", () =>
      ask<Planned>("internal-schema/plan", {}).then((now) => planView(now, apply, mayApply)),
    );
  }
}

/** From now on the plan is not to be approved, but watched. */
function showBegun(): void {
  byId("overall").replaceChildren(badge("Run in progress", "info", true));
  byId("plan").querySelector(".approve")?.replaceChildren("A run has begun.");
  byId("live").scrollIntoView({ block: "nearest" });
}

function startListening(): AbortController {
  const stop = new AbortController();
  void listen((event) => {
    isRunning = !live.take(event);
    if (event.event === "run") showBegun();
    if (event.event === "run-end") void refresh();
  }, stop.signal);
  return stop;
}

byId<HTMLFormElement>("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  const input = byId<HTMLInputElement>("token");
  token.set(input.value.trim());
  input.value = "";
  byId("sign-in-problem").textContent = "";
  void refresh();
});
byId("sign-out").addEventListener("click", () => showSignIn(""));
byId("refresh").addEventListener("click", () => void refresh());
byId("plan-again").addEventListener("click", () => {
  void show("plan", () =>
    ask<Planned>("internal-schema/plan", {}).then((now) => planView(now, apply, mayApply)),
  );
});
byId("compare").addEventListener("click", () => {
  void show("drift", async () => driftView(await ask<Validated>("internal-schema/validate")));
});
// What else moves, such as a table that somebody changes by hand, is not told of.
setInterval(() => {
  if (!document.hidden && !isRunning && listening !== undefined && !byId("content").hidden)
    void refreshQuietly();
}, REFRESH_EVERY_MS);

/** What a person reads and is about to approve stays as it is. */
async function refreshQuietly(): Promise<void> {
  try {
    showStatus(await ask<Status>("internal-schema/status"));
    byId("runs").replaceChildren(runsView((await ask<RunList>("runs?limit=20")).runs));
  } catch (error) {
    complain(error);
  }
}

void refresh();
