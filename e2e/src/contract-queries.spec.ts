import { QueryInstantResponseSchema, QueryRangeResponseSchema, SearchResponseSchema } from '@vivace/proto';
import { evaluateMetricsNaively, evaluateNaively } from '@vivace/testkit';
import type { NaiveSeries } from '@vivace/testkit';
import type { Query } from '@vivace/traceql';
import { parseQuery, validateQuery } from '@vivace/traceql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testdata } from './conformance-kit.ts';
import { grafanaTraces } from './grafana-data.ts';
import { requestOf } from './plain-otlp.ts';
import type { Label } from './strict-decode.ts';
import { askJson, labelsOf } from './strict-decode.ts';
import { Vivace } from './vivace.ts';

// Every query that Grafana's data source and Traces Drilldown send, with the parameters they send: it is answered, in the shape they read,
// with what the oracle finds.

const STEP_SEC = 30;
const QUERIES = testdata('grafana/queries.txt')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => ({ kind: line[0], q: line.slice(2) }));
const SEARCHES = QUERIES.filter(({ kind }) => kind === 'S');
const METRICS = QUERIES.filter(({ kind }) => kind === 'M');

const startSec = Math.floor(Date.now() / 1000) - 120;
const RANGE = `start=${startSec - 60}&end=${startSec + 60}`;
const traces = grafanaTraces(BigInt(startSec) * 1_000_000_000n);

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

it('are 75', () => expect([SEARCHES.length, METRICS.length]).toEqual([31, 44]));

describe('recent', askAll);

describe('from blocks', () => {
  beforeAll(() => vivace.flush());
  it('has everything in blocks', () => expect(vivace.blocks()).not.toEqual([]));
  askAll();
});

function askAll(): void {
  it.each(SEARCHES)('search: $q', ({ q }) => checkSearch(q));
  it.each(METRICS)('metrics: $q', ({ q }) => checkMetrics(q));
}

function parsed(q: string): Query {
  const query = parseQuery(q);
  validateQuery(query);
  return query;
}

async function checkSearch(q: string): Promise<void> {
  const answer = await askJson(vivace, SearchResponseSchema, `/api/search?q=${encodeURIComponent(q)}&limit=200&spss=20&${RANGE}`);
  const expected = evaluateNaively(parsed(q), traces);
  const idsOf = (spans: readonly { readonly spanID: string }[]): readonly string[] => spans.map(({ spanID }) => spanID).sort();
  expect(new Map(answer.traces.map(({ traceID, spanSets }) => [traceID, spanSets.map(({ spans }) => idsOf(spans)).sort()]))).toEqual(
    new Map(expected.map(({ traceId, spansets }) => [traceId, spansets.map(({ spans }) => spans.map(({ spanId }) => spanId).sort()).sort()])),
  );
  expect(answer.metrics).toBeDefined();
  const types = new Map<string, string>();
  for (const trace of answer.traces) {
    expect(trace.traceID).toMatch(/^[0-9a-f]{32}$/);
    expect(trace.rootServiceName).not.toBe('');
    expect(trace.startTimeUnixNano).not.toBe(0n);
    expect(trace.spanSets).not.toEqual([]);
    expect(trace.spanSet).toEqual(trace.spanSets[0]);
    for (const { spans, matched } of trace.spanSets) {
      expect(matched).toBe(spans.length);
      for (const span of spans) {
        expect(span.spanID).toMatch(/^[0-9a-f]{16}$/);
        expect(span.startTimeUnixNano).not.toBe(0n);
        for (const { key, value } of span.attributes) {
          expect(key, 'no scope').not.toMatch(/^(resource|span|event|link|instrumentation)\./);
          const type = typeOf(value!.value.case);
          expect([key, type]).toEqual([key, types.get(key) ?? type]);
          types.set(key, type);
        }
      }
    }
    if (q.includes('nestedSetLeft')) checkStructure(trace);
  }
}

/** Whole and fractional numbers may mix in a column. */
function typeOf(option: string | undefined): string {
  return option === 'intValue' || option === 'doubleValue' ? 'number' : String(option);
}

interface StructureTrace {
  readonly spanSets: readonly {
    readonly spans: readonly { readonly attributes: readonly { readonly key: string; readonly value?: { readonly value: { readonly case?: string } } }[] }[];
  }[];
}

/** Drilldown builds one tree of a trace and fails without its numbers. */
function checkStructure({ spanSets }: StructureTrace): void {
  expect(spanSets, 'there should be only 1 spanset!').toHaveLength(1);
  for (const { attributes } of spanSets[0].spans) {
    const cases = Object.fromEntries(attributes.map(({ key, value }) => [key, value!.value.case]));
    expect(cases).toMatchObject({
      nestedSetLeft: 'intValue',
      nestedSetRight: 'intValue',
      nestedSetParent: 'intValue',
      status: 'stringValue',
      'service.name': 'stringValue',
    });
  }
}

async function checkMetrics(q: string): Promise<void> {
  const query = parsed(q);
  const url = `q=${encodeURIComponent(q)}&${RANGE}`;
  const range = await askJson(vivace, QueryRangeResponseSchema, `/api/metrics/query_range?${url}&step=${STEP_SEC}s`);
  const instant = await askJson(vivace, QueryInstantResponseSchema, `/api/metrics/query?${url}`);
  expect([range.status, range.message, instant.status, instant.message]).toEqual([0, '', 0, '']);
  for (const { exemplars } of range.series) {
    for (const { labels, value, timestampMs } of exemplars) {
      expect([value === 0, timestampMs > 0n]).toEqual([false, true]);
      expect(labels.filter(({ key }) => key === 'trace:id')).toHaveLength(1);
    }
  }
  if (query.metrics!.kind === 'compare') {
    for (const { labels } of [...range.series, ...instant.series]) checkComparison(labels);
    return;
  }
  const [startNs, endNs, stepNs] = [startSec - 60, startSec + 60, STEP_SEC].map((sec) => BigInt(sec) * 1_000_000_000n);
  const byOracle = evaluateMetricsNaively(query, traces, { startNs, endNs, stepNs });
  const firstSec = Math.floor((startSec - 60) / STEP_SEC) * STEP_SEC;
  expect(
    range.series.map(({ labels, samples }) => ({
      labels: checkedLabels(labels),
      samples: samples.map((s) => [Number(s.timestampMs) / 1_000, rounded(s.value)]),
    })),
  ).toEqual(
    byOracle.map((series) => ({
      labels: labelsByOracle(series),
      samples: series.values.flatMap((value, i) => (value === undefined ? [] : [[firstSec + i * STEP_SEC, rounded(value)]])),
    })),
  );
  expect(instant.series.map(({ labels, value }) => ({ labels: checkedLabels(labels), value: rounded(value) }))).toEqual(
    evaluateMetricsNaively(query, traces, { startNs, endNs, stepNs: undefined }).map((series) => ({
      labels: labelsByOracle(series),
      value: rounded(series.values[0]!),
    })),
  );
}

function checkedLabels(labels: readonly Label[]): unknown[] {
  for (const { value } of labels) expect(value!.value.case).toMatch(/^(string|int|double|bool)Value$/);
  return labelsOf(labels);
}

function labelsByOracle({ labels }: NaiveSeries): unknown[] {
  return labels.map(([key, value]) => [key, 'value' in value ? value.value : undefined]);
}

/** Drilldown divides series of values by the total of their attribute. */
function checkComparison(labels: readonly Label[]): void {
  expect(labels).toHaveLength(2);
  const [type] = labels.filter(({ key }) => key === '__meta_type').map(({ value }) => value!.value.value);
  const [attribute] = labels.filter(({ key }) => key !== '__meta_type');
  expect(['baseline', 'selection', 'baseline_total', 'selection_total']).toContain(type);
  if (String(type).endsWith('_total')) expect(attribute.value!.value).toEqual({ case: 'stringValue', value: 'nil' });
  expect(attribute.key).not.toMatch(/^(duration|traceDuration|trace:id|span:id|span:parentID|nestedSet.*)$/);
}

/** Nine digits: what is summed in another order differs in the last. */
function rounded(value: number): number {
  return Number(value.toPrecision(9));
}
