import { createMemoryMetrics, SINGLE_TENANT, silentLogger } from '@vivace/base';
import type { HttpResponse } from '@vivace/base';
import type { MetricsRequest, QueryInstantResponse, QueryRangeResponse, QueryService } from '@vivace/query';
import { describe, expect, it } from 'vitest';
import { createQueryApi } from './query-api.ts';
import { QUERY_API_CONFIG } from './query-api-config.fixture.ts';
import type { QueryApiConfig } from './query-api-config.ts';

const NOW_SEC = 1_795_000_000;
const NOW_NS = BigInt(NOW_SEC) * 1_000_000_000n;
const SEC = 1_000_000_000n;
const HOUR = 3_600n * SEC;
const METRICS: QueryApiConfig['metrics'] = { maxDurationMs: 3 * 3_600_000, maxExemplars: 100, maxResponseSeries: 0, maxIntervals: 10_000 };
const RATE = `q=${encodeURIComponent('{} | rate()')}`;

interface Options {
  readonly metrics?: Partial<QueryApiConfig['metrics']>;
  readonly ofTenantMs?: number;
  readonly endCutoffMs?: number;
  readonly range?: QueryRangeResponse;
  readonly instant?: QueryInstantResponse;
}

function setup(options: Options = {}) {
  const asked: { range?: MetricsRequest; instant?: MetricsRequest } = {};
  const unasked = () => Promise.reject(new Error('not a metrics query'));
  const service: QueryService = {
    findTrace: unasked,
    search: unasked,
    tags: unasked,
    tagValues: unasked,
    queryRange: async (_tenant, request) => {
      asked.range = request;
      return options.range ?? { series: [], metrics: {} };
    },
    queryInstant: async (_tenant, request) => {
      asked.instant = request;
      return options.instant ?? { series: [], metrics: {} };
    },
  };
  const api = createQueryApi({
    service,
    codec: { traceToProto: () => new Uint8Array(), traceToJson: () => '[]' },
    config: { ...QUERY_API_CONFIG, endCutoffMs: options.endCutoffMs ?? 0, metrics: { ...METRICS, ...options.metrics } },
    maxSearchDurationMs: () => 0,
    maxMetricsDurationMs: () => options.ofTenantMs ?? 0,
    buildInfo: { version: '2.10.8', revision: '', branch: '', buildUser: '', buildDate: '', goVersion: '' },
    metrics: createMemoryMetrics(),
    logger: silentLogger,
    clock: { now: () => NOW_SEC * 1_000 },
  });
  const ask = (endpoint: 'query_range' | 'query', parameters: string, headers: Record<string, string> = {}): Promise<HttpResponse> => {
    const path = `/api/metrics/${endpoint}`;
    return api.find(path)!.handle({ path, query: new URLSearchParams(parameters), headers, tenant: SINGLE_TENANT, signal: new AbortController().signal });
  };
  return { ask, asked };
}

describe('the range of a metrics query', () => {
  it.each([
    ['', NOW_NS - HOUR, NOW_NS],
    ['start=0&end=0', NOW_NS - HOUR, NOW_NS],
    ['start=1794999940&end=1794999999', NOW_NS - 60n * SEC, NOW_NS - SEC],
    ['start=1794999940.25&end=1794999999.123456789', NOW_NS - 60n * SEC + SEC / 4n, NOW_NS - SEC + 123_456_789n],
    ['start=1794999940000000001&end=1794999999000000002', NOW_NS - 60n * SEC + 1n, NOW_NS - SEC + 2n],
    ['start=2026-11-18T11:05:40.000000001Z&end=2026-11-18T12:06:39%2B01:00', NOW_NS - 60n * SEC + 1n, NOW_NS - SEC],
    ['start=1794999940', NOW_NS - 60n * SEC, NOW_NS],
    ['end=1794999940', NOW_NS - 60n * SEC - HOUR, NOW_NS - 60n * SEC],
    ['end=1795000060', NOW_NS - HOUR, NOW_NS + 60n * SEC],
    ['since=5m', NOW_NS - 300n * SEC, NOW_NS],
    ['since=1.5h', NOW_NS - HOUR - HOUR / 2n, NOW_NS],
    ['since=5m&end=1794999940', NOW_NS - 360n * SEC, NOW_NS - 60n * SEC],
    ['since=5m&start=1794999940', NOW_NS - 60n * SEC, NOW_NS],
    ['end=60&since=1h', 0n, 60n * SEC],
  ])('is read from %j', async (parameters, startNs, endNs) => {
    const { ask, asked } = setup();
    for (const endpoint of ['query_range', 'query'] as const) expect(await ask(endpoint, `${RATE}&${parameters}`)).toMatchObject({ status: 200 });
    expect(asked.range).toMatchObject({ startNs, endNs });
    expect(asked.instant).toMatchObject({ startNs, endNs, stepNs: endNs - startNs });
  });

  it('may be one moment, where there are steps', async () => {
    const { ask, asked } = setup();
    expect(await ask('query_range', `${RATE}&start=10&end=10`)).toMatchObject({ status: 200 });
    expect(asked.range).toMatchObject({ startNs: 10n * SEC, endNs: 10n * SEC, stepNs: SEC });
  });

  it.each([
    ['query_range', 'start=20&end=10', 'end must be greater than start'],
    ['query', 'start=20&end=10', 'end must be greater than start'],
    ['query', 'start=10&end=10', 'end must be greater than start'],
    ['query', `start=${NOW_SEC + 5}`, 'end must be greater than start'],
    ['query_range', 'start=abc', 'invalid start: strconv.ParseInt: parsing "abc": invalid syntax'],
    ['query', 'end=NaN', 'invalid end: strconv.ParseInt: parsing "NaN": invalid syntax'],
    ['query', 'start=-5', 'invalid start: strconv.ParseInt: parsing "-5": invalid syntax'],
    ['query', 'start=2026-13-18T11:06:40Z', 'invalid start: strconv.ParseInt: parsing "2026-13-18T11:06:40Z": invalid syntax'],
    ['query', 'end=9223372036854775808', 'invalid end: strconv.ParseInt: parsing "9223372036854775808": value out of range'],
    ['query', 'start=2026-02-30T11:06:40Z', 'invalid start: strconv.ParseInt: parsing "2026-02-30T11:06:40Z": invalid syntax'],
    ['query', 'start=1795000000000', 'invalid start: 1795000000000 looks like unix milliseconds, want seconds, nanoseconds or RFC 3339'],
    ['query_range', 'end=1795000000000000', 'invalid end: 1795000000000000 looks like unix microseconds, want seconds, nanoseconds or RFC 3339'],
    ['query_range', 'since=soon', 'invalid since: not a valid duration string: "soon"'],
    ['query', 'since=-5m', 'invalid since: not a valid duration string: "-5m"'],
  ] as const)('of %s is refused when it is %s', async (endpoint, parameters, body) => {
    expect(await setup().ask(endpoint, `${RATE}&${parameters}`)).toMatchObject({ status: 400, contentType: 'text/plain; charset=utf-8', body });
  });

  it('ends where query_frontend.query_end_cutoff says', async () => {
    const { ask, asked } = setup({ endCutoffMs: 30_000 });
    const endNs = NOW_NS - 30n * SEC;
    for (const parameters of ['', `end=${NOW_SEC + 60}`]) {
      for (const endpoint of ['query_range', 'query'] as const) await ask(endpoint, `${RATE}&${parameters}`);
      expect(asked.range).toMatchObject({ startNs: NOW_NS - HOUR, endNs });
      expect(asked.instant).toMatchObject({ startNs: NOW_NS - HOUR, endNs });
    }
    await ask('query', `${RATE}&end=${NOW_SEC - 31}`);
    expect(asked.instant).toMatchObject({ endNs: NOW_NS - 31n * SEC });
    expect(await ask('query_range', `${RATE}&start=${NOW_SEC - 29}`)).toMatchObject({ status: 400, body: 'end must be greater than start' });
  });

  it('is limited, and the text names the key', async () => {
    const { ask } = setup();
    const body = 'metrics query time range exceeds the maximum allowed duration of 3h0m0s, set by query_frontend.metrics.max_duration';
    expect(await ask('query_range', `${RATE}&start=100&end=10900`)).toMatchObject({ status: 200 });
    expect(await ask('query_range', `${RATE}&start=100&end=10901`)).toMatchObject({ status: 400, body });
    expect(await ask('query', `${RATE}&start=100&end=10901`)).toMatchObject({ status: 400, body });
    expect(await setup({ metrics: { maxDurationMs: 0 } }).ask('query', `${RATE}&start=1`)).toMatchObject({ status: 200 });
  });

  it('is limited by tenant', async () => {
    const body = 'metrics query time range exceeds the maximum allowed duration of 24h0m0s, set by read.max_metrics_duration of the tenant';
    const { ask } = setup({ ofTenantMs: 24 * 3_600_000 });
    expect(await ask('query', `${RATE}&start=100&end=86500`)).toMatchObject({ status: 200 });
    expect(await ask('query', `${RATE}&start=100&end=86501`)).toMatchObject({ status: 400, body });
  });
});

describe('the step', () => {
  it.each([
    ['step=30s', 3_600, 30n * SEC],
    ['step=1m30s', 3_600, 90n * SEC],
    ['step=60', 3_600, 60n * SEC],
    ['step=0.5', 3_600, SEC / 2n],
    ['step=1e3', 3_600, 1_000n * SEC],
    ['step=360ms', 3_600, 360_000_000n],
    ['step=1ns', 0, 1n],
    ['step=9h', 60, 9n * HOUR],
    ['', 3_600, 15n * SEC],
    ['', 10_800, 45n * SEC],
    ['', 10_799, 40n * SEC],
    ['', 960, 4n * SEC],
    ['', 600, 2n * SEC],
    ['', 60, SEC],
  ])('%j over %i s', async (parameters, rangeSec, stepNs) => {
    const { ask, asked } = setup();
    expect(await ask('query_range', `${RATE}&start=1000&end=${1_000 + rangeSec}&${parameters}`)).toMatchObject({ status: 200 });
    expect(asked.range!.stepNs).toBe(stepNs);
  });

  it.each([
    ['step=1ns', 'step of 1ns is too small, minimum step for given range is 12ms'],
    ['step=11999us', 'step of 11.999ms is too small, minimum step for given range is 12ms'],
    ['step=0', 'step of 0s is too small, minimum step for given range is 12ms'],
    ['step=-1', 'step of -1s is too small, minimum step for given range is 12ms'],
    ['step=abc', 'invalid step: cannot parse "abc" to a valid duration'],
    ['step=NaN', 'invalid step: cannot parse "NaN" to a valid duration'],
    ['step=1e99', 'invalid step: cannot parse "1e99" to a valid duration'],
  ])('is refused as %s', async (parameters, body) => {
    expect(await setup().ask('query_range', `${RATE}&start=1000&end=1120&${parameters}`)).toMatchObject({ status: 400, body });
    expect(await setup().ask('query', `${RATE}&start=1000&end=1120&${parameters}`), 'an instant query does not read it').toMatchObject({ status: 200 });
  });

  it('is rounded up where the range does not divide', async () => {
    const { ask } = setup({ metrics: { maxIntervals: 7 } });
    expect(await ask('query_range', `${RATE}&start=0.000000001&end=0.000000011&step=1ns`)).toMatchObject({ body: expect.stringMatching(/is 2ns$/) as string });
    expect(await ask('query_range', `${RATE}&start=0.000000001&end=0.000000011&step=2ns`)).toMatchObject({ status: 200 });
  });
});

describe('amounts', () => {
  it.each([
    ['', 100, 0],
    ['exemplars=0', 100, 0],
    ['exemplars=7', 7, 0],
    ['exemplars=101', 100, 0],
    ['maxSeries=9', 100, 9],
  ])('%j', async (parameters, exemplars, maxSeries) => {
    const { ask, asked } = setup();
    await ask('query_range', `${RATE}&${parameters}`);
    expect(asked.range).toMatchObject({ exemplars, maxSeries });
  });

  it('are limited by the configuration', async () => {
    const { ask, asked } = setup({ metrics: { maxExemplars: 0, maxResponseSeries: 5 } });
    await ask('query_range', `${RATE}&exemplars=7&maxSeries=9`);
    expect(asked.range).toMatchObject({ exemplars: 0, maxSeries: 5 });
    await ask('query', `${RATE}&maxSeries=4`);
    expect(asked.instant).toMatchObject({ exemplars: 0, maxSeries: 4 });
  });

  it.each([
    ['exemplars=-1', 'invalid exemplars: must be a non-negative number'],
    ['exemplars=x', 'invalid exemplars: strconv.ParseInt: parsing "x": invalid syntax'],
    ['maxSeries=-1', 'invalid maxSeries: must be a non-negative number'],
    ['instant=maybe', 'invalid instant: strconv.ParseBool: parsing "maybe": invalid syntax'],
  ])('%s is refused', async (parameters, body) => {
    expect(await setup().ask('query_range', `${RATE}&${parameters}`)).toMatchObject({ status: 400, body });
  });
});

describe('the query', () => {
  it('may be called query', async () => {
    const { ask, asked } = setup();
    await ask('query_range', RATE.replace('q=', 'query='));
    await ask('query', RATE.replace('q=', 'q=&query='));
    expect([asked.range!.query.source, asked.instant!.query.source]).toEqual(['{} | rate()', '{} | rate()']);
  });

  it.each([
    ['', /^missing query: want the parameter q$/],
    ['{}', /^not a metrics query$/],
    ['{} | count() > 1', /^not a metrics query$/],
    ['{} | rate(', /^parse error at line 1, col 11: syntax error: unexpected /],
    ['{ name = 1 } | rate()', /^compiling query: /],
    [`{ name = "${'x'.repeat(1_000)}" } | rate()`, /max_query_expression_size_bytes/],
  ])('is refused: %s', async (text, body) => {
    for (const endpoint of ['query_range', 'query'] as const) {
      const answer = await setup().ask(endpoint, `q=${encodeURIComponent(text)}`);
      expect(answer).toMatchObject({ status: 400, contentType: 'text/plain; charset=utf-8', body: expect.stringMatching(body) as string });
    }
  });
});

describe('the answer', () => {
  const labels = [{ key: '__name__', value: { stringValue: 'rate' } }];

  it('is JSON whatever is accepted, numbers without a form as text', async () => {
    const samples = [{ timestampMs: '1000' }, { timestampMs: '2000', value: Number.NaN }, { timestampMs: '3000', value: Infinity }];
    const { ask } = setup({ range: { series: [{ labels, samples }], metrics: { completedJobs: 1 }, status: 'PARTIAL', message: 'cut' } });
    expect(await ask('query_range', RATE, { accept: 'application/protobuf' })).toMatchObject({
      contentType: 'application/json',
      body: '{"series":[{"labels":[{"key":"__name__","value":{"stringValue":"rate"}}],"samples":[{"timestampMs":"1000"},{"timestampMs":"2000","value":"NaN"},{"timestampMs":"3000","value":"Infinity"}]}],"metrics":{"completedJobs":1},"status":"PARTIAL","message":"cut"}',
    });
  });

  const instant = { series: [{ labels }, { labels, value: 4 }], metrics: {} };

  it('has one value a series', async () => {
    expect((await setup({ instant }).ask('query', RATE)).body).toBe(
      '{"series":[{"labels":[{"key":"__name__","value":{"stringValue":"rate"}}]},{"labels":[{"key":"__name__","value":{"stringValue":"rate"}}],"value":4}],"metrics":{}}',
    );
  });

  it('has one sample a series where a range is asked as an instant', async () => {
    const { ask, asked } = setup({ instant });
    expect((await ask('query_range', `${RATE}&start=10&end=20.5&step=1s&instant=true`)).body).toBe(
      '{"series":[{"labels":[{"key":"__name__","value":{"stringValue":"rate"}}],"samples":[{"timestampMs":"20500"}]},{"labels":[{"key":"__name__","value":{"stringValue":"rate"}}],"samples":[{"timestampMs":"20500","value":4}]}],"metrics":{}}',
    );
    expect(asked.range).toBeUndefined();
    await ask('query_range', `${RATE}&instant=false`);
    expect(asked.range).toBeDefined();
  });
});
