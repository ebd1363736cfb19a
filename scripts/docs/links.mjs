import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import GithubSlugger from "github-slugger";
import { Lexer, walkTokens } from "marked";

/** Links of the repository's pages that lead to no file, or to no heading of one; `path:line: …` each. */
export function findDeadLinks(root) {
  const { stdout } = spawnSync("git", ["ls-files", "-co", "--exclude-standard", "--", "*.md"], {
    cwd: root,
    encoding: "utf8",
  });
  const pages = stdout.split("\n").filter((path) => path !== "" && existsSync(join(root, path)));
  return pages.flatMap((path) => deadLinksOf(root, path));
}

function deadLinksOf(root, path) {
  const text = readFileSync(join(root, path), "utf8");
  const dead = [];
  for (const href of linksOf(text)) {
    // Pages outside of the repository are not asked for: a check must not depend on somebody's server.
    if (/^[a-z][a-z+.-]*:/i.test(href)) continue;
    const [target, anchor] = href.split("#");
    const file = target === "" ? join(root, path) : join(root, dirname(path), decodeURIComponent(target));
    const line = text.slice(0, text.indexOf(href)).split("\n").length;
    if (!existsSync(file)) dead.push(`${path}:${line}: ${href} leads to no file`);
    else if (anchor && !hasHeading(file, anchor)) {
      dead.push(`${path}:${line}: ${relative(root, file)} has no heading #${anchor}`);
    }
  }
  return dead;
}

function linksOf(text) {
  const links = [];
  walkTokens(new Lexer().lex(text), (token) => {
    if (token.type === "link" || token.type === "image") links.push(token.href);
    if (token.type === "html") {
      links.push(...[...token.raw.matchAll(/(?:href|src|srcset)="([^"]+)"/g)].map(([, href]) => href));
    }
  });
  return links;
}

function hasHeading(file, anchor) {
  if (statSync(file).isDirectory() || !file.endsWith(".md")) return true;
  const slugger = new GithubSlugger();
  const slugs = [];
  walkTokens(new Lexer().lex(readFileSync(file, "utf8")), (token) => {
    if (token.type === "heading") slugs.push(slugger.slug(token.text.replaceAll(/[`*]/g, "")));
  });
  return slugs.includes(anchor);
}
