import { evaluateNaively, plainTracesOf } from '@vivace/testkit';
import type { NaiveMatch, TraceqlDataset } from '@vivace/testkit';
import { parseQuery, validateQuery } from '@vivace/traceql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lines, testdata } from './conformance-kit.ts';
import { ACCEPTED_BEYOND_TEMPO, DIFFERENT_MEANING } from './known-differences.ts';
import { requestOf } from './plain-otlp.ts';
import { Vivace } from './vivace.ts';

// The TraceQL corpora over HTTP: the class Tempo gives a query, and the spansets it returns; where Tempo is at fault, those of the oracle.

interface Classified {
  readonly q: string;
  readonly class: 'valid' | 'parse_error' | 'validation_error' | 'unsupported';
  readonly metrics?: boolean;
}

interface Answered {
  readonly q: string;
  readonly kind: 'normal' | 'tempo_artifact' | 'runtime_error';
  readonly result?: unknown;
}

const CLASSIFIED = lines<Classified>(testdata('traceql/cases.jsonl'));
const ANSWERED = lines<Answered>(testdata('traceql/semantics.jsonl'));

const traces = plainTracesOf(JSON.parse(testdata('traceql/dataset.json')) as TraceqlDataset, BigInt(Date.now() - 300_000) * 1_000_000n);
let vivace: Vivace;

beforeAll(async () => {
  vivace = await Vivace.create();
  await vivace.start();
  for (const trace of traces) await vivace.push(requestOf(trace));
});
afterAll(async () => {
  await vivace.destroy();
  expect(vivace.errors()).toEqual([]);
});

describe('the class of a query', () => {
  it.each(CLASSIFIED)('$class: $q', async (c) => {
    const { status, body } = await ask(c.q, c.metrics);
    expect({ status, body }).toMatchObject({ status: statusOf(c) });
  });
});

describe('recent', askAll);

describe('from blocks', () => {
  beforeAll(() => vivace.flush());
  askAll();
});

function statusOf(c: Classified): number {
  return c.class === 'valid' || ACCEPTED_BEYOND_TEMPO.has(c.q) ? 200 : 400;
}

function ask(q: string, metrics = false): Promise<{ status: number; body: string }> {
  const now = Math.floor(Date.now() / 1000);
  const range = `q=${encodeURIComponent(q)}&start=${now - 600}&end=${now}`;
  return vivace.get(metrics ? `/api/metrics/query_range?${range}&step=60s` : `/api/search?${range}&limit=1000&spss=100`);
}

function askAll(): void {
  const isTempos = (c: Answered) => c.kind === 'normal' && !Object.hasOwn(DIFFERENT_MEANING, c.q);
  it.each(ANSWERED.filter(isTempos))('answers as Tempo does: $q', async ({ q, result }) => {
    expect(await spansetsOf(q)).toEqual(result);
  });
  it.each(ANSWERED.filter((c) => !isTempos(c)))('answers by the language: $q', async ({ q }) => {
    const query = parseQuery(q);
    validateQuery(query);
    expect(withoutAttributes(await spansetsOf(q))).toEqual(spansetsByOracle(evaluateNaively(query, traces)));
  });
}

interface Found {
  readonly traceID: string;
  readonly spansets: readonly { readonly spans: readonly string[]; readonly matched: number; readonly attrs?: unknown }[];
}

interface SearchJson {
  readonly traces: readonly {
    readonly traceID: string;
    readonly spanSets: readonly {
      readonly matched: number;
      readonly attributes?: readonly { readonly key: string; readonly value: unknown }[];
      readonly spans: readonly { readonly spanID: string }[];
    }[];
  }[];
}

/** The form of the corpus: last four digits of span ids, trace ids without leading zeros. */
async function spansetsOf(q: string): Promise<readonly Found[]> {
  const { status, body } = await ask(q);
  expect(status, body).toBe(200);
  return inOrder(
    (JSON.parse(body) as SearchJson).traces.map(({ traceID, spanSets }) => ({
      traceID: traceID.replace(/^0+/, ''),
      spansets: spanSets.map(({ spans, matched, attributes = [] }) => ({
        spans: spans.map(({ spanID }) => spanID.slice(-4)).sort(),
        matched,
        ...(attributes.length > 0 && { attrs: Object.fromEntries(attributes.map(({ key, value }) => [key, value])) }),
      })),
    })),
  );
}

function spansetsByOracle(matches: readonly NaiveMatch[]): readonly Found[] {
  return inOrder(
    matches.map(({ traceId, spansets }) => ({
      traceID: traceId.replace(/^0+/, ''),
      spansets: spansets.map(({ spans }) => ({ spans: spans.map(({ spanId }) => spanId.slice(-4)).sort(), matched: spans.length })),
    })),
  );
}

function withoutAttributes(found: readonly Found[]): readonly Found[] {
  return inOrder(found.map(({ traceID, spansets }) => ({ traceID, spansets: spansets.map(({ spans, matched }) => ({ spans, matched })) })));
}

function inOrder(found: readonly Found[]): readonly Found[] {
  const asc = (a = '', b = '') => (a < b ? -1 : a > b ? 1 : 0);
  return found
    .map(({ traceID, spansets }) => ({ traceID, spansets: [...spansets].sort((a, b) => asc(a.spans[0], b.spans[0]) || asc(a.spans.join(), b.spans.join())) }))
    .sort((a, b) => asc(a.traceID, b.traceID));
}
