import { readFileSync } from 'node:fs';
import { tableOf } from '@vivace/testkit';
import { TableColumns } from '@vivace/trace';
import { parseQuery, validateQuery } from '@vivace/traceql';
import { describe, expect, it } from 'vitest';
import { conformanceTraces } from '../conformance-data.fixture.ts';
import type { KeyValueJson, MetricsRequest } from '../model.ts';
import { strict } from '../strict-columns.fixture.ts';
import { finishInstant, finishRange } from './finish-metrics.ts';
import { mergeMetrics } from './merge-metrics.ts';
import { metricsBatches } from './metrics-batches.ts';
import { planMetrics } from './plan-metrics.ts';
import type { MetricsMode } from './plan-metrics.ts';

interface RecordedSeries {
  readonly labels: readonly KeyValueJson[];
  readonly samples?: readonly (readonly [number, number])[];
  readonly value?: number;
}

interface Case {
  readonly kind: string;
  readonly q: string;
  readonly step?: string;
  readonly expect: { readonly status: number; readonly answer?: readonly RecordedSeries[] };
}

const SECOND_NS = 1_000_000_000n;
const BASE_SEC = 1_795_000_020;
const BASE_NS = BigInt(BASE_SEC) * SECOND_NS;
const cases = readFileSync(new URL('../../../../testdata/conformance/cases.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Case)
  .filter(({ kind, expect: { status } }) => (kind === 'metrics' || kind === 'instant') && status === 200);
const table = new TableColumns(tableOf(conformanceTraces(BASE_NS)));

async function ask({ q, kind, step = '60s' }: Case): Promise<readonly RecordedSeries[]> {
  const query = parseQuery(q);
  validateQuery(query);
  const mode: MetricsMode = kind === 'instant' ? 'instant' : 'range';
  const request: MetricsRequest = {
    query,
    startNs: BASE_NS,
    endNs: BASE_NS + 300n * SECOND_NS,
    stepNs: BigInt(Number.parseInt(step, 10)) * SECOND_NS,
    exemplars: 100,
    maxSeries: 0,
  };
  const plan = planMetrics(request, mode);
  const merged = mergeMetrics([await metricsBatches(plan, [strict(table)], { maxSeries: 1_000 })], plan, 1_000);
  if (mode === 'instant') return normalise(finishInstant(merged, plan, 0).series);
  const { series } = finishRange(merged, plan, 0);
  return normalise(
    series.map(({ labels, samples }) => ({
      labels,
      samples: samples.map(({ timestampMs, value = 0 }) => [Number(timestampMs) - BASE_SEC * 1_000, value] as const).filter(([, value]) => value !== 0),
    })),
  );
}

/** The recorded form: free of order, nine digits. */
function normalise(series: readonly RecordedSeries[]): readonly RecordedSeries[] {
  const digits = (value: number): number => Number(value.toPrecision(9));
  return series
    .map(({ labels, samples, value }) => ({
      labels: [...labels].sort((a, b) => (a.key < b.key ? -1 : 1)),
      ...(samples && { samples: samples.map(([at, of]) => [at, digits(of)] as const) }),
      ...(value !== undefined && { value: digits(value) }),
    }))
    .sort((a, b) => (JSON.stringify(a.labels) < JSON.stringify(b.labels) ? -1 : 1));
}

describe('recorded answers of the metrics API', () => {
  for (const c of cases) it(`${c.kind} ${c.q}`, async () => expect(await ask(c)).toEqual(c.expect.answer));
});
