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

/** Every query whose class is not Tempo 2.10's, and why. */
const DEVIATIONS: Readonly<Record<string, 'valid' | 'validation_error'>> = {
  // Tempo 3: filters on series, second stages after one another.
  '{} | rate() > 5': 'valid',
  '{} | rate() | topk(3) | bottomk(1)': 'valid',
  // "not yet supported" in Tempo: the parent span …
  '{ parent.tier = "gold" }': 'valid',
  '{ parent.span.tier = "gold" }': 'valid',
  '{ parent.event.retry = true }': 'valid',
  '{ parent = nil }': 'valid',
  '{ parent != nil }': 'valid',
  '{} | by(parent.a)': 'valid',
  '{} | select(parent.a)': 'valid',
  // … arithmetic and comparison of aggregates, and of pipelines …
  '{} | count() > 1 + 1': 'valid',
  '{} | count() + 1 > 2': 'valid',
  '{} | 3 < count()': 'valid',
  '({} | count()) > 3': 'valid',
  // … more groups. A scalar filter without an aggregate filters nothing: refused, by another name.
  '{} | avg_over_time(span.bytes) by (name, kind, status, span.a, span.b)': 'valid',
  '3 = 3': 'validation_error',
};

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
  it.each(cases.filter((c) => !Object.hasOwn(DEVIATIONS, c.q)))('$class: $q', (c) => {
    const got = classify(c.q);
    expect(got.class).toBe(c.class);
    if (c.class === 'validation_error') expect(got.message.split('\n')[0]).toBe(c.msg);
    if (c.class === 'parse_error') expect(got.message).toMatch(/^parse error at line \d+, col \d+: syntax error: .+\n(?:expected .+\n)? {2}.*\n {2} *\^+/);
  });

  it.each(Object.entries(DEVIATIONS))('differs from Tempo 2.10: %s is %s', (q, ours) => {
    expect(cases.find((c) => c.q === q)?.class).toMatch(/unsupported|parse_error/);
    expect(classify(q).class).toBe(ours);
  });

  it.each(grafana)('Grafana sends: %s', (q) => {
    expect(classify(q)).toEqual({ class: 'valid', message: '' });
  });

  it.each([...cases.filter((c) => classify(c.q).class !== 'parse_error').map((c) => c.q), ...grafana])('prints to a fixed point: %s', (q) => {
    const printed = printQuery(parseQuery(q));
    expect(printQuery(parseQuery(printed))).toBe(printed);
  });
});
