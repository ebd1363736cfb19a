import { type Problem, ProblemsError } from "../errors.ts";
import type { Log } from "../log/log.ts";
import { toStatementError } from "../postgres/failure.ts";
import { withHeartbeat } from "../postgres/heartbeat.ts";
import type { Session } from "../postgres/session.ts";
import { isServerError, type ServerError } from "../postgres/sqlstate.ts";
import { extensionOf, isOptional } from "../sql/extension.ts";
import type { Script } from "../sql/script.ts";
import type { SqlStatement } from "../sql/split.ts";

/**
 * Runs bootstrap.sql in the transaction that is open. Extensions that the server lacks are found out
 * first, all of them; a statement marked `-- slipway: optional` is left out when it is for one of those.
 */
export async function runBootstrapScript(session: Session, script: Script, log: Log): Promise<void> {
  const lacking = await findLackingExtensions(session, script);
  requireExtensions(script, lacking);
  const isSkipped = (statement: SqlStatement): boolean =>
    isOptional(statement) && lacking.has(extensionOf(statement) ?? "");
  for (const statement of script.statements) {
    if (isSkipped(statement)) {
      log.info({ extension: extensionOf(statement) }, "Optional extension is not on the server, left out");
      continue;
    }
    await runStatement({ session, log }, script, statement);
  }
}

async function runStatement(
  context: { readonly session: Session; readonly log: Log },
  script: Script,
  statement: SqlStatement,
): Promise<void> {
  try {
    await withHeartbeat(context, `${script.path}:${statement.line}`, () =>
      context.session.execute(statement.text),
    );
  } catch (error) {
    if (!isServerError(error)) throw error;
    const what = `bootstrap failed: ${error.message}`;
    throw toStatementError(
      what,
      error,
      { script, start: statement.start, sql: statement.text },
      nextAfter(error),
    );
  }
}

function nextAfter(error: ServerError): string {
  return error.code === "42501"
    ? "run again as a role that may do this"
    : "run again: nothing of bootstrap.sql was kept";
}

async function findLackingExtensions(session: Session, script: Script): Promise<ReadonlySet<string>> {
  const wanted = script.statements.map(extensionOf).filter((name) => name !== undefined);
  if (wanted.length === 0) return new Set();
  const rows = await session.query<{ name: string }>(
    `select wanted.name from pg_catalog.unnest($1::text[]) wanted(name)
      where not exists (select from pg_catalog.pg_available_extensions a where a.name::text = wanted.name)`,
    [wanted],
  );
  return new Set(rows.map((row) => row.name));
}

/** The extensions marked optional that the server has. */
export async function findOptionalExtensions(
  session: Session,
  script: Script | undefined,
): Promise<readonly string[]> {
  if (script === undefined) return [];
  const lacking = await findLackingExtensions(session, script);
  const optional = script.statements.filter(isOptional).map(extensionOf);
  return optional.filter((name): name is string => name !== undefined && !lacking.has(name)).sort();
}

function requireExtensions(script: Script, lacking: ReadonlySet<string>): void {
  const problems = script.statements.flatMap((statement): Problem[] => {
    const extension = extensionOf(statement);
    if (extension === undefined || !lacking.has(extension) || isOptional(statement)) return [];
    return [
      {
        at: script.placeOf(statement.start),
        message: `the server has no extension "${extension}"`,
        hint: "install its package on the server, or write `-- slipway: optional` above the statement",
        excerpt: script.excerptOf(statement.start),
      },
    ];
  });
  if (problems.length === 0) return;
  throw new ProblemsError("UNSAFE_DATABASE", problems, {
    next: "install the extensions on the server (see pg_available_extensions), or mark them optional, then run again",
  });
}

/** Every name the file mentions: what it makes or grants is among them. */
export function namesIn(script: Script): readonly string[] {
  const names = new Set<string>();
  for (const match of script.text.matchAll(
    /"((?:[^"]|"")+)"|'((?:[^']|'')+)'|([A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)/g,
  )) {
    const [, quoted, literal, word] = match;
    if (quoted !== undefined) names.add(quoted.replaceAll('""', '"'));
    if (literal !== undefined && literal.length <= 63) names.add(literal.replaceAll("''", "'"));
    if (word !== undefined) names.add(word.toLowerCase());
  }
  return [...names];
}
