// String literals as Go writes them (docs/traceql.md), and the quoted runs of attribute names.
import { BACKSLASH, NEWLINE, QUOTE } from './characters.ts';
import { SyntaxProblem } from './query-error.ts';

export interface StringLiteral {
  readonly value: string;
  /** The offset after the closing quote. */
  readonly to: number;
}

const SIMPLE: Readonly<Record<string, string>> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v', '\\': '\\', '"': '"' };
const BYTE = /\\(?:x([0-9a-fA-F]{2})|([0-3][0-7]{2}))/y;
const CODE_POINT = /\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/y;
const ESCAPES = 'one of \\a \\b \\f \\n \\r \\t \\v \\\\ \\" \\xhh \\ooo \\uhhhh \\Uhhhhhhhh';

/** `"…"`; `from` is at the opening quote. Bytes written as `\xhh` or `\ooo` are read as UTF-8. */
export function readInterpreted(text: string, from: number): StringLiteral {
  let value = '';
  let at = from + 1;
  let runStart = at;
  for (;;) {
    const c = text.charCodeAt(at);
    if (Number.isNaN(c) || c === NEWLINE) throw new SyntaxProblem('literal not terminated', { from, to: at }, 'a closing `"`');
    if (c === QUOTE) return { value: value + text.slice(runStart, at), to: at + 1 };
    if (c !== BACKSLASH) {
      at++;
      continue;
    }
    const escape = readEscapes(text, at);
    value += text.slice(runStart, at) + escape.value;
    at = escape.to;
    runStart = at;
  }
}

/** `` `…` ``; `from` is at the opening backtick. Raw, carriage returns dropped. */
export function readRaw(text: string, from: number): StringLiteral {
  const close = text.indexOf('`', from + 1);
  if (close < 0) throw new SyntaxProblem('literal not terminated', { from, to: text.length }, 'a closing backtick');
  return { value: text.slice(from + 1, close).replaceAll('\r', ''), to: close + 1 };
}

/** A quoted run inside an attribute name: only `\"` and `\\` are escapes. */
export function readQuotedName(text: string, from: number): StringLiteral {
  let value = '';
  for (let at = from + 1; at < text.length; at++) {
    const c = text.charCodeAt(at);
    if (c === QUOTE) return { value, to: at + 1 };
    if (c === BACKSLASH) {
      at++;
      const escaped = text.charCodeAt(at);
      if (escaped !== QUOTE && escaped !== BACKSLASH)
        throw new SyntaxProblem('invalid escape sequence', { from: at - 1, to: at + 1 }, '`\\"` or `\\\\` inside a quoted name');
    }
    value += text[at];
  }
  throw new SyntaxProblem('quoted attribute name not terminated', { from, to: text.length }, 'a closing `"`');
}

/** One escape, or a run of byte escapes, which together are one piece of UTF-8. */
function readEscapes(text: string, from: number): StringLiteral {
  const bytes: number[] = [];
  let at = from;
  for (;;) {
    BYTE.lastIndex = at;
    const byte = BYTE.exec(text);
    if (!byte) break;
    bytes.push(byte[1] === undefined ? Number.parseInt(byte[2], 8) : Number.parseInt(byte[1], 16));
    at += byte[0].length;
  }
  if (bytes.length > 0) return { value: new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(bytes)), to: at };
  const simple = SIMPLE[text.charAt(from + 1)];
  if (simple !== undefined) return { value: simple, to: from + 2 };
  CODE_POINT.lastIndex = from;
  const point = CODE_POINT.exec(text);
  const code = point ? Number.parseInt(point[1] ?? point[2], 16) : Number.NaN;
  if (!(code <= 0x10ffff) || (code >= 0xd800 && code <= 0xdfff)) throw new SyntaxProblem('invalid char escape', { from, to: from + 2 }, ESCAPES);
  return { value: String.fromCodePoint(code), to: from + point![0].length };
}
