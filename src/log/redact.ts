const secrets = new Set<string>();

/**
 * Registers a value that must never leave the process: passwords, and URLs that hold one. Very short
 * ones are left out, they would blacken ordinary words.
 */
export function keepSecret(value: string | undefined): void {
  if (value === undefined || value.length < 4) return;
  // As it stands in a URL and in a line of JSON.
  for (const form of [value, encodeURIComponent(value), JSON.stringify(value).slice(1, -1)])
    secrets.add(form);
}

const URL_PASSWORD = /(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@]*:)[^\s@/]+(@)/gi;
const CONNINFO_PASSWORD = /(\bpassword\s*=\s*)[^\s'"\\]+/gi;
// Every form of a literal behind the word; a line end may be one of JSON's.
const SQL_PASSWORD =
  /((?<!')\bpassword(?:\s|\\[nrt]|\/\*.*?\*\/)*)(?:(?:E|U&|N)?'(?:[^'\\]|''|\\.)*'|\$(\w*)\$[\s\S]*?\$\2\$)/gi;

/** The one place where secrets are removed from text that leaves the process. */
export function redact(text: string): string {
  let clean = text;
  // The longest first: a secret may begin with another one.
  for (const secret of [...secrets].sort((a, b) => b.length - a.length))
    clean = clean.replaceAll(secret, "***");
  return clean
    .replace(URL_PASSWORD, "$1***$2")
    .replace(SQL_PASSWORD, "$1'***'")
    .replace(CONNINFO_PASSWORD, "$1***");
}
