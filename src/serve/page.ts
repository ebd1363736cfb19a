import { readFileSync } from "node:fs";
import type { FastifyInstance } from "fastify";

const FILES = {
  "/": { file: "page.html", type: "text/html; charset=utf-8" },
  "/page.css": { file: "page.css", type: "text/css; charset=utf-8" },
  "/page.js": { file: "page.js", type: "text/javascript; charset=utf-8" },
} as const;

/** Nothing from anywhere else, nothing inline, and in nobody's frame. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** The status page: three files, read once; what it shows it asks the API for, as the person with the token. */
export function servePage(app: FastifyInstance): void {
  for (const [url, { file, type }] of Object.entries(FILES)) {
    const text = readFileSync(new URL(`./page/${file}`, import.meta.url), "utf8");
    app.get(url, { schema: { hide: true } }, (_, reply) =>
      reply.header("content-security-policy", POLICY).type(type).send(text),
    );
  }
}
