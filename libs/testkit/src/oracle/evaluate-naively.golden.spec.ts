import { readFileSync } from 'node:fs';
import { formatGoDuration } from '@vivace/base';
import { parseQuery, validateQuery } from '@vivace/traceql';
import { describe, expect, it } from 'vitest';
import { evaluateNaively } from './evaluate-naively.ts';
import type { NaiveMatch } from './evaluate-naively.ts';
import type { NaiveValues } from './naive-expr.ts';
import { plainTracesOf } from './traceql-dataset.ts';

interface Case {
  readonly q: string;
  readonly kind: 'normal' | 'tempo_artifact' | 'runtime_error';
  readonly logical?: string;
  readonly result: unknown;
}

const testdata = new URL('../../../../testdata/traceql/', import.meta.url);
const traces = plainTracesOf(JSON.parse(readFileSync(new URL('dataset.json', testdata), 'utf8')), 1_700_000_000_000_000_000n);
const read = <T>(file: string): readonly T[] =>
  readFileSync(new URL(file, testdata), 'utf8')
    .trim()
    .split('\n')
    .map((line): T => JSON.parse(line));
const cases = read<Case>('semantics.jsonl');
/** Asked of a real Tempo 2.10.8 too, which answers otherwise, or not at all. */
const beyond = read<{ readonly q: string; readonly why: string; readonly found: string }>('beyond-tempo.jsonl');

function ask(q: string): readonly NaiveMatch[] {
  const query = parseQuery(q);
  validateQuery(query);
  return evaluateNaively(query, traces);
}

/** The shape of the corpus: last four digits of span ids, attributes as protobuf JSON. */
function shape(matches: readonly NaiveMatch[]): unknown {
  return matches.map(({ traceId, spansets }) => ({
    traceID: traceId.replace(/^0+/, ''),
    spansets: spansets
      .map(({ spans, attributes }) => ({
        spans: spans.map((span) => span.spanId.slice(-4)).sort(),
        matched: spans.length,
        ...(attributes.length > 0 && { attrs: Object.fromEntries(attributes.map(([label, value]) => [label, json(value)])) }),
      }))
      .sort((a, b) => (a.spans[0] < b.spans[0] ? -1 : 1)),
  }));
}

function json([value, ...more]: NaiveValues): unknown {
  if (more.length > 0) return { arrayValue: { values: [value, ...more].map((item) => json([item])) } };
  switch (value?.type) {
    case 'int':
      return { intValue: String(value.value) };
    case 'float':
      return { doubleValue: value.value };
    case 'bool':
      return { boolValue: value.value };
    case 'duration':
      return { stringValue: formatGoDuration(value.value) };
    case 'string':
    case 'status':
    case 'kind':
      return { stringValue: value.value };
    default:
      return { stringValue: 'nil' };
  }
}

/** `1001: 0002 0003; 1003: 0001`; spansets of one trace are apart by `|`. */
function brief(matches: readonly NaiveMatch[]): string {
  return matches
    .map(({ traceId, spansets }) => `${traceId.slice(-4)}: ${spansets.map(({ spans }) => spans.map((span) => span.spanId.slice(-4)).join(' ')).join(' | ')}`)
    .join('; ');
}

const ALL_1001 = '1001: 0001 0002 0003 0004 0005 0006 0007';
const ALL_AFTER_1002 = '1003: 0001 0002 0003 0004 0005; 2002: 0001 0002 0003 0004; 2003: 0001 0002 0003';

/** Where we differ from Tempo on purpose (docs/compat/deviations.md), and what we answer instead. */
const DIFFERENT: Readonly<Record<string, string>> = {
  // Numbers compare across int and double.
  '{ span.v = 1 }': '1002: 0001 0002 0006 000d',
  '{ span.v = 1.0 }': '1002: 0001 0002 0006 000d',
  '{ 1 = span.v }': '1002: 0001 0002 0006 000d',
  '{ span.v != 1 }': '1002: 0003 0006 0007 0011 0012',
  '{ span.v != 1.0 }': '1002: 0003 0006 0007 0011 0012',
  '{ span.v > 0.5 }': '1002: 0001 0002 0003 0006 0007 000d 0012',
  '{ span.v < 2 }': '1002: 0001 0002 0003 0006 0007 000d 0011',
  '{ span.v <= 1.5 }': '1002: 0001 0002 0003 0006 0007 000d 0011',
  // A literal on the left means the same as on the right.
  '{ 0 < span.v }': '1002: 0001 0002 0003 0006 0007 000d 0012',
  '{ 2 >= span.v }': '1002: 0001 0002 0003 0006 0007 000d 0011',
  '{ 10ms < duration }': '1001: 0001 0002 0003 0004; 1002: 0000 000b 000c 000d 000e 000f 0010 0011 0012 0013 0014 0015 0016; 2002: 0001; 2003: 0001',
  // `= nil` is true where there is no value, negation is negation.
  '{ span.v = nil }': `${ALL_1001}; 1002: 0000 000a 000e 000f 0010; ${ALL_AFTER_1002}`,
  '{ !(span.v = 1) }': `${ALL_1001}; 1002: 0000 0003 0004 0005 0007 0008 0009 000a 000b 000c 000e 000f 0010 0011 0012 0013 0014 0015 0016; ${ALL_AFTER_1002}`,
  // 2 ^ 3 is 8; an attribute is never an intrinsic.
  '{ 2 ^ 3 = 9 } | count() = 7': '',
  '{ name = "root" && .name = "root" }': '',
  // Any event counts, and it takes an event.
  '{ event.foo = "ev2" || name = "zz" }': '1003: 0001',
  '{ event.foo = "ev" } && { event.eonly = "e2" }': '1003: 0001',
  '{ event:name != "ev1" }': '1003: 0001',
  // Ids compare as all their digits.
  '{ link:traceID = "00000000000000000000000000001001" }': '1003: 0001',
  // Groups are kept apart, and merged where a structural operator meets several.
  '{ span.n > 0 } | by(resource.service.name) | {} > {}': '1001: 0002 | 0005',
  '({ span.n > 0 } | by(resource.service.name)) >> ({ name = "gg1" } | count() = 1)': '1001: 0005',
};

describe('the corpus', () => {
  it.each(cases.filter((c) => c.kind === 'normal' && !Object.hasOwn(DIFFERENT, c.q)))('answers as Tempo does: $q', ({ q, result }) => {
    expect(shape(ask(q))).toEqual(result);
  });

  it.each(cases.filter((c) => c.kind !== 'normal' || Object.hasOwn(DIFFERENT, c.q)))('answers by the language: $q', ({ q }) => {
    expect(brief(ask(q))).toBe(DIFFERENT[q]);
  });

  it.each(beyond)('$why: $q', ({ q, found }) => {
    expect(brief(ask(q))).toBe(found);
  });
});
