import fs from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { fromBinary } from '@bufbuild/protobuf';
import { AppError, createMemoryLogger, createMemoryMetrics, hex, SINGLE_TENANT } from '@vivace/base';
import type { HttpResponse } from '@vivace/base';
import { SearchTagsV2ResponseSchema, TraceByIDResponseSchema } from '@vivace/proto';
import { legacyQuery } from '@vivace/query';
import type { QueryService, SearchRequest, TagsRequest, TagValuesRequest, TimeRange, TraceByIdResponse } from '@vivace/query';
import { SpanTable } from '@vivace/trace';
import { parseQuery, printQuery } from '@vivace/traceql';
import { describe, expect, it } from 'vitest';
import { createQueryApi } from './query-api.ts';
import { QUERY_API_CONFIG } from './query-api-config.fixture.ts';
import type { QueryApiConfig } from './query-api-config.ts';

const NOW_SEC = 1_795_000_000;
const JSON_TYPE = 'application/json';
const PROTO_TYPE = 'application/protobuf';
const TEXT = 'text/plain; charset=utf-8';
const FOUND = 'abc';

interface Asked {
  trace?: { id: string; range: TimeRange | undefined };
  search?: SearchRequest;
  tags?: TagsRequest;
  values?: TagValuesRequest;
}

function setup(
  options: { config?: Partial<QueryApiConfig>; maxSearchDurationMs?: number; trace?: Partial<TraceByIdResponse>; fail?: Error; tookMs?: number } = {},
) {
  const asked: Asked = {};
  const guard = async <T>(answer: T): Promise<T> => {
    if (options.fail !== undefined) throw options.fail;
    return answer;
  };
  let tookMs = 0;
  const service: QueryService = {
    findTrace: (_tenant, id, range) => {
      asked.trace = { id: hex(id), range };
      const found = hex(id).endsWith(FOUND);
      return guard({ trace: found ? new SpanTable() : undefined, inspectedBytes: 7, ...options.trace });
    },
    search: (_tenant, request) => {
      asked.search = request;
      tookMs += options.tookMs ?? 0;
      return guard({ traces: [], metrics: { inspectedBytes: '42', totalJobs: 1 } });
    },
    queryRange: () => guard({ series: [], metrics: {} }),
    queryInstant: () => guard({ series: [], metrics: {} }),
    tags: (_tenant, request) => {
      asked.tags = request;
      const scopes = [
        { name: 'intrinsic', tags: ['duration'] },
        { name: 'span', tags: ['b', 'a'] },
        { name: 'event', tags: ['a'] },
        { name: 'link', tags: [] },
      ] as const;
      return guard({ scopes, inspectedBytes: 5 });
    },
    tagValues: (_tenant, request) => {
      asked.values = request;
      const values = [
        { type: 'string', value: '' },
        { type: 'int', value: '500' },
      ] as const;
      return guard({ values, inspectedBytes: 0 });
    },
  };
  const metrics = createMemoryMetrics();
  const logger = createMemoryLogger();
  const api = createQueryApi({
    service,
    codec: { traceToProto: () => Uint8Array.of(0x0a, 0x00), traceToJson: () => '[{}]' },
    config: { ...QUERY_API_CONFIG, ...options.config },
    maxSearchDurationMs: () => options.maxSearchDurationMs ?? 0,
    maxMetricsDurationMs: () => 0,
    buildInfo: { version: '2.10.8', revision: 'r', branch: 'b', buildUser: '', buildDate: '', goVersion: '' },
    metrics,
    logger,
    clock: { now: () => NOW_SEC * 1_000 + tookMs },
  });
  const ask = async (url: string, headers: Record<string, string> = {}, signal = new AbortController().signal): Promise<HttpResponse | undefined> => {
    const [path = '', query = ''] = url.split(/\?(.*)/s);
    return api.find(path)?.handle({ path, query: new URLSearchParams(query), headers, tenant: SINGLE_TENANT, signal });
  };
  return { api, ask, asked, metrics, logger };
}

describe('answers', () => {
  it.each([
    ['/api/echo', '', 200, TEXT, 'echo'],
    ['/api/status/buildinfo', '', 200, JSON_TYPE, '{"version":"2.10.8","revision":"r","branch":"b","buildUser":"","buildDate":"","goVersion":""}'],
    [`/api/traces/${FOUND}`, '', 200, JSON_TYPE, '{"batches":[{}]}'],
    [`/api/traces/${FOUND}`, PROTO_TYPE, 200, PROTO_TYPE, '0a00'],
    ['/api/traces/1', '', 404, TEXT, ''],
    ['/api/traces/1', PROTO_TYPE, 404, TEXT, ''],
    [`/api/v2/traces/${FOUND}`, '', 200, JSON_TYPE, '{"trace":{"resourceSpans":[{}]},"metrics":{"inspectedBytes":"7"}}'],
    [`/api/v2/traces/${FOUND}`, PROTO_TYPE, 200, PROTO_TYPE, '0a020a0012020807'],
    [`/api/v2/traces/${FOUND}`, 'application/vnd.grafana.llm', 200, JSON_TYPE, '{"trace":{"resourceSpans":[{}]},"metrics":{"inspectedBytes":"7"}}'],
    ['/api/v2/traces/1', '', 200, JSON_TYPE, '{"trace":{},"metrics":{}}'],
    ['/api/v2/traces/1', PROTO_TYPE, 200, PROTO_TYPE, '0a001200'],
    ['/api/search?q=%7B%7D', '', 200, JSON_TYPE, '{"traces":[],"metrics":{"inspectedBytes":"42","totalJobs":1}}'],
    ['/api/search?q=%7B%7D', PROTO_TYPE, 200, PROTO_TYPE, '1204102a2801'],
    ['/api/search/tags', '', 200, JSON_TYPE, '{"tagNames":["a","b"],"metrics":{"inspectedBytes":"5"}}'],
    ['/api/search/tags?limit=1', '', 200, JSON_TYPE, '{"tagNames":["a"],"metrics":{"inspectedBytes":"5"}}'],
    ['/api/search/tags?scope=intrinsic', '', 200, JSON_TYPE, '{"tagNames":["a","b","duration"],"metrics":{"inspectedBytes":"5"}}'],
    [
      '/api/v2/search/tags',
      '',
      200,
      JSON_TYPE,
      '{"scopes":[{"name":"intrinsic","tags":["duration"]},{"name":"span","tags":["b","a"]},{"name":"event","tags":["a"]}],"metrics":{"inspectedBytes":"5"}}',
    ],
    ['/api/search/tag/a/values', '', 200, JSON_TYPE, '{"tagValues":["","500"],"metrics":{}}'],
    ['/api/v2/search/tag/.a/values', '', 200, JSON_TYPE, '{"tagValues":[{"type":"string"},{"type":"int","value":"500"}],"metrics":{}}'],
    ['/api/v2/search/tag/.a/values', PROTO_TYPE, 200, PROTO_TYPE, '0a080a06737472696e670a0a0a03696e7412033530301200'],
  ])('%s (%s) is %i %s', async (url, accept, status, contentType, body) => {
    const answer = (await setup().ask(url, { accept }))!;
    expect([answer.status, answer.contentType]).toEqual([status, contentType]);
    expect(typeof answer.body === 'string' ? answer.body : hex(answer.body)).toBe(body);
    expect(answer.headers).toMatchObject({ vary: 'Accept-Encoding' });
  });

  it.each(['/api', '/api/', '/api/traces/', '/api/traces/a/b', '/api/search/', '/api/v2/search', '/api/v3/traces/1', '/api/overrides', '/api/metrics/summary'])(
    'nothing lives at %s',
    async (path) => {
      expect(setup().api.find(path)).toBeUndefined();
    },
  );

  it('is documented, route by route', () => {
    const documentation = fs.readFileSync(new URL('../../../docs/compat/api.md', import.meta.url), 'utf8');
    for (const path of setup().api.paths) expect(documentation).toContain(`\`${path}\``);
  });

  it.each([
    [`/api/v2/traces/${FOUND}`, 'api_v2_traces_traceid'],
    ['/api/search/tag/a/b/values', 'api_search_tag_tagname_values'],
    ['/api/status/buildinfo', 'api_status_buildinfo'],
  ])('labels %s', (path, label) => {
    expect(setup().api.find(path)!.label).toBe(label);
  });

  it('asks no tenant for what does not depend on one', () => {
    const { api } = setup();
    expect(['/api/echo', '/api/status/buildinfo', '/api/search'].map((path) => api.find(path)!.needsTenant)).toEqual([false, false, true]);
  });

  it('says that a trace is partial', async () => {
    const { ask } = setup({ trace: { partialMessage: 'too "large"' } });
    expect((await ask(`/api/v2/traces/${FOUND}`))!.body).toBe(
      '{"trace":{"resourceSpans":[{}]},"metrics":{"inspectedBytes":"7"},"status":"PARTIAL","message":"too \\"large\\""}',
    );
    const { body } = (await ask(`/api/v2/traces/${FOUND}`, { accept: PROTO_TYPE }))!;
    expect(fromBinary(TraceByIDResponseSchema, body as Uint8Array)).toMatchObject({ status: 1, message: 'too "large"' });
    expect(await ask(`/api/traces/${FOUND}`)).toMatchObject({ status: 422, body: 'too "large" by /api/v2/traces' });
  });

  it('gzips when asked', async () => {
    const { ask } = setup({ trace: { partialMessage: 'x'.repeat(5_000) } });
    const answer = (await ask(`/api/v2/traces/${FOUND}`, { 'accept-encoding': 'gzip, deflate' }))!;
    expect(answer.headers).toEqual({ vary: 'Accept-Encoding', 'content-encoding': 'gzip' });
    expect(gunzipSync(answer.body).toString()).toContain('"status":"PARTIAL"');
  });

  it('answers in the form Grafana decodes', async () => {
    const { body } = (await setup().ask('/api/v2/search/tags', { accept: PROTO_TYPE }))!;
    expect(fromBinary(SearchTagsV2ResponseSchema, body as Uint8Array).scopes.map(({ name }) => name)).toEqual(['intrinsic', 'span', 'event']);
  });
});

describe('refusals', () => {
  it.each([
    ['/api/traces/zz', "trace IDs can only contain hex characters: invalid character 'z' at position 1"],
    ['/api/v2/traces/12g4', "trace IDs can only contain hex characters: invalid character 'g' at position 3"],
    [`/api/v2/traces/${'a'.repeat(33)}`, "trace IDs can't be larger than 128 bits: 33 hex characters, want 1 to 32"],
    ['/api/v2/traces/1?start=abc', 'invalid start: strconv.ParseInt: parsing "abc": invalid syntax'],
    ['/api/search?q={}&start=2&end=1', 'http parameter start must be before end. received start=2 end=1'],
    ['/api/search?q={}&start=5&end=5', 'http parameter start must be before end. received start=5 end=5'],
    ['/api/search?q={}&since=soon', 'invalid since: not a valid duration string: "soon"'],
    ['/api/search?q={}&start=5', 'http parameters start and end must be given together. received start=5 end=0'],
    ['/api/search?start=1.5&end=3', 'invalid start: strconv.ParseInt: parsing "1.5": invalid syntax'],
    ['/api/search?start=1&end=99999999999', 'invalid end: strconv.ParseInt: parsing "99999999999": value out of range'],
    ['/api/search?start=1&end=99999999999999999999', 'invalid end: strconv.ParseInt: parsing "99999999999999999999": value out of range'],
    ['/api/search?start=-1&end=3', 'invalid start: strconv.ParseInt: parsing "-1": value out of range'],
    [
      '/api/search?start=1&end=604802',
      'range specified by start and end exceeds 168h0m0s. received start=1 end=604802, limit set by query_frontend.search.max_duration',
    ],
    ['/api/search?limit=0', 'invalid limit: must be a positive number'],
    ['/api/search?limit=-3', 'invalid limit: must be a positive number'],
    ['/api/search?limit=x', 'invalid limit: strconv.ParseInt: parsing "x": invalid syntax'],
    ['/api/search?limit=262145', 'limit 262145 exceeds max limit 262144'],
    ['/api/search?spss=101', 'spans per span set exceeds 100. received 101'],
    ['/api/search?spss=-1', 'invalid spss: must be a non-negative number'],
    ['/api/search?q={}&tags=a%3Db', "invalid request: can't specify tags and q in the same query"],
    ['/api/search?tags=%3Db', 'invalid tags: logfmt syntax error at pos 1 : unexpected "="'],
    ['/api/search?minDuration=abc', 'invalid minDuration: time: invalid duration "abc"'],
    ['/api/search?minDuration=2s&maxDuration=1s', 'invalid maxDuration: must be greater than minDuration'],
    ['/api/v2/search/tags?scope=bogus', 'invalid scope: bogus'],
    ['/api/search/tags?limit=-1', 'invalid limit: must be a non-negative number'],
    ['/api/v2/search/tags?start=NaN', 'error parsing date range: could not parse \'start\' parameter: strconv.ParseInt: parsing "NaN": invalid syntax'],
    ['/api/v2/search/tag/.a/values?end=x', 'error parsing date range: could not parse \'end\' parameter: strconv.ParseInt: parsing "x": invalid syntax'],
    [
      '/api/v2/search/tags?start=1795000000000',
      "error parsing date range: could not parse 'start' parameter: 1795000000000 looks like unix milliseconds, want seconds, nanoseconds or RFC 3339",
    ],
    ['/api/v2/search/tags?start=9&end=3', 'http parameter start must be before end. received start=9 end=3'],
  ])('%s', async (url, message) => {
    expect(await setup().ask(url)).toMatchObject({ status: 400, contentType: TEXT, body: message });
  });

  it.each([
    ['/api/search?q=%7B', /^invalid TraceQL query: parse error at line 1, col 2/],
    [`/api/search?q=${'x'.repeat(1_001)}`, /^invalid TraceQL query: .*1000.*max_query_expression_size_bytes/],
    ['/api/v2/search/tag/foo/values', /^please provide a valid tagName: failed to parse identifier foo: /],
    ['/api/search?q=%20', /^invalid TraceQL query: parse error/],
    ['/api/search?q=%7B%20foo%20%3D%201%20%7D', /^invalid TraceQL query: parse error at line 1, col 3/],
    ['/api/search?q=%7B%20name%20%3D%201%20%7D', /^invalid TraceQL query: (?!parse error)/],
  ])('%s names the error of the query', async (url, message) => {
    expect(await setup().ask(url)).toMatchObject({ status: 400, contentType: TEXT, body: expect.stringMatching(message) });
  });

  it('limits the range of a search by tenant', async () => {
    const { ask } = setup({ maxSearchDurationMs: 60_000 });
    expect(await ask('/api/search?start=1&end=61')).toMatchObject({ status: 200 });
    expect(await ask('/api/search?start=1&end=62')).toMatchObject({
      status: 400,
      body: 'range specified by start and end exceeds 1m0s. received start=1 end=62, limit set by read.max_search_duration of the tenant',
    });
  });

  it.each([
    [new AppError('resource_exhausted', 'queue full', { retryAfterMs: 2_000 }), 429, 'queue full'],
    [new AppError('unavailable', 'no worker'), 503, 'no worker'],
    [new AppError('unimplemented', 'not yet'), 501, 'not yet'],
    [new AppError('internal', 'cannot open /secret'), 500, 'internal error: see the log of the server'],
    [new Error('password 123'), 500, 'internal error: see the log of the server'],
    [new DOMException('late', 'TimeoutError'), 504, 'late'],
    [new DOMException('gone', 'AbortError'), 499, 'gone'],
  ])('%s is %i', async (fail, status, body) => {
    expect(await setup({ fail }).ask('/api/search')).toMatchObject({ status, contentType: TEXT, body });
  });

  it('logs what it does not tell', async () => {
    const reason = new Error('password 123');
    const { ask, logger } = setup({ fail: reason });
    await ask('/api/search');
    expect(logger.entries.filter(({ level }) => level === 'error')).toMatchObject([{ msg: 'query failed', fields: { err: reason } }]);
  });

  it.each([
    [new AppError('data_loss', 'object a/data.parquet: 10 bytes wanted at offset 5, it has 7'), 'warn'],
    [new AppError('invalid_argument', 'no such thing'), 'info'],
  ])('logs why with the query: %s', async (fail, level) => {
    const { ask, logger } = setup({ fail });
    await ask('/api/search');
    expect(logger.entries.map((entry) => [entry.level, entry.msg, entry.fields.err])).toEqual([[level, 'query', fail]]);
  });

  it('is canceled when the client has gone', async () => {
    const { ask, metrics } = setup({ fail: new Error('socket closed') });
    const signal = AbortSignal.abort(new AppError('canceled', 'the client closed the request'));
    expect(await ask('/api/search', {}, signal)).toMatchObject({ status: 499, body: 'the client closed the request' });
    expect(metrics.value('tempo_query_frontend_queries_total', { tenant: SINGLE_TENANT, op: 'search', result: 'canceled' })).toBe(1);
  });
});

describe('what the service is asked', () => {
  it('gets a padded trace id and the range', async () => {
    const { ask, asked } = setup();
    await ask('/api/v2/traces/ABC?start=10&end=20');
    expect(asked.trace).toEqual({ id: `${'0'.repeat(29)}abc`, range: { startSec: 10, endSec: 20 } });
    await ask('/api/traces/abc?start=0&end=0');
    expect(asked.trace!.range).toBeUndefined();
    await ask('/api/traces/abc?start=10');
    expect(asked.trace!.range).toEqual({ startSec: 10, endSec: 0xffff_ffff });
    await ask('/api/traces/abc?end=20');
    expect(asked.trace!.range).toEqual({ startSec: 0, endSec: 20 });
  });

  it('gets the defaults of a search', async () => {
    const { ask, asked } = setup();
    await ask('/api/search?q=%7B%7D&spss=0&ignored=1');
    expect(asked.search).toMatchObject({ limit: 20, spansPerSpanSet: 3, legacy: false, query: { source: '{}' } });
    expect(asked.search!.range).toBeUndefined();
  });

  it('gets a query under either name', async () => {
    const { ask, asked } = setup();
    await ask('/api/search?query=%7B%20name%20=%20%22x%22%20%7D');
    expect(asked.search).toMatchObject({ legacy: false, query: { source: '{ name = "x" }' } });
  });

  it('ignores a metrics stage', async () => {
    const { ask, asked } = setup();
    await ask('/api/search?q=%7B%7D%20%7C%20rate()&limit=1&spss=7&start=1&end=604801');
    expect(asked.search).toMatchObject({ limit: 1, spansPerSpanSet: 7, range: { startSec: 1, endSec: 604_801 } });
    await ask('/api/search?q={}&since=1h&start=1&end=2');
    expect(asked.search?.range).toEqual({ startSec: NOW_SEC - 3_600, endSec: NOW_SEC });
    expect(asked.search!.query.metrics).toBeUndefined();
    expect(asked.search!.query.stages).toHaveLength(1);
  });

  it.each([
    [
      'tags=service.name%3Dcart+name%3Db&minDuration=1.5s',
      [
        ['service.name', 'cart'],
        ['name', 'b'],
      ],
      1_500_000_000n,
      undefined,
    ],
    ['service.name=cart&maxDuration=2m', [['service.name', 'cart']], undefined, 120_000_000_000n],
    ['service.name=cart&start=1&end=2', [], undefined, undefined],
    ['minDuration=0s', [], undefined, undefined],
    ['since=1h', [], undefined, undefined],
    ['', [], undefined, undefined],
  ] as [string, [string, string][], bigint | undefined, bigint | undefined][])('reads the tag search %s', async (parameters, tags, min, max) => {
    const { ask, asked } = setup();
    expect(await ask(`/api/search?${parameters}`)).toMatchObject({ status: 200 });
    expect(asked.search!.legacy).toBe(true);
    expect(asked.search!.query).toEqual(legacyQuery(new Map(tags), min, max));
  });

  it.each([
    ['/api/v2/search/tag/span.a%2Fb/values', 'a/b'],
    ['/api/v2/search/tag/span.a/b/values', 'a/b'],
    ['/api/v2/search/tag/span.a%252Fb/values', 'a/b'],
    ['/api/v2/search/tag/span.100%25/values', '100%'],
    ['/api/v2/search/tag/span.%22a%20b%22/values', 'a b'],
    ['/api/v2/search/tag/span.values/values/values', 'values/values'],
    ['/api/v2/search/tag/span.a%0Ab/values', 'a\nb'],
  ])('decodes %s', async (url, name) => {
    const { ask, asked } = setup();
    await ask(url);
    expect(asked.values!.tag).toMatchObject({ kind: 'attribute', scope: 'span', name });
  });

  it.each([
    ['%7B%20name%20%3D%20%22x%22%20%7D', '{ name = "x" }'],
    ['%7B%20name%20%3D%20', undefined],
    ['%7B%20name%20%3D%201%20%7D', undefined],
    [encodeURIComponent('{ name = "x" && span.b = }'), '{ name = "x" }'],
    [encodeURIComponent(' { .a = "}&&{" && span.b =~ `x|y` && kind='), '{ .a = "}&&{" && span.b =~ `x|y` }'],
    [encodeURIComponent('{ && duration > 1s && name = "fro}'), '{ duration > 1s }'],
    [encodeURIComponent('{ name = "x" && && status = 5 }'), '{ name = "x" }'],
    [encodeURIComponent('{ name = "x" || span.b = }'), undefined],
    [encodeURIComponent('{ name = "x" && (span.b = 1 && span.c = }'), undefined],
    [encodeURIComponent('{ name = "x" } && { span.b = }'), undefined],
    [encodeURIComponent('name = "x" && span.b ='), undefined],
    ['%7B%7D%20%26%26%20%7B%7D', undefined],
    ['%7B%7D%20%7C%20rate()', undefined],
    ['', undefined],
  ])('filters tags by %s by what is finished of one filter', async (q, filter) => {
    const { ask, asked } = setup();
    await ask(`/api/v2/search/tags?q=${q}`);
    await ask(`/api/v2/search/tag/.a/values?q=${q}&tag=.a`);
    const printed = filter === undefined ? undefined : printQuery(parseQuery(filter));
    expect([asked.tags, asked.values].map((request) => request!.query && printQuery(request!.query))).toEqual([printed, printed]);
  });

  it.each([
    ['', undefined],
    ['start=10&end=20', { startSec: 10, endSec: 20 }],
    ['start=10.9&end=20.1', { startSec: 10, endSec: 20 }],
    ['start=1795000000123456789&end=1795000001123456789', { startSec: 1_795_000_000, endSec: 1_795_000_001 }],
    ['start=1970-01-01T00:00:10.9Z&end=20', { startSec: 10, endSec: 20 }],
    ['start=2026-11-20T00:00:00Z&end=2026-11-20T01:00:00%2B00:00', { startSec: 1_795_132_800, endSec: 1_795_136_400 }],
    [`start=${NOW_SEC - 60}`, { startSec: NOW_SEC - 60, endSec: NOW_SEC }],
    ['end=7200', { startSec: 3_600, endSec: 7_200 }],
  ])('reads the range of tags from %j', async (parameters, range) => {
    const { ask, asked } = setup();
    expect(await ask(`/api/v2/search/tags?${parameters}&limit=9&scope=none`)).toMatchObject({ status: 200 });
    expect(asked.tags).toEqual({ scope: undefined, query: undefined, range, limit: 9 });
  });
});

describe('metrics', () => {
  it('counts queries and inspected bytes', async () => {
    const { ask, metrics } = setup();
    await ask(`/api/traces/${FOUND}`);
    await ask('/api/search?q=%7B%7D');
    await ask('/api/search?limit=x');
    await ask('/api/echo');
    const of = (name: string, op: string, more = {}) => metrics.value(name, { tenant: SINGLE_TENANT, op, ...more });
    expect(of('tempo_query_frontend_queries_total', 'traces', { result: 'completed' })).toBe(1);
    expect(of('tempo_query_frontend_queries_total', 'search', { result: 'completed' })).toBe(2);
    expect(of('tempo_query_frontend_bytes_inspected_total', 'search')).toBe(42);
    expect(of('tempo_query_frontend_bytes_inspected_total', 'traces')).toBe(7);
  });

  // 42 bytes are inspected in 10 ms.
  it.each([
    ['none', { durationMs: 0, bytesPerSecond: 0 }, 1],
    ['a longer time', { durationMs: 11, bytesPerSecond: 0 }, 1],
    ['the same time', { durationMs: 10, bytesPerSecond: 0 }, 0],
    ['fewer bytes a second', { durationMs: 0, bytesPerSecond: 4_199 }, 1],
    ['as many bytes a second', { durationMs: 0, bytesPerSecond: 4_200 }, 0],
    ['one of the two', { durationMs: 10, bytesPerSecond: 4_199 }, 1],
  ])('counts a query within its objective: %s', async (_name, objective, count) => {
    const { ask, metrics } = setup({ tookMs: 10, config: { objectives: { ...QUERY_API_CONFIG.objectives, search: objective } } });
    await ask('/api/search?q=%7B%7D');
    expect(metrics.value('tempo_query_frontend_queries_within_slo_total', { tenant: SINGLE_TENANT, op: 'search', result: 'completed' })).toBe(count);
  });

  it.each([
    [new AppError('unavailable', 'x'), 503, 0],
    [new AppError('resource_exhausted', 'x'), 429, 1],
  ])('%s: a failure is never within, a refusal is', async (fail, status, count) => {
    const { ask, metrics } = setup({ fail });
    expect(await ask('/api/search?q=%7B%7D')).toMatchObject({ status });
    expect(metrics.value('tempo_query_frontend_queries_within_slo_total', { tenant: SINGLE_TENANT, op: 'search', result: 'completed' })).toBe(count);
  });
});

describe('the log of queries', () => {
  it('has the headers that were asked for', async () => {
    const { ask, logger } = setup({ config: { loggedHeaders: ['x-query-tags', 'user-agent', 'x-absent'] } });
    await ask('/api/search?q=%7B%7D', { 'x-query-tags': 'Source=explore', 'user-agent': 'Grafana/13', 'x-other': 'y' });
    const { fields } = logger.entries.at(-1)!;
    expect(fields).toMatchObject({ header_x_query_tags: 'Source=explore', header_user_agent: 'Grafana/13', header_x_absent: undefined });
    expect(fields).not.toHaveProperty('header_x_other');
  });
});

describe('query_frontend.url_deny_list', () => {
  it('refuses a URL before anything is asked, and counts it', async () => {
    const { ask, asked, metrics } = setup({ config: { deniedUrls: ['q=%7B%7D'] } });
    const answer = await ask('/api/search?q=%7B%7D');
    expect(answer).toMatchObject({ status: 400, body: expect.stringMatching(/^Invalid request \/api\/search\?q=%7B%7D\. This query has been identified/) });
    expect(asked.search).toBeUndefined();
    expect(metrics.value('tempo_query_frontend_queries_total', { tenant: SINGLE_TENANT, op: 'search', result: 'completed' })).toBe(1);
    expect(await ask('/api/search?q=%7B+name+%3D+%22a%22+%7D')).toMatchObject({ status: 200 });
    expect(await setup({ config: { deniedUrls: ['.'] } }).ask('/api/echo')).toMatchObject({ status: 200 });
  });
});
