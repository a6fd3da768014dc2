// Character classes of the lexer (docs/traceql.md), on UTF-16 code units unless said otherwise.

export const QUOTE = 0x22;
export const BACKSLASH = 0x5c;
export const BACKTICK = 0x60;
export const DOT = 0x2e;
export const NEWLINE = 0x0a;

const NAME_ENDS = new Set([...'{}()=~!<>&|^,'].map((c) => c.charCodeAt(0)));
const LETTER = /\p{L}/u;
const LETTER_OR_DIGIT = /[\p{L}\p{Nd}]/u;

export function isBlank(c: number): boolean {
  return c === 0x20 || c === 0x09 || c === 0x0d || c === 0x0a;
}

export function isDigit(c: number): boolean {
  return c >= 0x30 && c <= 0x39;
}

/** Whether `c` ends an attribute name. */
export function endsName(c: number): boolean {
  return c <= 0x20 || c === 0x85 || c === 0xa0 || NAME_ENDS.has(c);
}

/** `codePoint` may be undefined: the end of the text. */
export function startsWord(codePoint: number | undefined): boolean {
  if (codePoint === undefined) return false;
  if (codePoint < 0x80) return isAsciiLetter(codePoint) || codePoint === 0x5f;
  return LETTER.test(String.fromCodePoint(codePoint));
}

function continuesWord(codePoint: number | undefined): boolean {
  if (codePoint === undefined) return false;
  if (codePoint < 0x80) return isAsciiLetter(codePoint) || codePoint === 0x5f || isDigit(codePoint);
  return LETTER_OR_DIGIT.test(String.fromCodePoint(codePoint));
}

/** The offset after the word part that begins at `at`. */
export function wordEnd(text: string, at: number): number {
  for (;;) {
    const codePoint = text.codePointAt(at);
    if (!continuesWord(codePoint)) return at;
    at += codePoint! > 0xffff ? 2 : 1;
  }
}

function isAsciiLetter(c: number): boolean {
  const lower = c | 0x20;
  return lower >= 0x61 && lower <= 0x7a;
}
