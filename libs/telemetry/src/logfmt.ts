import type { LogFields } from '@vivace/base';

// Everything that would end a value or start a quoted one; `\p{C}` are control and unassigned characters.
const NEEDS_QUOTES = /[\s="\\\p{C}]/u;

/** One logfmt line without its end: fields in the order given, undefined ones left out, objects as JSON. */
export function formatLogfmt(fields: LogFields): string {
  let line = '';
  for (const [key, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    if (line !== '') line += ' ';
    line += `${key.replace(/[\s="\p{C}]/gu, '_')}=${formatValue(value)}`;
  }
  return line;
}

function formatValue(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
  return text === '' || NEEDS_QUOTES.test(text) ? JSON.stringify(text) : text;
}
