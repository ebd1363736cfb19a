import type { Place, Problem } from "../errors.ts";
import type { InspectedFile } from "../source/sources.ts";
import type { StatementGroup } from "../sql/file-class.ts";
import type { Script } from "../sql/script.ts";
import type { SqlStatement } from "../sql/split.ts";
import { type Allowance, allowancesOf, directivesOfFile } from "./allow.ts";
import { Known } from "./rules/known.ts";
import type { FileHit, Judged, JudgedFile, LintSettings, Rule, Severity } from "./rules/rule.ts";
import { INVALID_FILE, RULES, UNKNOWN_RULE } from "./rules/rules.ts";
import { loadParser, parseSql, utf16Offset } from "./tree/parser.ts";

export interface LintRequest {
  /** Everything, in the order in which it meets the database. */
  readonly files: readonly InspectedFile[];
  /** Of the others it is only learned what they make. */
  readonly isJudged: (file: InspectedFile) => boolean;
  /**
   * Whether the judged files are known to meet the database together: then a table that one of them makes is
   * new to the next. Otherwise each file is taken by itself.
   */
  readonly together: boolean;
  /** Of rules that are to be taken otherwise. */
  readonly severities: Readonly<Record<string, Severity>>;
  readonly settings: LintSettings;
}

export interface Finding {
  readonly rule: Rule;
  readonly severity: Exclude<Severity, "off">;
  /** A file position, or words. */
  readonly at: Place | string;
  readonly message: string;
  /** The line with a caret under the place. */
  readonly excerpt: string | undefined;
}

export interface LintReport {
  readonly findings: readonly Finding[];
  /** What keeps files from being run at all; among the findings too. */
  readonly problems: readonly Problem[];
  readonly judged: number;
  readonly passedOver: number;
}

/** Judges files by their rules. Changes nothing, asks nobody. */
export async function lint(request: LintRequest): Promise<LintReport> {
  await loadParser();
  const linter = new Linter(request);
  const files = request.files.map((file) => linter.parse(file));
  for (const { nodes } of files) for (const node of nodes) linter.known.survey(node);
  for (const file of files) linter.take(file);
  return {
    findings: linter.findings,
    problems: linter.problems,
    judged: request.files.filter(request.isJudged).length,
    passedOver: request.files.filter((file) => !request.isJudged(file)).length,
  };
}

export function findingOf(problem: Problem): Finding {
  const hint = problem.hint === undefined ? "" : ` (${problem.hint})`;
  const { at, excerpt, message } = problem;
  return { rule: INVALID_FILE, severity: "error", at, message: `${message}${hint}`, excerpt };
}

interface ParsedStatement {
  readonly statement: SqlStatement;
  readonly nodes: readonly Judged["node"][];
}

interface ParsedFile {
  readonly file: InspectedFile;
  readonly statements: readonly ParsedStatement[];
  readonly nodes: readonly Judged["node"][];
  readonly problems: readonly Problem[];
}

const KNOWN_RULES: ReadonlySet<string> = new Set(RULES.map(({ name }) => name));

class Linter {
  readonly known = new Known();
  readonly findings: Finding[] = [];
  readonly problems: Problem[] = [];
  readonly #request: LintRequest;
  readonly #withDown: ReadonlySet<unknown>;

  constructor(request: LintRequest) {
    this.#request = request;
    const downs = request.files.filter(({ kind }) => kind === "down");
    this.#withDown = new Set(downs.map(({ migration }) => migration));
  }

  parse(file: InspectedFile): ParsedFile {
    const { script } = file;
    const problems: Problem[] = [];
    const statements = script.statements.map((statement) => {
      const parsed = parseSql(statement.text);
      if ("nodes" in parsed) return { statement, nodes: parsed.nodes };
      const offset = statement.start + parsed.offset;
      const at = script.placeOf(offset);
      problems.push({ at, message: parsed.complaint, excerpt: script.excerptOf(offset) });
      return { statement, nodes: [] };
    });
    const nodes = statements.flatMap((each) => each.nodes);
    // What slipway itself refuses, such as a psql command, mostly doesn't parse either: said once.
    return { file, statements, nodes, problems: file.problems.length > 0 ? file.problems : problems };
  }

  take(parsed: ParsedFile): void {
    const { isJudged, together } = this.#request;
    const { file, nodes, problems } = parsed;
    if (!isJudged(file)) {
      if (file.kind !== "down") for (const node of nodes) this.known.learn(node);
      this.known.startBatch();
      return;
    }
    // Declared tables may have been there for long: only a migration's own are new.
    if (file.kind !== "down" && (!together || file.kind !== "up")) this.known.startBatch();
    this.#judge(parsed);
    if (file.kind === "schema" || file.kind === "bootstrap") this.known.startBatch();
    this.problems.push(...problems);
    this.findings.push(...problems.map(findingOf));
  }

  #judge({ file, statements }: ParsedFile): void {
    const { script, fileClass, kind, migration } = file;
    const groups = groupsByStatement(fileClass?.groups ?? []);
    const all: Judged[] = [];
    const judgedFile: JudgedFile = {
      kind,
      statements: all,
      fileClass,
      hasDown: this.#withDown.has(migration),
      settings: this.#request.settings,
    };
    for (const { statement, nodes } of statements) {
      const group = groups.get(statement);
      for (const node of nodes) all.push({ statement, node, file: judgedFile, group, known: this.known });
    }
    const rules = RULES.filter((rule) => rule.files.includes(kind) && this.#severityOf(rule) !== "off");
    const hits: RuleHit[] = [];
    for (const judged of all) {
      for (const rule of rules) {
        for (const hit of rule.ofStatement?.(judged) ?? []) hits.push({ rule, judged, ...hit });
      }
      if (kind !== "down") this.known.learn(judged.node);
    }
    for (const rule of rules) {
      for (const hit of rule.ofFile?.(judgedFile, this.known) ?? []) hits.push({ rule, ...hit });
    }
    this.#report(script, hits);
  }

  #report(script: Script, hits: readonly RuleHit[]): void {
    const ofFile = allowancesOf(directivesOfFile(script), KNOWN_RULES);
    const isAllowed = ({ rule, judged }: RuleHit): boolean => {
      const directives = judged?.statement.directives ?? [];
      const allowances = [...ofFile, ...allowancesOf(directives, KNOWN_RULES)];
      return allowances.some(({ rules }) => rules.includes(rule.name));
    };
    const all = [...hits.filter((hit) => !isAllowed(hit)).map(located), ...misspelt(script)];
    for (const { rule, message, offset } of all.toSorted((one, other) => one.offset - other.offset)) {
      const severity = this.#severityOf(rule);
      if (severity === "off") continue;
      const at = script.placeOf(offset);
      this.findings.push({ rule, severity, at, message, excerpt: script.excerptOf(offset) });
    }
  }

  #severityOf(rule: Rule): Severity {
    return this.#request.severities[rule.name] ?? rule.severity;
  }
}

interface RuleHit extends FileHit {
  readonly rule: Rule;
}

interface LocatedHit {
  readonly rule: Rule;
  readonly message: string;
  readonly offset: number;
}

function located({ rule, message, judged, at }: RuleHit): LocatedHit {
  const { statement } = judged ?? {};
  const within = statement === undefined || at === undefined ? 0 : utf16Offset(statement.text, at);
  return { rule, message, offset: (statement?.start ?? 0) + within };
}

function misspelt({ directives, statements }: Script): LocatedHit[] {
  const all = new Set([...directives, ...statements.flatMap((statement) => statement.directives)]);
  const isUnknown = ({ rules: [name = ""] }: Allowance): boolean => !KNOWN_RULES.has(name);
  return allowancesOf([...all], KNOWN_RULES)
    .filter(isUnknown)
    .map(({ rules: [name], start }) => ({
      rule: UNKNOWN_RULE,
      message: name === undefined ? "allows nothing: no rule is named" : `there is no rule ${name}`,
      offset: start,
    }));
}

function groupsByStatement(groups: readonly StatementGroup[]): Map<SqlStatement, StatementGroup> {
  return new Map(groups.flatMap((group) => group.statements.map((statement) => [statement, group] as const)));
}
