import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { expect, inject, type TestContext, test } from "vitest";
import type { TestServer } from "./server.ts";

const PLACES = [
  process.env["SLIPWAY_CHROMIUM"] ?? "",
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const IMAGES = fileURLToPath(new URL("../../docs/images", import.meta.url));

export type Scheme = "light" | "dark";

/** A page that fails its test when it loads from elsewhere, breaks its policy or throws. */
export interface Visit extends AsyncDisposable {
  readonly page: Page;
  /** What went wrong in the browser so far. */
  readonly complaints: readonly string[];
  /** Fails with every violation of accessibility that axe finds. */
  expectAccessible(): Promise<void>;
  /** Writes docs/images/NAME.png where SLIPWAY_SCREENSHOTS=1 asks for it: else the tree stays as it is. */
  picture(name: string): Promise<void>;
}

/** One test in a real Chromium, on the newest server; skipped, and said so, where there is none. */
export function inBrowser(
  name: string,
  body: (server: TestServer, visit: (origin: string, scheme?: Scheme) => Promise<Visit>) => Promise<void>,
): void {
  test(name, async (context) => {
    const [server] = inject("servers");
    if (server === undefined) throw new Error("there is no server");
    const browser = await launch(context);
    try {
      await body(server, (origin, scheme) => visit(browser, origin, scheme));
    } finally {
      await browser.close();
    }
  });
}

async function launch(context: TestContext): Promise<Browser> {
  const executablePath = PLACES.find((place) => place !== "" && existsSync(place));
  if (executablePath === undefined) {
    const reason = "there is no Chromium: install it, or set SLIPWAY_CHROMIUM to its path";
    if (process.env["SLIPWAY_REQUIRE_BROWSER"] === "1") throw new Error(reason);
    context.skip(reason);
  }
  // Chromium's sandbox does not start as root; the only page it opens is ours.
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ executablePath: executablePath ?? "", args });
}

async function visit(browser: Browser, origin: string, scheme: Scheme = "light"): Promise<Visit> {
  const context = await browser.newContext({
    colorScheme: scheme,
    viewport: { width: 1180, height: 860 },
    reducedMotion: "reduce",
  });
  const page = await context.newPage();
  const complaints = watch(page, origin);
  await page.goto(`${origin}/`);
  return {
    page,
    complaints,
    expectAccessible: () => expectAccessible(page),
    async picture(name) {
      if (process.env["SLIPWAY_SCREENSHOTS"] !== "1") return;
      mkdirSync(IMAGES, { recursive: true });
      await page.screenshot({ path: join(IMAGES, `${name}.png`), fullPage: true });
    },
    [Symbol.asyncDispose]: () => leave(context, complaints),
  };
}

function watch(page: Page, origin: string): string[] {
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(`threw ${error.message}`));
  page.on("console", (message) => {
    // A refused request is Chromium's complaint about an answer that a test asked for.
    if (message.type() === "error" && !/the server responded with a status of/.test(message.text()))
      complaints.push(message.text());
  });
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(`${origin}/`) && !url.startsWith("data:")) complaints.push(`loaded ${url}`);
  });
  return complaints;
}

async function leave(context: BrowserContext, complaints: readonly string[]): Promise<void> {
  await context.close();
  expect(complaints).toEqual([]);
}

interface AxeResults {
  readonly violations: readonly {
    readonly id: string;
    readonly help: string;
    readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
  }[];
}

async function expectAccessible(page: Page): Promise<void> {
  await page.evaluate(AXE);
  const { violations } = (await page.evaluate("axe.run()")) as AxeResults;
  expect(
    violations.map(
      ({ id, help, nodes }) =>
        `${id}: ${help}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join("; ")}`,
    ),
  ).toEqual([]);
}
