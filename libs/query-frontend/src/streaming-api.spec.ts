import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { DescMessage, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { AppError, createMemoryLogger, createMemoryMetrics, SINGLE_TENANT } from '@vivace/base';
import type { RpcStatus } from '@vivace/base';
import {
  QueryInstantRequestSchema,
  QueryInstantResponseSchema,
  QueryRangeRequestSchema,
  QueryRangeResponseSchema,
  SearchRequestSchema,
  SearchResponseSchema,
  SearchTagsRequestSchema,
  SearchTagsResponseSchema,
  SearchTagsV2ResponseSchema,
  SearchTagValuesRequestSchema,
  SearchTagValuesResponseSchema,
  SearchTagValuesV2ResponseSchema,
} from '@vivace/proto';
import type { MetricsRequest, ProgressOptions, QueryInstantResponse, QueryRangeResponse, QueryService, SearchRequest, SearchResponse } from '@vivace/query';
import { describe, expect, it } from 'vitest';
import { QUERY_API_CONFIG } from './query-api-config.fixture.ts';
import type { QueryApiConfig } from './query-api-config.ts';
import { createStreamingApi } from './streaming-api.ts';

const MIB = 1_048_576;

type Asked<R, T> = (request: R, options: ProgressOptions<T>) => Promise<T>;

interface Answers {
  search: Asked<SearchRequest, SearchResponse>;
  range: Asked<MetricsRequest, QueryRangeResponse>;
  instant: Asked<MetricsRequest, QueryInstantResponse>;
  tags: readonly string[];
}

function setup(answers: Partial<Answers> = {}, config: Partial<QueryApiConfig> = {}) {
  const missing = () => Promise.reject(new AppError('unimplemented', 'not asked'));
  const service: QueryService = {
    findTrace: missing,
    search: (_tenant, request, options) => (answers.search ?? missing)(request, options ?? {}),
    queryRange: (_tenant, request, options) => (answers.range ?? missing)(request, options ?? {}),
    queryInstant: (_tenant, request, options) => (answers.instant ?? missing)(request, options ?? {}),
    tags: async (_tenant, { scope }) => ({
      scopes: [
        { name: 'intrinsic', tags: ['duration'] },
        { name: scope ?? 'span', tags: answers.tags ?? ['b', 'a'] },
        { name: 'link', tags: [] },
      ],
      inspectedBytes: 5,
    }),
    tagValues: async () => ({
      values: [
        { type: 'string', value: 'x' },
        { type: 'int', value: '500' },
      ],
      inspectedBytes: 0,
    }),
  };
  const metrics = createMemoryMetrics();
  const logger = createMemoryLogger();
  const waiting: (() => void)[] = [];
  const api = createStreamingApi({
    service,
    config: { ...QUERY_API_CONFIG, ...config },
    maxSearchDurationMs: () => 0,
    maxMetricsDurationMs: () => 0,
    clock: { now: () => 1_795_000_000_000 },
    timers: {
      after(delayMs, run) {
        expect(delayMs).toBe(500);
        waiting.push(run);
        return () => waiting.splice(waiting.indexOf(run), 1);
      },
    },
    metrics,
    logger,
  });

  /** Calls a method; `messages` fills as they are sent, `taken` is what the client waits with. */
  function call(
    method: string,
    request: Uint8Array,
    { signal = new AbortController().signal, send }: { signal?: AbortSignal; send?: () => Promise<void> } = {},
  ) {
    const messages: Uint8Array[] = [];
    const { handle } = api.find(({ path }) => path === `/tempopb.StreamingQuerier/${method}`)!;
    const status = handle({
      request,
      tenant: SINGLE_TENANT,
      signal,
      header: (name) => (name === 'user-agent' ? 'Grafana/13' : undefined),
      async send(message) {
        messages.push(message);
        await send?.();
      },
    });
    return { messages, status };
  }

  async function ask<I extends DescMessage, O extends DescMessage>(method: string, input: I, request: MessageInitShape<I>, output: O) {
    const { messages, status } = call(method, toBinary(input, create(input, request)));
    const end: RpcStatus = await status;
    return { status: end, messages: messages.map((bytes): MessageShape<O> => fromBinary(output, bytes)), sizes: messages.map(({ length }) => length) };
  }

  /** Lets the waiting timers run out, and what follows happen. */
  async function tick(): Promise<void> {
    for (const run of waiting.splice(0)) run();
    await new Promise(setImmediate);
  }
  return { api, call, ask, tick, waiting, metrics, logger };
}

const trace = (nr: number, name = 'GET') => ({
  traceID: nr.toString(16).padStart(32, '0'),
  rootTraceName: name,
  startTimeUnixNano: String(1_000_000n + BigInt(nr)),
  spanSets: [{ spans: [{ spanID: '0000000000000001', startTimeUnixNano: '1' }], matched: 1 }],
});
const numbers = (messages: readonly { traces: readonly { traceID: string }[] }[]) =>
  messages.map(({ traces }) => traces.map(({ traceID }) => Number(`0x${traceID}`)));

/** An answer that is told step by step: what is told is offered, and the promise waits for `end`. */
function told<T>() {
  const end = Promise.withResolvers<T>();
  let offer: ((answer: () => T) => void) | undefined;
  let signal: AbortSignal | undefined;
  return {
    answer(_request: unknown, options: ProgressOptions<T>) {
      offer = options.onProgress;
      signal = options.signal;
      signal?.addEventListener('abort', () => end.reject(signal?.reason as Error));
      return end.promise;
    },
    tell: (state: T) => offer!(() => state),
    end: end.resolve,
    signal: () => signal,
  };
}

describe('Search', () => {
  it('asks as the message says', async () => {
    let asked: SearchRequest | undefined;
    const { ask } = setup({
      async search(request) {
        asked = request;
        return { traces: [], metrics: {} };
      },
    });
    const request = { Query: '{ name = "x" }', Limit: 7, SpansPerSpanSet: 5, start: 1_000, end: 2_000 };
    await ask('Search', SearchRequestSchema, request, SearchResponseSchema);
    expect(asked).toMatchObject({ limit: 7, spansPerSpanSet: 5, range: { startSec: 1_000, endSec: 2_000 }, legacy: false });
    await ask('Search', SearchRequestSchema, { Tags: { 'service.name': 'a' }, MinDurationMs: 3 }, SearchResponseSchema);
    expect(asked).toMatchObject({ limit: 20, spansPerSpanSet: 3, range: undefined, legacy: true });
  });

  it('answers nothing with one message that has metrics', async () => {
    const { ask } = setup({ search: async () => ({ traces: [], metrics: { completedJobs: 3, totalJobs: 3 } }) });
    const { messages, status } = await ask('Search', SearchRequestSchema, { Query: '{ }' }, SearchResponseSchema);
    expect(status.code).toBe(0);
    expect(messages).toMatchObject([{ traces: [], metrics: { completedJobs: 3, totalJobs: 3 } }]);
    const empty = setup({ search: async () => ({ traces: [], metrics: {} }) });
    expect((await empty.ask('Search', SearchRequestSchema, { Query: '{ }' }, SearchResponseSchema)).messages[0].metrics).toBeDefined();
  });

  it('sends every trace once, when it is certain, with the metrics so far', async () => {
    const search = told<SearchResponse>();
    const { call, tick, waiting } = setup({ search: search.answer });
    const { messages, status } = call('Search', toBinary(SearchRequestSchema, create(SearchRequestSchema, { Query: '{ }' })));
    search.tell({ traces: [], metrics: { completedJobs: 1, totalJobs: 4 } });
    search.tell({ traces: [trace(9)], metrics: { completedJobs: 2, totalJobs: 4 } });
    expect(messages).toEqual([]);
    await tick();
    expect(waiting).toEqual([]);
    search.tell({ traces: [trace(9), trace(8)], metrics: { completedJobs: 3, totalJobs: 4 } });
    await tick();
    search.end({ traces: [trace(9), trace(8, 'changed'), trace(7)], metrics: { completedJobs: 4, totalJobs: 4 } });
    expect((await status).code).toBe(0);
    const decoded = messages.map((bytes) => fromBinary(SearchResponseSchema, bytes));
    expect(numbers(decoded)).toEqual([[9], [8], [8, 7]]);
    expect(decoded.map(({ metrics }) => metrics?.completedJobs)).toEqual([2, 3, 4]);
  });

  it('keeps the type a column was told with', async () => {
    const search = told<SearchResponse>();
    const { call, tick } = setup({ search: search.answer });
    const { messages, status } = call('Search', toBinary(SearchRequestSchema, create(SearchRequestSchema, { Query: '{ }' })));
    const withValue = (nr: number, value: { intValue: string } | { stringValue: string }) => {
      const set = { spans: [{ spanID: '1', startTimeUnixNano: '1', attributes: [{ key: 'a', value }] }], matched: 1 };
      return { ...trace(nr), spanSet: set, spanSets: [set] };
    };
    const [first, second] = [withValue(2, { intValue: '1' }), withValue(1, { stringValue: 'x' })];
    search.tell({ traces: [first], metrics: {} });
    await tick();
    search.end({ traces: [first, second], metrics: {} });
    await status;
    const attributes = messages.flatMap((bytes) => fromBinary(SearchResponseSchema, bytes).traces.map((t) => t.spanSets[0].spans[0].attributes.length));
    // Text after a number would break the table of Grafana.
    expect(attributes).toEqual([1, 0]);
  });

  it('cuts messages below 1 MiB, each with the metrics', async () => {
    const traces = Array.from({ length: 5_000 }, (_, nr) => trace(nr, 'n'.repeat(1_000)));
    const { ask } = setup({ search: async () => ({ traces, metrics: { totalJobs: 1 } }) });
    const { messages, sizes } = await ask('Search', SearchRequestSchema, { Query: '{ }', Limit: 5_000 }, SearchResponseSchema);
    expect(sizes.length).toBeGreaterThan(4);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(MIB);
    expect(messages.every(({ metrics }) => metrics?.totalJobs === 1)).toBe(true);
    expect(numbers(messages).flat()).toEqual(traces.map((_, nr) => nr));
  });

  it('waits for a client that does not read, and skips what came meanwhile', async () => {
    const search = told<SearchResponse>();
    const { call, tick, waiting } = setup({ search: search.answer });
    const taken: PromiseWithResolvers<void>[] = [];
    const send = () => {
      taken.push(Promise.withResolvers());
      return taken.at(-1)!.promise;
    };
    const { messages, status } = call('Search', toBinary(SearchRequestSchema, create(SearchRequestSchema, { Query: '{ }' })), { send });
    search.tell({ traces: [trace(3)], metrics: {} });
    await tick();
    search.tell({ traces: [trace(3), trace(2)], metrics: {} });
    search.tell({ traces: [trace(3), trace(2), trace(1)], metrics: {} });
    expect(waiting).toEqual([]);
    taken[0].resolve();
    await tick();
    await tick();
    search.end({ traces: [trace(3), trace(2), trace(1)], metrics: {} });
    taken[1].resolve();
    await tick();
    taken[2].resolve();
    await status;
    expect(numbers(messages.map((bytes) => fromBinary(SearchResponseSchema, bytes)))).toEqual([[3], [2, 1], []]);
  });

  it('ends the query when the client cancels, even one that does not read', async () => {
    const search = told<SearchResponse>();
    const { call, tick, metrics } = setup({ search: search.answer });
    const client = new AbortController();
    const { status } = call('Search', toBinary(SearchRequestSchema, create(SearchRequestSchema, { Query: '{ }' })), {
      signal: client.signal,
      send: () => new Promise(() => undefined),
    });
    search.tell({ traces: [trace(3)], metrics: {} });
    await tick();
    client.abort(new AppError('canceled', 'the client cancelled the call'));
    expect(await status).toEqual({ code: 1, details: 'the client cancelled the call' });
    expect(search.signal()?.aborted).toBe(true);
    expect(metrics.value('tempo_query_frontend_queries_total', { tenant: SINGLE_TENANT, op: 'search', result: 'canceled' })).toBe(1);
  });

  it.each([
    [
      'Search',
      SearchRequestSchema,
      { Query: '{ span.a = "x y" }', start: 2, end: 9, Limit: 5 },
      '/api/search?end=9&limit=5&q=%7B+span.a+%3D+%22x+y%22+%7D&start=2',
    ],
    ['Search', SearchRequestSchema, { Tags: { a: 'b' }, MinDurationMs: 5 }, '/api/search?minDuration=5ms&tags=a%3Db'],
    ['SearchTags', SearchTagsRequestSchema, { scope: 'span' }, '/api/search/tags?scope=span'],
    ['SearchTagsV2', SearchTagsRequestSchema, { start: 1, end: 5 }, '/api/v2/search/tags?end=5&start=1'],
    ['SearchTagValues', SearchTagValuesRequestSchema, { tagName: 'foo.b' }, '/api/search/tag/foo.b/values'],
    ['SearchTagValuesV2', SearchTagValuesRequestSchema, { tagName: '.foo', query: '{}' }, '/api/v2/search/tag/.foo/values?q=%7B%7D'],
    ['MetricsQueryRange', QueryRangeRequestSchema, { query: '{}', start: 1n, end: 2n }, '/api/metrics/query_range?end=2&q=%7B%7D&start=1'],
    ['MetricsQueryInstant', QueryInstantRequestSchema, { query: '{}' }, '/api/metrics/query?q=%7B%7D'],
  ] as const)('%s is denied by the URL that asks the same: %#', async (method, input: DescMessage, request, url) => {
    const { ask } = setup({}, { deniedUrls: ['.'] });
    const { status } = await ask(method, input, request, SearchTagsResponseSchema);
    expect(status).toEqual({ code: 3, details: expect.stringContaining(`Invalid request ${url}. This query`) });
  });

  it('counts and logs like HTTP', async () => {
    const { ask, metrics, logger } = setup({ search: async () => ({ traces: [], metrics: { inspectedBytes: '42' } }) }, { loggedHeaders: ['user-agent'] });
    await ask('Search', SearchRequestSchema, { Query: '{ }' }, SearchResponseSchema);
    expect(metrics.value('tempo_query_frontend_bytes_inspected_total', { tenant: SINGLE_TENANT, op: 'search' })).toBe(42);
    expect(metrics.value('tempo_query_frontend_queries_total', { tenant: SINGLE_TENANT, op: 'search', result: 'completed' })).toBe(1);
    expect(metrics.value('tempo_query_frontend_queries_within_slo_total', { tenant: SINGLE_TENANT, op: 'search', result: 'completed' })).toBe(1);
    const fields = { path: '/tempopb.StreamingQuerier/Search', query: '{"Query":"{ }"}', header_user_agent: 'Grafana/13', code: 0 };
    expect(logger.entries.at(-1)).toMatchObject({ msg: 'query', fields });
  });

  it.each([
    [{ Query: '{ nam' }, 3, /^invalid TraceQL query: parse error at line 1/],
    [{ Query: '{ }', Limit: 262_145 }, 3, /^limit 262145 exceeds max limit 262144$/],
    [{ Query: '{ }', SpansPerSpanSet: 101 }, 3, /^spans per span set exceeds 100. received 101$/],
    [{ Query: '{ }', start: 2, end: 1 }, 3, /start must be before end/],
    [{ Query: '{ }', start: 1, end: 1_000_000 }, 3, /^range specified by start and end exceeds 168h0m0s/],
    [{ Query: '{ }', Tags: { a: 'b' } }, 3, /can't specify tags and q/],
  ])('refuses %j', async (request, code, details) => {
    const { ask } = setup();
    const { status, messages } = await ask('Search', SearchRequestSchema, request, SearchResponseSchema);
    expect(status).toEqual({ code, details: expect.stringMatching(details) });
    expect(messages).toEqual([]);
  });

  it('refuses bytes that are no message, and keeps inner errors to the log', async () => {
    const { call, logger } = setup({ search: () => Promise.reject(new Error('secret')) });
    expect(await call('Search', Uint8Array.of(0xff)).status).toEqual({ code: 3, details: expect.stringContaining('request is not a tempopb.SearchRequest') });
    const status = await call('Search', toBinary(SearchRequestSchema, create(SearchRequestSchema, { Query: '{ }' }))).status;
    expect(status).toEqual({ code: 13, details: expect.not.stringContaining('secret') });
    expect(logger.entries.map(({ level, fields }) => [level, (fields.err as Error).message])).toEqual([
      ['info', expect.stringContaining('request is not a tempopb.SearchRequest')],
      ['error', 'secret'],
      ['warn', 'secret'],
    ]);
  });
});

const RANGE = { start: 1_794_999_000_000_000_000n, end: 1_795_000_000_000_000_000n, step: 10_000_000_000n };
const label = (value: string) => [{ key: 'name', value: { stringValue: value } }];
const series = (name: string, ...values: readonly (number | undefined)[]) => ({
  labels: label(name),
  samples: values.map((value, i) => ({ timestampMs: String(i + 1), ...(value === undefined ? {} : { value }) })),
});

describe('MetricsQueryRange', () => {
  const rangeRequest = (query: string) => toBinary(QueryRangeRequestSchema, create(QueryRangeRequestSchema, { ...RANGE, query }));

  it('asks in nanoseconds and leaves out zeros until the end', async () => {
    const range = told<QueryRangeResponse>();
    let asked: MetricsRequest | undefined;
    const { call, tick } = setup({
      range(request, options) {
        asked = request;
        return range.answer(request, options);
      },
    });
    const { messages, status } = call('MetricsQueryRange', rangeRequest('{ } | rate() by (name)'));
    range.tell({ series: [series('a', undefined, 2), series('b', undefined, undefined)], metrics: { completedJobs: 1 } });
    await tick();
    range.end({ series: [series('a', 1, 2), series('b', undefined, NaN)], metrics: { completedJobs: 2 } });
    expect((await status).code).toBe(0);
    expect(asked).toMatchObject({ startNs: RANGE.start, endNs: RANGE.end, stepNs: RANGE.step });
    const decoded = messages.map((bytes) => fromBinary(QueryRangeResponseSchema, bytes));
    const values = decoded.map((message) => message.series.map(({ samples }) => samples.map(({ timestampMs, value }) => [Number(timestampMs), value])));
    expect(values).toEqual([
      [[[2, 2]]],
      [
        [
          [1, 1],
          [2, 2],
        ],
        [
          [1, 0],
          [2, NaN],
        ],
      ],
    ]);
    expect(decoded.map(({ metrics }) => metrics?.completedJobs)).toEqual([1, 2]);
  });

  it.each(['{ } | rate() by (name) | topk(1)', '{ } | compare({ status = error })', '{ } | rate() by (name) > 2'])(
    'tells no series of %s that later ones may push out',
    async (query) => {
      const range = told<QueryRangeResponse>();
      const { call, tick } = setup({ range: range.answer });
      const { messages, status } = call('MetricsQueryRange', rangeRequest(query));
      range.tell({ series: [series('a', 1)], metrics: { completedJobs: 1 } });
      await tick();
      range.end({ series: [series('b', 2)], metrics: {}, status: 'PARTIAL', message: 'why' });
      expect(await status).toEqual({ code: 0, details: '' });
      const decoded = messages.map((bytes) => fromBinary(QueryRangeResponseSchema, bytes));
      expect(decoded.map((message) => message.series.length)).toEqual([0, 1]);
      expect(decoded[1]).toMatchObject({ status: 1, message: 'why' });
    },
  );

  it('cuts messages below 1 MiB', async () => {
    const many = Array.from({ length: 400 }, (_, nr) => series(`s${nr}`, ...Array.from({ length: 500 }, () => nr)));
    const { ask } = setup({ range: async () => ({ series: many, metrics: { totalJobs: 1 } }) });
    const request = { ...RANGE, query: '{ } | rate() by (name)' };
    const { messages, sizes } = await ask('MetricsQueryRange', QueryRangeRequestSchema, request, QueryRangeResponseSchema);
    expect(sizes.length).toBeGreaterThan(1);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(MIB);
    expect(messages.flatMap((message) => message.series)).toHaveLength(400);
    expect(messages.every(({ metrics }) => metrics?.totalJobs === 1)).toBe(true);
  });

  it('answers `instant` with one sample a series', async () => {
    const { ask } = setup({ instant: async () => ({ series: [{ labels: label('a'), value: 4 }], metrics: {} }) });
    const request = { ...RANGE, query: '{ } | rate()', instant: true };
    const { messages } = await ask('MetricsQueryRange', QueryRangeRequestSchema, request, QueryRangeResponseSchema);
    expect(messages[0].series[0].samples).toMatchObject([{ timestampMs: 1_795_000_000_000n, value: 4 }]);
  });

  it.each([
    ['{ } | rate(', 2, /^parse error at line 1/],
    ['{ }', 3, /^not a metrics query$/],
  ])('refuses %s', async (query, code, details) => {
    const { ask } = setup();
    const { status } = await ask('MetricsQueryRange', QueryRangeRequestSchema, { ...RANGE, query }, QueryRangeResponseSchema);
    expect(status).toEqual({ code, details: expect.stringMatching(details) });
  });

  it('keeps the text Grafana recognises', async () => {
    const { ask } = setup();
    const request = { query: '{ } | rate()', start: 1n, end: 20_000_000_000_000n };
    const { status } = await ask('MetricsQueryRange', QueryRangeRequestSchema, request, QueryRangeResponseSchema);
    expect(status).toEqual({ code: 3, details: expect.stringContaining('metrics query time range exceeds the maximum allowed duration of') });
  });
});

describe('MetricsQueryInstant', () => {
  it('ends with one message that has every series, however large', async () => {
    const instant = told<QueryInstantResponse>();
    const { call, tick } = setup({ instant: instant.answer });
    const request = { query: '{ } | count_over_time() by (name)', start: RANGE.start, end: RANGE.end };
    const { messages, status } = call('MetricsQueryInstant', toBinary(QueryInstantRequestSchema, create(QueryInstantRequestSchema, request)));
    instant.tell({ series: [{ labels: label('a'), value: 1 }], metrics: { completedJobs: 1 } });
    await tick();
    const all = Array.from({ length: 2_000 }, (_, nr) => ({ labels: label(`${'x'.repeat(1_000)}${nr}`), value: nr }));
    instant.end({ series: all, metrics: { completedJobs: 2 } });
    await status;
    const decoded = messages.map((bytes) => fromBinary(QueryInstantResponseSchema, bytes));
    expect(decoded.map((message) => [message.series.length, message.metrics?.completedJobs])).toEqual([
      [1, 1],
      [2_000, 2],
    ]);
    expect(messages[1].length).toBeGreaterThan(MIB);
  });
});

describe('tags', () => {
  it('SearchTags', async () => {
    const { messages } = await setup().ask('SearchTags', SearchTagsRequestSchema, {}, SearchTagsResponseSchema);
    expect(messages).toMatchObject([{ tagNames: ['a', 'b'], metrics: { inspectedBytes: 5n } }]);
  });
  it('SearchTagsV2', async () => {
    const { messages } = await setup().ask('SearchTagsV2', SearchTagsRequestSchema, { scope: 'resource' }, SearchTagsV2ResponseSchema);
    expect(messages).toMatchObject([
      {
        scopes: [
          { name: 'intrinsic', tags: ['duration'] },
          { name: 'resource', tags: ['b', 'a'] },
        ],
      },
    ]);
  });
  it('SearchTagsV2 below 1 MiB', async () => {
    const tags = Array.from({ length: 30_000 }, (_, nr) => `${'t'.repeat(50)}${nr}`);
    const { messages, sizes } = await setup({ tags }).ask('SearchTagsV2', SearchTagsRequestSchema, {}, SearchTagsV2ResponseSchema);
    expect(sizes.length).toBeGreaterThan(1);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(MIB);
    expect(messages.flatMap(({ scopes }) => scopes.flatMap((scope) => (scope.name === 'span' ? scope.tags : [])))).toEqual(tags);
  });
  it('SearchTagValues', async () => {
    const { messages } = await setup().ask('SearchTagValues', SearchTagValuesRequestSchema, { tagName: 'foo' }, SearchTagValuesResponseSchema);
    expect(messages).toMatchObject([{ tagValues: ['500', 'x'] }]);
  });
  it('SearchTagValuesV2', async () => {
    const { messages } = await setup().ask('SearchTagValuesV2', SearchTagValuesRequestSchema, { tagName: 'span.foo' }, SearchTagValuesV2ResponseSchema);
    expect(messages).toMatchObject([
      {
        tagValues: [
          { type: 'string', value: 'x' },
          { type: 'int', value: '500' },
        ],
      },
    ]);
  });
  it('refuses a tag without a scope', async () => {
    const { status } = await setup().ask('SearchTagValuesV2', SearchTagValuesRequestSchema, { tagName: 'foo' }, SearchTagValuesV2ResponseSchema);
    expect(status).toEqual({ code: 3, details: expect.stringContaining('please provide a valid tagName') });
  });
});
