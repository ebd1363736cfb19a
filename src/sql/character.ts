/** What a character can begin outside quotes, by PostgreSQL's scanner (scan.l). */
export const SPACE = 1;
export const LETTER = 2;
export const DIGIT = 3;
export const OPERATOR = 4;
export const SELF = 5;
export const STRAY = 0;

const CLASSES = buildClasses();

/** The class of a UTF-16 code unit. Everything beyond ASCII is a letter to PostgreSQL. */
export function characterClass(code: number): number {
  return code >= 128 ? LETTER : (CLASSES[code] ?? STRAY);
}

/** Whether the code unit can stand inside an unquoted identifier, `$` included. */
export function isIdentifierPart(code: number): boolean {
  if (code >= 128 || code === 0x24) return true;
  const found = CLASSES[code];
  return found === LETTER || found === DIGIT;
}

export function isOperatorPart(code: number): boolean {
  return code < 128 && CLASSES[code] === OPERATOR;
}

function buildClasses(): Uint8Array {
  const classes = new Uint8Array(128);
  const mark = (characters: string, kind: number) => {
    for (const character of characters) classes[character.charCodeAt(0)] = kind;
  };
  // The vertical tab is white space since PostgreSQL 16 and a syntax error before.
  mark(" \t\n\r\f\v", SPACE);
  mark("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_", LETTER);
  mark("0123456789", DIGIT);
  mark("~!@#^&|`?+-*/%<>=", OPERATOR);
  mark(",()[];", SELF);
  return classes;
}
