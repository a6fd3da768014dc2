// Places in a query text, as people read them.
import type { Loc } from './ast.ts';

/** Line and column, both from 1. Columns count code points. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

const WINDOW = 60;
const MAX_CARETS = 40;

export function positionAt(text: string, offset: number): Position {
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf('\n') + 1;
  let line = 1;
  for (let i = before.indexOf('\n'); i >= 0; i = before.indexOf('\n', i + 1)) line++;
  return { line, column: codePoints(before.slice(lineStart)) + 1 };
}

/** The line `loc` begins on, cut to a readable width, with carets under the part meant. */
export function excerpt(text: string, loc: Loc): string {
  const lineStart = text.lastIndexOf('\n', loc.from - 1) + 1;
  const newline = text.indexOf('\n', loc.from);
  const lineEnd = newline < 0 ? text.length : newline;
  const from = Math.max(lineStart, loc.from - WINDOW);
  const to = Math.min(lineEnd, loc.from + WINDOW);
  const lead = (from > lineStart ? '…' : '') + visible(text.slice(from, loc.from));
  const shown = lead + visible(text.slice(loc.from, to)) + (to < lineEnd ? '…' : '');
  const carets = Math.min(Math.max(codePoints(text.slice(loc.from, Math.min(loc.to, to))), 1), MAX_CARETS);
  return `  ${shown}\n  ${' '.repeat(codePoints(lead))}${'^'.repeat(carets)}`;
}

function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/** One column a code point: a tab or another control character would shift the carets. */
function visible(text: string): string {
  return text.replace(/\p{Cc}/gu, ' ');
}
