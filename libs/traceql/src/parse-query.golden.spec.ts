import { readFileSync } from 'node:fs';
import { AppError } from '@vivace/base';
import { describe, expect, it } from 'vitest';
import { parseQuery } from './parse-query.ts';
import { printQuery } from './print.ts';
import { validateQuery } from './validate.ts';

interface Case {
  readonly q: string;
  readonly class: 'valid' | 'parse_error' | 'validation_error' | 'unsupported';
  readonly msg?: string;
}

const testdata = new URL('../../../testdata/traceql/', import.meta.url);
const cases = readFileSync(new URL('cases.jsonl', testdata), 'utf8')
  .trim()
  .split('\n')
  .map((line): Case => JSON.parse(line));
const grafana = readFileSync(new URL('grafana.txt', testdata), 'utf8')
  .trim()
  .split('\n')
  .filter((line) => !line.startsWith('#'))
  .map((line) => line.slice(2));

/** Tempo 3 has these; we do too. */
const ACCEPTED = new Set(['{} | rate() > 5', '{} | rate() | topk(3) | bottomk(1)']);
/** What Tempo calls unsupported and we refuse as well; the rest of that class is accepted. */
const REFUSED = new Set(['{ parent = nil }', '{ parent != nil }', '3 = 3']);

function classify(text: string): { readonly class: Case['class']; readonly message: string } {
  try {
    const query = parseQuery(text);
    try {
      validateQuery(query);
      return { class: 'valid', message: '' };
    } catch (error) {
      return { class: 'validation_error', message: messageOf(error) };
    }
  } catch (error) {
    return { class: 'parse_error', message: messageOf(error) };
  }
}

function messageOf(error: unknown): string {
  expect(error).toBeInstanceOf(AppError);
  expect((error as AppError).code).toBe('invalid_argument');
  return (error as AppError).message;
}

describe('the corpus', () => {
  it.each(cases.filter((c) => c.class !== 'unsupported' && !ACCEPTED.has(c.q)))('$class: $q', (c) => {
    const got = classify(c.q);
    expect(got.class).toBe(c.class);
    if (c.class === 'validation_error') expect(got.message.split('\n')[0]).toBe(c.msg);
    if (c.class === 'parse_error') expect(got.message).toMatch(/^parse error at line \d+, col \d+: syntax error: .+\n(?:expected .+\n)? {2}.*\n {2} *\^+/);
  });

  it.each(cases.filter((c) => c.class === 'unsupported' || ACCEPTED.has(c.q)))('beyond Tempo 2.10: $q', ({ q }) => {
    expect(classify(q).class).toBe(REFUSED.has(q) ? 'validation_error' : 'valid');
  });

  it.each(grafana)('Grafana sends: %s', (q) => {
    expect(classify(q)).toEqual({ class: 'valid', message: '' });
  });

  it.each([...cases.filter((c) => classify(c.q).class !== 'parse_error').map((c) => c.q), ...grafana])('prints to a fixed point: %s', (q) => {
    const printed = printQuery(parseQuery(q));
    expect(printQuery(parseQuery(printed))).toBe(printed);
  });
});
