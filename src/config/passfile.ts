/** What a line of a password file is compared with. */
export interface PasswordQuery {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
}

// libpq looks up the socket folder it was built with under the name localhost; builds differ in which.
const USUAL_SOCKET_FOLDERS = new Set(["/tmp", "/run/postgresql", "/var/run/postgresql"]);

/**
 * The password in the first line that fits, as libpq finds it: `host:port:database:user:password`, where `*`
 * fits everything and a backslash takes the next character literally.
 */
export function findPassword(passfile: string, query: PasswordQuery): string | undefined {
  const host = USUAL_SOCKET_FOLDERS.has(query.host) ? "localhost" : query.host;
  const wanted = [host, String(query.port), query.database, query.user];
  for (const line of passfile.split(/\r?\n/)) {
    if (line.startsWith("#")) continue;
    const fields = splitLine(line);
    const password = fields[4];
    if (password === undefined) continue;
    const fits = wanted.every(
      (text, index) => fields[index] === "*" || withoutEscapes(fields[index]) === text,
    );
    if (fits) return withoutEscapes(password);
  }
  return undefined;
}

// Fields are left escaped: `\*` is a name that is one star, `*` is any name.
function splitLine(line: string): readonly string[] {
  return [...line.matchAll(/(?:^|:)((?:[^:\\]|\\.|\\$)*)/g)].map(([, field = ""]) => field);
}

function withoutEscapes(field: string | undefined): string | undefined {
  return field?.replaceAll(/\\(.)/g, "$1");
}
