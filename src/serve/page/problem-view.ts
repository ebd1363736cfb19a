import type { Problem } from "../schemas/problem.ts";
import { element } from "./element.ts";

/** What failed, where, why, and the command that gets on. */
export function problemView(problem: Problem): HTMLElement {
  const { code, exit, detail, where, why, next, problems = [], holder } = problem;
  return element(
    "div",
    { class: "note bad" },
    element(
      "p",
      {},
      element("span", { class: "code" }, exit === undefined ? code : `${code} (exit ${exit})`),
      `: ${detail}`,
    ),
    where !== undefined && element("p", {}, "at ", element("code", {}, where)),
    why !== undefined && element("p", {}, why),
    holder !== undefined &&
      element("p", {}, `held by pid ${holder.pid}: ${holder.application}, user ${holder.user}`),
    problems.length > 1 && element("ul", {}, ...problems.map((each) => element("li", {}, each))),
    element("p", {}, "Next: ", next),
  );
}
