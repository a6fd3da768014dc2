import { AppError } from '@vivace/base';

/**
 * Parses `k=v k2="v 2"` into pairs, in order. A key alone has an empty value; a quoted value knows `\"`, `\\` and the escapes of JSON.
 * Rejects with `invalid_argument` naming the position.
 */
export function parseLogfmt(text: string): (readonly [key: string, value: string])[] {
  const pairs: [string, string][] = [];
  let at = 0;
  while (at < text.length) {
    if (isBlank(text, at)) {
      at++;
      continue;
    }
    const keyEnd = scan(text, at, (ch) => ch > ' ' && ch !== '=' && ch !== '"');
    if (keyEnd === at || text[keyEnd] === '"') throw syntaxError(text, keyEnd);
    const key = text.slice(at, keyEnd);
    at = keyEnd;
    if (text[at] !== '=') {
      pairs.push([key, '']);
      continue;
    }
    at++;
    if (text[at] === '"') {
      const end = closingQuote(text, at);
      pairs.push([key, unquote(text, at, end)]);
      at = end + 1;
      if (at < text.length && !isBlank(text, at)) throw syntaxError(text, at);
    } else {
      const end = scan(text, at, (ch) => ch > ' ' && ch !== '=' && ch !== '"');
      if (end < text.length && !isBlank(text, end)) throw syntaxError(text, end);
      pairs.push([key, text.slice(at, end)]);
      at = end;
    }
  }
  return pairs;
}

function scan(text: string, from: number, belongs: (ch: string) => boolean): number {
  let at = from;
  while (at < text.length && belongs(text[at])) at++;
  return at;
}

function isBlank(text: string, at: number): boolean {
  return text[at] <= ' ';
}

function closingQuote(text: string, open: number): number {
  for (let at = open + 1; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '"') return at;
  }
  throw new AppError('invalid_argument', `invalid tags: logfmt syntax error at pos ${open + 1} : unterminated quoted value`);
}

function unquote(text: string, open: number, close: number): string {
  try {
    return JSON.parse(text.slice(open, close + 1)) as string;
  } catch {
    throw new AppError('invalid_argument', `invalid tags: logfmt syntax error at pos ${open + 1} : invalid quoted value`);
  }
}

function syntaxError(text: string, at: number): AppError {
  return new AppError('invalid_argument', `invalid tags: logfmt syntax error at pos ${at + 1} : unexpected ${JSON.stringify(text[at])}`);
}
