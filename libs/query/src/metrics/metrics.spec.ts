import type { PlainAttrs, PlainSpan, PlainTrace } from '@vivace/testkit';
import { parseQuery, validateQuery } from '@vivace/traceql';
import { describe, expect, it } from 'vitest';
import type { MetricsRequest, TimeSeriesJson } from '../model.ts';
import { BASE_NS, columnsOf, recording, span, trace } from '../plain.fixture.ts';
import { finishInstant, finishRange } from './finish-metrics.ts';
import { mergeMetrics } from './merge-metrics.ts';
import { metricsBatches } from './metrics-batches.ts';
import { planMetrics } from './plan-metrics.ts';
import type { MetricsMode } from './plan-metrics.ts';

const SECOND = 1_000_000_000n;

interface Ask {
  readonly jobs: readonly (readonly PlainTrace[])[];
  readonly mode?: MetricsMode;
  readonly exemplars?: number;
  /** Counted by a job and in all. */
  readonly limit?: number;
  readonly maxSeries?: number;
}

/** Over the minute that ends 60 s after the base, in steps of 10 s. */
async function ask(text: string, { jobs, mode = 'range', exemplars = 0, limit = 1_000, maxSeries = 0 }: Ask) {
  const query = parseQuery(text);
  validateQuery(query);
  const request: MetricsRequest = { query, startNs: BASE_NS, endNs: BASE_NS + 60n * SECOND, stepNs: 10n * SECOND, exemplars, maxSeries };
  const plan = planMetrics(request, mode);
  const partials = await Promise.all(jobs.map((traces) => metricsBatches(plan, [columnsOf(...traces)], { maxSeries: limit })));
  const merged = mergeMetrics(structuredClone(partials), plan, limit);
  return mode === 'range' ? finishRange(merged, plan, maxSeries) : finishInstant(merged, plan, maxSeries);
}

async function range(text: string, options: Ask): Promise<readonly TimeSeriesJson[]> {
  return (await ask(text, options)).series as readonly TimeSeriesJson[];
}

/** `key=value` of every label, then the value. */
async function instant(text: string, ...traces: readonly PlainTrace[]): Promise<readonly string[]> {
  const { series } = await ask(text, { jobs: [traces], mode: 'instant' });
  return series.map((s) => [...s.labels.map(({ key, value }) => `${key}=${String(Object.values(value)[0])}`), 'value' in s ? s.value : 0].join(' '));
}

/** Spans a second apart, from one second after the base. */
function spans(...attrs: readonly PlainAttrs[]): PlainTrace {
  return trace(1, ...attrs.map((list, i) => span(i + 1, { attrs: list, startNs: BASE_NS + BigInt(i + 1) * SECOND })));
}

const n = (value: PlainAttrs[number][1]): PlainAttrs => [['n', value]];

describe('values', () => {
  it('below one, floats and negative numbers count in every function; others do not', async () => {
    const data = spans(n(0.3), n(-1.5), n(2n), n('x'), n(true), n([1n, 2n]), n(Number.NaN), n(Number.POSITIVE_INFINITY), []);
    const number = async (of: string): Promise<string> => (await instant(`{ } | ${of}`, data)).map((line) => line.replace(/.* /, '')).join(' ');
    expect(await number('sum_over_time(span.n)')).toBe('0.8');
    expect(await number('avg_over_time(span.n)')).toBe(String(0.8 / 3));
    expect(await number('min_over_time(span.n)')).toBe('-1.5');
    expect(await number('max_over_time(span.n)')).toBe('2');
    expect(await instant('{ } | histogram_over_time(span.n)', data)).toEqual(['__bucket=-1 1', '__bucket=0.5 1', '__bucket=2 1']);
    expect(await instant('{ } | quantile_over_time(span.n, 0, .5, 1)', data)).toEqual(['p=0 -1', 'p=0.5 0.5', 'p=1 2']);
    expect(await instant('{ } | quantile_over_time(span.n, .5, 0.50)', data)).toEqual(['p=0.5 0.5']);
  });

  it('of time are seconds', async () => {
    const data = trace(1, span(1, { startNs: BASE_NS + SECOND }), span(2, { startNs: BASE_NS + 2n * SECOND }));
    expect(await instant('{ } | max_over_time(duration)', data)).toEqual(['__name__=max_over_time 0.005']);
    expect(await instant('{ } | max_over_time(traceDuration)', data)).toEqual(['__name__=max_over_time 1.005']);
    expect(await instant('{ } | max_over_time(duration) > 4ms', data)).toHaveLength(1);
    expect(await instant('{ } | max_over_time(duration) > 6ms', data)).toEqual([]);
  });

  it('of a key that the span has hide those of the resource, whatever they are', async () => {
    const data = trace(1, span(1, { attrs: [['n', { kvlist: {} }]], resource: [['n', 5n]], startNs: BASE_NS + SECOND }));
    expect(await instant('{ } | sum_over_time(.n)', data)).toEqual([]);
    expect(await instant('{ } | rate() by (.n)', data)).toEqual([`.n=nil ${1 / 60}`]);
    expect(await instant('{ } | sum_over_time(resource.n)', data)).toEqual(['__name__=sum_over_time 5']);
  });

  it('that cancel out are summed as if in one place', async () => {
    const jobs = [[spans(n(1e16), n(0.5))], [spans(n(-1e16), n(0.25))]];
    expect((await ask('{ } | sum_over_time(span.n)', { jobs, mode: 'instant' })).series).toMatchObject([{ value: 0.75 }]);
  });
});

describe('labels', () => {
  it('have scopes but no quotes, keep types, and say nil only when nothing else is left', async () => {
    const data = spans([['a b', 1n]], [['a b', '1']], [['c', true]], [['a b', 'nil']]);
    expect(await instant('{ } | count_over_time() by (span."a b", span.c)', data)).toEqual(['span.a b=1 1', 'span.a b=1 1', 'span.a b=nil 1', 'span.c=true 1']);
  });

  it('need a name where there is nothing else, even without any span', async () => {
    expect(await instant('{ } | count_over_time()')).toEqual(['__name__=count_over_time 0']);
    expect(await instant('{ } | count_over_time() by (name)')).toEqual([]);
    expect(await instant('{ } | sum_over_time(span.n)')).toEqual([]);
  });
});

describe('limits', () => {
  const many = trace(1, ...Array.from({ length: 50 }, (_, i) => span(i + 1, { name: `n${i}`, attrs: n(2 ** i), startNs: BASE_NS + SECOND })));

  it.each([
    ['{ } | rate() by (span:id)', 'span:id'],
    ['{ } | rate() by (kind, name)', 'name'],
    ['{ } | histogram_over_time(span.n)', '__bucket'],
  ])('%s counts no more series than allowed, and says on which key', async (text, label) => {
    const answer = await ask(text, { jobs: [[many], [many]], limit: 10 });
    expect(answer.series.length).toBeLessThanOrEqual(10);
    expect(answer).toMatchObject({
      status: 'PARTIAL',
      message: expect.stringContaining(`values of ${label}: spans of series beyond querier.metrics.max_series`) as string,
    });
  });

  it('of the answer are told as Tempo does, but only when something is left out', async () => {
    expect(await ask('{ } | rate() by (name)', { jobs: [[many]], maxSeries: 49 })).toMatchObject({
      status: 'PARTIAL',
      message: 'Response exceeds maximum series limit of 49, a partial response is returned. Warning: the accuracy of each individual value is not guaranteed.',
    });
    expect(await ask('{ } | rate() by (name)', { jobs: [[many]], maxSeries: 50 })).not.toHaveProperty('status');
  });
});

describe('exemplars', () => {
  const at = (id: number, seconds: number, more: Partial<PlainSpan> = {}): PlainTrace =>
    trace(id, ...[0, 1].map((i) => span(i + 1, { startNs: BASE_NS + BigInt(Math.round(seconds * 1e9)) + BigInt(i), ...more })));
  const all = Array.from({ length: 60 }, (_, i) => at(i + 1, i + 0.5));

  it('are one a trace, two a slice of time, and the same however the traces lie', async () => {
    const [one] = await range('{ } | rate()', { jobs: [all], exemplars: 10 });
    const ids = one.exemplars?.map(({ labels }) => JSON.stringify(labels[0]));
    expect(ids).toHaveLength(10);
    expect(new Set(ids).size).toBe(10);
    const slices = one.exemplars?.map(({ timestampMs }) => Math.floor((Number(timestampMs) - Number(BASE_NS / 1_000_000n) + 10_000) / 14_000));
    expect(slices?.every((slice) => slices.filter((other) => other === slice).length <= 2)).toBe(true);
    const divided = [all.filter((_, i) => i % 3 === 0), all.filter((_, i) => i % 3 === 1), all.filter((_, i) => i % 3 === 2)];
    expect((await range('{ } | rate()', { jobs: divided, exemplars: 10 }))[0].exemplars).toEqual(one.exemplars);
  });

  it('name trace, groups and what the query asks about', async () => {
    const data = [at(7, 5, { attrs: [['n', 3n]] })];
    const [series] = await range('{ span.n > 1 } | rate() by (name)', { jobs: [data], exemplars: 5 });
    expect(series.exemplars).toEqual([
      {
        labels: [
          { key: 'trace:id', value: { stringValue: '00000000000000000000000000000007' } },
          { key: 'name', value: { stringValue: 'span-1' } },
          { key: 'span.n', value: { intValue: '3' } },
        ],
        value: 0.1,
        timestampMs: String(BASE_NS / 1_000_000n + 5_000n),
      },
    ]);
  });

  it('stand beside the series their value belongs to', async () => {
    const values = [1, 3, 100].map((value, i) => at(i + 1, 2 + i, { attrs: n(value) }));
    const shown = async (of: string) =>
      (await range(`{ } | ${of}`, { jobs: [values], exemplars: 20 })).map(({ labels, exemplars = [] }) => [
        Object.values(labels[0].value)[0],
        exemplars.map(({ value }) => value),
      ]);
    expect(await shown('histogram_over_time(span.n)')).toEqual([
      [1, [2]],
      [128, [2]],
      [4, [2]],
    ]);
    expect(await shown('quantile_over_time(span.n, .1, 1)')).toEqual([
      [0.1, [1, 3]],
      [1, [100]],
    ]);
  });

  it('are never of a span whose value is zero or missing', async () => {
    const data = [
      trace(
        1,
        span(1, { attrs: n(0), startNs: BASE_NS + SECOND }),
        span(2, { startNs: BASE_NS + SECOND }),
        span(3, { attrs: n(4n), startNs: BASE_NS + SECOND }),
      ),
    ];
    expect((await range('{ } | min_over_time(span.n)', { jobs: [data], exemplars: 5 }))[0].exemplars).toMatchObject([{ value: 4 }]);
  });

  it.each([
    ['with(exemplars=false)', 0],
    ['with(exemplars=0)', 0],
    ['with(exemplars=2)', 2],
    ['with(exemplars=true)', 6],
    ['with(exemplars="x", unknown=1)', 6],
  ])('%s gives %d', async (hint, count) => {
    const [series] = await range(`{ } | rate() ${hint}`, { jobs: [all], exemplars: 6 });
    expect(series.exemplars ?? []).toHaveLength(count);
  });

  it('vanish with the samples a later stage takes away', async () => {
    const [series] = await range('{ } | rate() by (name) | topk(1)', { jobs: [[at(1, 5), at(2, 25, { name: 'b' })]], exemplars: 6 });
    expect(series.exemplars?.length).toBe(1);
  });
});

describe('compare()', () => {
  it('keeps the most frequent values of each side, counts what has no scalar as nil, and ends at its window', async () => {
    const data = spans(n('a'), n('a'), n('b'), n('c'), n(['x', 'y']), []);
    const window = (from: bigint, to: bigint): string => `, 2, ${BASE_NS + from * SECOND}, ${BASE_NS + to * SECOND}`;
    const attribute = async (text: string) => (await instant(text, data)).filter((line) => line.includes(' span.n='));
    expect(await attribute('{ } | compare({ true }, 2)')).toEqual([
      '__meta_type=selection span.n=a 2',
      '__meta_type=selection span.n=b 1',
      '__meta_type=selection_total span.n=nil 5',
    ]);
    expect(await attribute(`{ } | compare({ span.n != "b" }${window(1n, 4n)})`)).toEqual([
      '__meta_type=baseline span.n=a 1',
      '__meta_type=baseline span.n=b 1',
      '__meta_type=baseline_total span.n=nil 3',
      '__meta_type=selection span.n=a 1',
      '__meta_type=selection span.n=c 1',
      '__meta_type=selection_total span.n=nil 2',
    ]);
  });
});

describe('what is read', () => {
  it('is only what the query needs', async () => {
    const query = parseQuery('{ } | rate() with(exemplars=false)');
    const plan = planMetrics({ query, startNs: BASE_NS, endNs: BASE_NS + SECOND, stepNs: SECOND, exemplars: 100, maxSeries: 0 }, 'range');
    const { columns, loads } = recording(columnsOf(spans([])));
    await metricsBatches(plan, [columns], { maxSeries: 1 });
    expect(loads).toEqual([{ columns: ['start'], attrs: [] }]);
  });

  it('is nothing of a batch whose dictionaries cannot match', async () => {
    const { columns, loads } = recording(columnsOf(spans([])));
    const summarised = new Proxy(columns, {
      get: (target, key) =>
        key === 'summarise' ? () => Promise.resolve({ strings: [], numbers: undefined, isLoaded: false }) : (Reflect.get(target, key, target) as unknown),
    });
    const plan = planMetrics(
      { query: parseQuery('{ span.a = "x" } | rate()'), startNs: 0n, endNs: SECOND, stepNs: SECOND, exemplars: 0, maxSeries: 0 },
      'range',
    );
    await metricsBatches(plan, [summarised], { maxSeries: 1 });
    expect(loads).toEqual([]);
  });

  it('is nothing for a query that cannot match', async () => {
    const { columns, loads } = recording(columnsOf(spans([])));
    const plan = planMetrics({ query: parseQuery('{ false } | rate()'), startNs: 0n, endNs: SECOND, stepNs: SECOND, exemplars: 0, maxSeries: 0 }, 'range');
    await metricsBatches(plan, [columns], { maxSeries: 1 });
    expect(loads).toEqual([]);
  });
});
