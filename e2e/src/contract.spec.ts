import { InstantSeriesSchema, QueryInstantResponseSchema, QueryRangeResponseSchema, SearchResponseSchema } from '@vivace/proto';
import { SearchTagsResponseSchema, SearchTagsV2ResponseSchema, SearchTagValuesResponseSchema, SearchTagValuesV2ResponseSchema } from '@vivace/proto';
import { TraceByIDResponseSchema } from '@vivace/proto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { grafanaTraces, IDS } from './grafana-data.ts';
import { traceToJson } from './otlp-wire.ts';
import { requestOf } from './plain-otlp.ts';
import type { Label } from './strict-decode.ts';
import { ask, askJson, askProto } from './strict-decode.ts';
import { Vivace } from './vivace.ts';

// What Grafana relies on at the HTTP door, read as strictly as by its plugin.

const TEXT = 'text/plain; charset=utf-8';
const JSON_TYPE = 'application/json';
const PROTO_TYPE = 'application/protobuf';
const startSec = Math.floor(Date.now() / 1000) - 120;
const RANGE = `start=${startSec - 60}&end=${startSec + 60}`;
const UNKNOWN = 'f'.repeat(32);

let vivace: Vivace;
beforeAll(async () => {
  vivace = await Vivace.create();
  await vivace.start();
  for (const trace of grafanaTraces(BigInt(startSec) * 1_000_000_000n)) await vivace.push(requestOf(trace));
});
afterAll(async () => {
  await vivace.destroy();
  expect(vivace.errors()).toEqual([]);
});

const q = (query: string): string => `q=${encodeURIComponent(query)}`;
const textOf = ({ bytes }: { readonly bytes: Uint8Array }): string => Buffer.from(bytes).toString();

async function answerOf(url: string, headers?: Readonly<Record<string, string>>) {
  const answer = await ask(vivace, url, headers);
  return { status: answer.status, type: answer.type, body: textOf(answer) };
}

describe('errors', () => {
  it.each([
    [`/api/search?${q('{ foo = 1 }')}`, 400, /^invalid TraceQL query: parse error at line 1, col 3: /],
    [`/api/metrics/query_range?${q('{} | rate(')}`, 400, /^parse error at line 1, col 11: syntax error: unexpected /],
    [`/api/metrics/query_range?${q('{}')}`, 400, /^not a metrics query$/],
    [`/api/metrics/query?${q('{}')}`, 400, /^not a metrics query$/],
    [`/api/metrics/query_range?${q('{ name = 1 } | rate()')}`, 400, /^compiling query: /],
    ['/api/metrics/query', 400, /^missing query/],
    ['/api/search?q={}&start=20&end=10', 400, /^http parameter start must be before end\. received start=20 end=10$/],
    ['/api/search?q={}&start=abc&end=10', 400, /^invalid start: strconv\.ParseInt: parsing "abc": invalid syntax$/],
    ['/api/search?limit=0', 400, /^invalid limit: must be a positive number$/],
    ['/api/search?limit=262145', 400, /^limit 262145 exceeds max limit 262144$/],
    ['/api/search?spss=101', 400, /^spans per span set exceeds 100\. received 101$/],
    ['/api/search?q={}&tags=a%3Db', 400, /^invalid request: can't specify tags and q in the same query$/],
    ['/api/search?q={}&start=1&end=604802', 400, /range specified by start and end.*exceeds 168h0m0s\. received start=1 end=604802/],
    [`/api/metrics/query_range?${q('{} | rate()')}&start=1&end=10802`, 400, /metrics query time range exceeds the maximum allowed duration of 3h0m0s/],
    [`/api/metrics/query_range?${q('{} | rate()')}&start=20&end=10`, 400, /^end must be greater than start$/],
    [`/api/metrics/query_range?${q('{} | rate()')}&start=1000&end=1120&step=1ns`, 400, /^step of 1ns is too small, minimum step for given range is 12ms$/],
    ['/api/v2/traces/zz', 400, /^trace IDs can only contain hex characters: invalid character 'z' at position 1$/],
    ['/api/v2/search/tag/foo/values', 400, /^please provide a valid tagName: failed to parse identifier foo: /],
    ['/api/v2/search/tags?scope=bogus', 400, /^invalid scope: bogus$/],
    ['/api/v2/search/tags?start=NaN&end=NaN', 400, /^error parsing date range: could not parse 'start' parameter: /],
    ['/api/metrics/summary?q={}', 404, /^404 page not found\n$/],
    ['/api/nothing', 404, /^404 page not found\n$/],
    ['/nothing', 404, /^404 page not found\n$/],
  ])('%s is %i with the reason as text', async (url, status, body) => {
    expect(await answerOf(url)).toEqual({ status, type: TEXT, body: expect.stringMatching(body) as unknown });
  });

  it('are compressed and typed like answers, and never HTML', async () => {
    const { type, headers } = await ask(vivace, '/api/search?limit=0', { accept: 'text/html', 'accept-encoding': 'gzip' });
    expect({ type, vary: headers.get('vary') }).toEqual({ type: TEXT, vary: 'Accept-Encoding' });
  });
});

describe('requests', () => {
  it('may use any method', async () => {
    for (const method of ['POST', 'PUT']) {
      const response = await fetch(`${vivace.http}/api/search?${q('{}')}&${RANGE}`, { method, body: 'ignored=1' });
      expect([method, response.status, await response.text()]).toEqual([method, 200, expect.stringContaining(IDS.front)]);
    }
  });

  it.each([
    ['', JSON_TYPE],
    ['*/*', JSON_TYPE],
    ['application/json, text/plain, */*', JSON_TYPE],
    ['application/protobuf', PROTO_TYPE],
    ['text/html;q=0.9, application/protobuf', PROTO_TYPE],
    ['application/vnd.grafana.llm', JSON_TYPE],
  ])('that accept %j get %s, but metrics are JSON', async (accept, type) => {
    const paths = [`/api/v2/traces/${IDS.front}`, `/api/traces/${IDS.front}`, `/api/search?${q('{}')}`, '/api/v2/search/tags', '/api/search/tag/name/values'];
    for (const path of paths) expect([path, (await ask(vivace, path, { accept })).type]).toEqual([path, type]);
    for (const path of ['query_range', 'query'])
      expect((await ask(vivace, `/api/metrics/${path}?${q('{} | rate()')}`, { accept })).type, 'always JSON').toBe(JSON_TYPE);
  });

  it('get gzip when they take it, and Vary in any case', async () => {
    const url = `/api/search?${q('{}')}&limit=100&spss=100&${RANGE}`;
    const plain = await ask(vivace, url, { 'accept-encoding': 'identity' });
    const packed = await ask(vivace, url, { 'accept-encoding': 'gzip' });
    expect([plain.headers.get('content-encoding'), packed.headers.get('content-encoding')]).toEqual([null, 'gzip']);
    expect([plain.headers.get('vary'), packed.headers.get('vary')]).toEqual(['Accept-Encoding', 'Accept-Encoding']);
    expect(textOf(packed)).toBe(textOf(plain));
  });

  it('may come with what Grafana adds', async () => {
    const headers = {
      authorization: 'Basic YTpi',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      cookie: 'a=b',
      'user-agent': 'Grafana/13.1.0',
    };
    expect((await ask(vivace, `/api/search?${q('{}')}&unknown=1`, headers)).status).toBe(200);
  });
});

describe('echo', () => {
  it('is text', async () => {
    expect(await answerOf('/api/echo')).toEqual({ status: 200, type: TEXT, body: 'echo' });
  });
});

describe('a trace by id', () => {
  it.each(Object.entries(IDS))('says the same in protobuf and JSON, v1 and v2: %s', async (_, id) => {
    const v2 = await askProto(vivace, TraceByIDResponseSchema, `/api/v2/traces/${id}`);
    const trace = traceToJson(v2.trace!);
    expect(trace['resourceSpans']).not.toEqual([]);
    expect(v2).toMatchObject({ status: 0, message: '' });
    const v1 = await ask(vivace, `/api/traces/${id}`, { accept: PROTO_TYPE });
    expect([v1.status, v1.type]).toEqual([200, PROTO_TYPE]);
    expect(traceToJson(v1.bytes)).toEqual(trace);

    const json = JSON.parse((await answerOf(`/api/v2/traces/${id}`)).body) as Record<string, unknown>;
    expect(Object.keys(json)).toEqual(['trace', 'metrics']);
    expect(withoutEmpty(json['trace'])).toEqual(withoutEmpty(trace));
    const json1 = JSON.parse((await answerOf(`/api/traces/${id}`)).body) as Record<string, unknown>;
    expect(Object.keys(json1), 'not resourceSpans').toEqual(['batches']);
    expect(withoutEmpty(json1['batches'])).toEqual(withoutEmpty(trace['resourceSpans']));
  });

  it('is found by an id in any case, and of any length', async () => {
    for (const id of ['C0DE', 'c0de', '0c0de', IDS.front.toUpperCase()]) expect((await ask(vivace, `/api/v2/traces/${id}`)).status).toBe(200);
    expect(textOf(await ask(vivace, '/api/v2/traces/c0de'))).toContain('POST /pay');
  });

  it('that is unknown is an empty trace in v2 and 404 in v1', async () => {
    const { status, type, bytes } = await ask(vivace, `/api/v2/traces/${UNKNOWN}`, { accept: PROTO_TYPE });
    expect([status, type, Buffer.from(bytes).toString('hex')]).toEqual([200, PROTO_TYPE, '0a001200']);
    expect(await answerOf(`/api/v2/traces/${UNKNOWN}`)).toEqual({ status: 200, type: JSON_TYPE, body: '{"trace":{},"metrics":{}}' });
    for (const accept of [PROTO_TYPE, JSON_TYPE]) expect(await answerOf(`/api/traces/${UNKNOWN}`, { accept })).toMatchObject({ status: 404, body: '' });
  });

  it('may be asked with the times of a panel', async () => {
    expect((await answerOf(`/api/v2/traces/${IDS.front}?start=${startSec - 1800}&end=${startSec + 1800}`)).body).toContain('GET /items');
  });
});

describe('search', () => {
  it('says the same in JSON and protobuf', async () => {
    const url = `/api/search?${q('{ true } | select(resource.service.name, span.http.status_code, status, nestedSetParent, event.exception.message)')}&limit=20&spss=10&${RANGE}`;
    const json = await askJson(vivace, SearchResponseSchema, url);
    const proto = await askProto(vivace, SearchResponseSchema, url);
    expect(proto.traces).toEqual(json.traces);
    expect(json.traces).toHaveLength(6);
  });

  it('shows attributes without scope, with their types, and what has a field of its own in its field', async () => {
    const { traces } = await askJson(
      vivace,
      SearchResponseSchema,
      `/api/search?${q('{ name = "GET /" && duration > 1s && span.http.status_code = 500 && status = error && kind = server } | select(resource.service.name, nestedSetParent, event.exception.message)')}&${RANGE}`,
    );
    expect(traces).toHaveLength(1);
    expect(traces[0]).toMatchObject({
      traceID: IDS.front,
      rootServiceName: 'front',
      rootTraceName: 'GET /',
      startTimeUnixNano: BigInt(startSec) * 1_000_000_000n,
      durationMs: 2_000,
    });
    expect(traces[0].spanSet).toEqual(traces[0].spanSets[0]);
    expect(traces[0].serviceStats).toMatchObject({ front: { spanCount: 2, errorCount: 1 }, back: { spanCount: 3, errorCount: 1 } });
    const [span] = traces[0].spanSets[0].spans;
    expect(span).toMatchObject({
      spanID: '0000000000000011',
      name: 'GET /',
      startTimeUnixNano: BigInt(startSec) * 1_000_000_000n,
      durationNanos: 2_000_000_000n,
    });
    const attributes = Object.fromEntries(span.attributes.map(({ key, value }) => [key, value!.value]));
    expect(attributes).toEqual({
      'http.status_code': { case: 'intValue', value: 500n },
      status: { case: 'stringValue', value: 'error' },
      kind: { case: 'stringValue', value: 'server' },
      'service.name': { case: 'stringValue', value: 'front' },
      nestedSetParent: { case: 'intValue', value: -1n },
      'exception.message': expect.objectContaining({ case: expect.stringMatching(/^(string|array)Value$/) as unknown }) as unknown,
    });
  });

  it('names a trace without a root', async () => {
    const { traces } = await askJson(vivace, SearchResponseSchema, `/api/search?${q('{ name = "orphan" }')}&${RANGE}`);
    expect(traces.map(({ rootServiceName, rootTraceName }) => [rootServiceName, rootTraceName])).toEqual([['<root span not yet received>', '']]);
  });

  it('shows groups and aggregates as attributes of their spanset', async () => {
    const { traces } = await askJson(vivace, SearchResponseSchema, `/api/search?${q('{ } | by(resource.service.name) | count() > 1')}&${RANGE}&limit=20`);
    const sets = traces.find(({ traceID }) => traceID === IDS.front)!.spanSets;
    const attributes = sets.map((set) => Object.fromEntries(set.attributes.map(({ key, value }) => [key, value!.value.value])));
    expect(attributes.sort((a, b) => Number(a['count()']) - Number(b['count()']))).toEqual([
      { 'by(resource.service.name)': 'front', 'count()': 2n },
      { 'by(resource.service.name)': 'back', 'count()': 3n },
    ]);
  });

  it('counts what matched before the cut', async () => {
    const { traces } = await askJson(vivace, SearchResponseSchema, `/api/search?${q('{ true }')}&${RANGE}&limit=20&spss=2`);
    const { spanSet } = traces.find(({ traceID }) => traceID === IDS.front)!;
    expect([spanSet!.spans.length, spanSet!.matched]).toEqual([2, 5]);
  });

  it('that finds nothing is an empty list, and metrics', async () => {
    const { status, body } = await answerOf(`/api/search?${q('{ name = "nothing" }')}&${RANGE}`);
    expect([status, body]).toEqual([200, expect.stringMatching(/^\{"traces":\[\],"metrics":\{.*\}\}$/)]);
  });

  it('ignores a metrics stage', async () => {
    const { traces } = await askJson(vivace, SearchResponseSchema, `/api/search?${q('{ name = "consume" } | rate()')}&${RANGE}`);
    expect(traces.map(({ traceID }) => traceID)).toEqual([IDS.queue]);
  });

  it('by tags has no spans', async () => {
    const url = `/api/search?tags=${encodeURIComponent('service.name="front" name="GET /"')}&minDuration=1s&maxDuration=1h&limit=20&${RANGE}`;
    const { traces } = await askJson(vivace, SearchResponseSchema, url);
    expect(traces.map(({ traceID, spanSets, spanSet }) => [traceID, spanSets, spanSet])).toEqual([[IDS.front, [], undefined]]);
  });

  it('takes recent data when there are no times, and zero spss for the default', async () => {
    const { traces } = await askJson(vivace, SearchResponseSchema, `/api/search?${q('{ true }')}&spss=0&limit=20`);
    expect(Math.max(...traces.map(({ spanSets }) => spanSets[0].spans.length))).toBe(3);
  });
});

const INTRINSICS =
  'duration event:name event:timeSinceStart instrumentation:name instrumentation:version kind link:spanID link:traceID name rootName rootServiceName span:duration span:id span:kind span:name span:parentID span:status span:statusMessage status statusMessage trace:duration trace:id trace:rootName trace:rootService traceDuration'.split(
    ' ',
  );

describe('tag names', () => {
  it('come by scope, none of them empty', async () => {
    for (const url of [`/api/v2/search/tags?limit=5000&${RANGE}`, '/api/v2/search/tags', '/api/v2/search/tags?scope=none']) {
      const { scopes } = await askJson(vivace, SearchTagsV2ResponseSchema, url);
      const byName = Object.fromEntries(scopes.map(({ name, tags }) => [name, tags]));
      expect(Object.keys(byName).sort()).toEqual(['event', 'intrinsic', 'resource', 'span']);
      expect(byName['resource']).toEqual(['cluster', 'service.name', 'service.namespace']);
      expect([...byName['intrinsic']].sort()).toEqual(expect.arrayContaining(INTRINSICS));
      expect(byName['span']).toEqual(expect.arrayContaining(['http.status_code', 'a/b c', 'say "hi"', 'ключ']));
    }
  });

  it('are limited by scope, and filtered', async () => {
    const { scopes } = await askJson(vivace, SearchTagsV2ResponseSchema, '/api/v2/search/tags?scope=span&limit=2');
    expect(scopes.map(({ name, tags }) => [name, tags.length])).toEqual([['span', 2]]);
    const filtered = await askJson(vivace, SearchTagsV2ResponseSchema, `/api/v2/search/tags?scope=span&${q('{ name = "consume" }')}`);
    expect(filtered.scopes[0].tags).toEqual(['db.system.name', 'messaging.system']);
  });

  it('are one list in v1', async () => {
    const { tagNames } = await askJson(vivace, SearchTagsResponseSchema, '/api/search/tags');
    expect(tagNames).toEqual(expect.arrayContaining(['service.name', 'http.status_code', 'exception.message']));
    expect(tagNames).not.toContain('rootName');
  });
});

describe('tag values', () => {
  const values = async (tag: string, more = '') =>
    (await askJson(vivace, SearchTagValuesV2ResponseSchema, `/api/v2/search/tag/${tag}/values?limit=5000&tag=${tag}${more}`)).tagValues.map(
      ({ type, value }) => `${type} ${value}`,
    );

  it.each([
    ['resource.service.name', ['string back', 'string checkout', 'string front', 'string worker']],
    ['.service.namespace', ['string ns']],
    ['span.http.status_code', ['int 500', 'int 503']],
    ['span.half', ['float 0.5']],
    ['span.flag', ['bool true']],
    ['span.list', ['string a', 'string b']],
    ['span.none', ['string ']],
    ['event.exception.type', ['string E']],
    ['status', ['keyword error', 'keyword ok', 'keyword unset']],
    ['span:status', ['keyword error', 'keyword ok', 'keyword unset']],
    ['duration', []],
    ['traceDuration', []],
    ['trace:id', []],
    ['span:id', []],
    ['rootServiceName', ['string ', 'string front', 'string worker', 'string checkout']],
    ['event:name', ['string exception']],
    ['span.unknown', []],
  ])('of %s have their types', async (tag, expected) => {
    expect((await values(tag)).sort()).toEqual([...expected].sort());
  });

  it('of kind are keywords', async () => {
    const found = await values('kind');
    expect(found).toEqual(expect.arrayContaining(['keyword server', 'keyword client', 'keyword consumer', 'keyword internal']));
    expect(found.every((value) => value.startsWith('keyword '))).toBe(true);
  });

  it('are filtered by what is finished of a filter', async () => {
    for (const typed of ['{ name = "consume" }', '{ name = "consume" && }', '{ name = "consume" && span.foo = "b'])
      expect(await values('resource.service.name', `&${q(typed)}`)).toEqual(['string worker']);
    for (const typed of ['{', 'x', '{ name = }', '{ name = "consume" } | rate()'])
      expect(await values('resource.service.name', `&${q(typed)}`)).toHaveLength(4);
  });

  it('are text in v1', async () => {
    const { tagValues } = await askJson(vivace, SearchTagValuesResponseSchema, '/api/search/tag/http.status_code/values');
    expect(tagValues).toEqual(['500', '503']);
    expect((await answerOf('/api/search/tag/status/values')).body).toMatch(/^\{"tagValues":\[\]/);
  });

  it('that are none are an empty list', async () => {
    expect((await answerOf('/api/v2/search/tag/span.unknown/values')).body).toMatch(/^\{"tagValues":\[\],"metrics":\{.*\}\}$/);
  });
});

describe('metrics over steps', () => {
  const range = (query: string, more = '&step=30s') => askJson(vivace, QueryRangeResponseSchema, `/api/metrics/query_range?${q(query)}&${RANGE}${more}`);
  const typedLabels = ({ labels }: { readonly labels: readonly Label[] }) => labels.map(({ key, value }) => [key, value!.value]);

  it('have one series named after the function, aligned to the step, zeros included', async () => {
    const { series, status, message } = await range('{ } | rate()');
    expect(series.map(typedLabels)).toEqual([[['__name__', { case: 'stringValue', value: 'rate' }]]]);
    const times = series[0].samples.map(({ timestampMs }) => Number(timestampMs) / 1_000);
    const first = Math.floor((startSec - 60) / 30) * 30;
    const last = Math.ceil((startSec + 60) / 30) * 30;
    expect(times).toEqual(Array.from({ length: (last - first) / 30 + 1 }, (_, i) => first + 30 * i));
    expect(series[0].samples.reduce((sum, { value }) => sum + value * 30, 0)).toBeCloseTo(19, 9);
    expect([status, message]).toEqual([0, '']);
  });

  it('leave a zero value out of the JSON', async () => {
    const { body } = await answerOf(`/api/metrics/query_range?${q('{ } | count_over_time()')}&${RANGE}&step=30s`);
    expect(body).toMatch(/\{"timestampMs":"\d+"\}/);
    expect(body).not.toContain('"value":0}');
  });

  it('group by the attribute as it is written, with typed values and nil', async () => {
    const codes = await range('{ kind = server } | count_over_time() by (span.http.status_code)');
    expect(codes.series.map(typedLabels)).toEqual(
      expect.arrayContaining([
        [['span.http.status_code', { case: 'intValue', value: 500n }]],
        [['span.http.status_code', { case: 'intValue', value: 503n }]],
        [['span.http.status_code', { case: 'stringValue', value: 'nil' }]],
      ]),
    );
    const KEYS = {
      'resource.service.name': 'resource.service.name',
      '.service.name': '.service.name',
      'trace:rootService': 'rootServiceName',
      'span:name': 'name',
    };
    for (const [by, key] of Object.entries(KEYS)) {
      const { series } = await range(`{ } | rate() by (${by})`);
      expect([by, new Set(series.flatMap(({ labels }) => labels.map((label) => label.key)))]).toEqual([by, new Set([key])]);
    }
  });

  it('that match nothing are one series of zeros, or none where there are groups', async () => {
    const { series } = await range('{ name = "nothing" } | rate()');
    expect(series).toHaveLength(1);
    expect(series[0].samples.every(({ value }) => value === 0)).toBe(true);
    expect((await answerOf(`/api/metrics/query_range?${q('{ name = "nothing" } | rate() by (name)')}&${RANGE}`)).body).toMatch(/^\{"series":\[\],/);
  });

  it('give histograms one label, a number of seconds', async () => {
    const { series } = await range('{ } | histogram_over_time(duration)');
    expect(series.length).toBeGreaterThan(3);
    for (const { labels } of series) expect(labels).toMatchObject([{ key: '__bucket', value: { value: { case: 'doubleValue' } } }]);
    expect(series.map(({ labels }) => labels[0].value!.value.value)).toEqual(expect.arrayContaining([2.147483648, 1.073741824]));
  });

  it('give quantiles a label p, and seconds', async () => {
    const { series } = await range('{ name = "GET /" } | quantile_over_time(duration, .5, .9)');
    expect(series.map(typedLabels)).toEqual(
      expect.arrayContaining([[['p', { case: 'doubleValue', value: 0.5 }]], [['p', { case: 'doubleValue', value: 0.9 }]]]),
    );
    for (const { samples } of series) for (const { value } of samples.filter((sample) => sample.value > 0)) expect(value).toBeCloseTo(2.147, 2);
  });

  it('have exemplars with a trace id, a time and a value that is not zero', async () => {
    for (const query of [
      '{ } | rate()',
      '{ } | quantile_over_time(duration, .9)',
      '{ } | histogram_over_time(duration)',
      '{ } | count_over_time() by (name)',
    ]) {
      const exemplars = (await range(query)).series.flatMap((series) => series.exemplars);
      expect([query, exemplars.length > 0]).toEqual([query, true]);
      for (const { labels, value, timestampMs } of exemplars) {
        expect(value).not.toBe(0);
        expect(Math.abs(Number(timestampMs) - startSec * 1_000)).toBeLessThan(60_000);
        expect(labels.find(({ key }) => key === 'trace:id')!.value!.value).toEqual({
          case: 'stringValue',
          value: expect.stringMatching(/^[0-9a-f]{32}$/) as unknown,
        });
      }
    }
    expect((await range('{ } | rate() with (exemplars=false)')).series.flatMap((series) => series.exemplars)).toEqual([]);
    expect((await range('{ } | rate()', '&step=30s&exemplars=1')).series.flatMap((series) => series.exemplars).length).toBeLessThanOrEqual(1);
  });

  it('compare two labels a series', async () => {
    const { series } = await range('{ nestedSetParent < 0 } | compare({ status = error })', '&step=120s');
    expect(series.length).toBeGreaterThan(4);
    for (const { labels } of series) {
      expect(labels.map(({ key }) => key)).toEqual(expect.arrayContaining(['__meta_type']));
      expect(labels).toHaveLength(2);
    }
    const types = series.map(({ labels }) => labels.find(({ key }) => key === '__meta_type')!.value!.value.value);
    expect(new Set(types)).toEqual(new Set(['baseline', 'selection', 'baseline_total', 'selection_total']));
  });

  it('are one sample a series when asked as an instant', async () => {
    const { series } = await range('{ } | count_over_time()', '&instant=true');
    expect(series.map(({ samples }) => samples.map(({ timestampMs, value }) => [Number(timestampMs), value]))).toEqual([[[(startSec + 60) * 1_000, 19]]]);
  });

  it('are partial beyond the number of series that was asked for', async () => {
    const { status, message, series } = await range('{ } | rate() by (name)', '&step=30s&maxSeries=3');
    expect([status, series.length]).toEqual([1, 3]);
    expect(message).toMatch(/^Response exceeds maximum series limit of 3/);
  });

  it('take times in any form', async () => {
    const iso = (sec: number): string => new Date(sec * 1_000).toISOString();
    const count = async (times: string): Promise<number> => {
      const { series } = await askJson(vivace, QueryInstantResponseSchema, `/api/metrics/query?${q('{ } | count_over_time()')}&${times}`);
      return series[0].value;
    };
    for (const times of [
      RANGE,
      `start=${startSec - 60}000000000&end=${startSec + 60}000000000`,
      `start=${startSec - 60}.5&end=${startSec + 60}.25`,
      `start=${iso(startSec - 60)}&end=${iso(startSec + 60)}`,
      `start=${startSec - 60}`,
      'since=10m',
      '',
    ])
      expect([times, await count(times)]).toEqual([times, 19]);
  });
});

describe('metrics in one value', () => {
  const instant = (query: string) => askJson(vivace, QueryInstantResponseSchema, `/api/metrics/query?${q(query)}&${RANGE}&step=30s`);

  it('have a value a series', async () => {
    const { series } = await instant('{ } | count_over_time() by (resource.service.name)');
    const byName = Object.fromEntries(series.map(({ labels, value }) => [labels[0].value!.value.value, value]));
    expect(byName).toMatchObject({ front: expect.any(Number) as unknown, back: 3, checkout: 1, worker: 1 });
  });

  it('leave out a zero', async () => {
    const { body } = await answerOf(`/api/metrics/query?${q('{ name = "nothing" } | rate()')}&${RANGE}`);
    expect(body).toMatch(/^\{"series":\[\{"labels":\[\{"key":"__name__","value":\{"stringValue":"rate"\}\}\]\}\],"metrics":\{.*\}\}$/);
    expect(InstantSeriesSchema.fields.map(({ name }) => name)).toEqual(['labels', 'value']);
  });
});

/** Empty lists and absent ones are the same. */
function withoutEmpty(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(withoutEmpty);
  if (typeof json !== 'object' || json === null) return json;
  return Object.fromEntries(
    Object.entries(json)
      .filter(([, value]) => !(Array.isArray(value) && value.length === 0))
      .map(([key, value]) => [key, withoutEmpty(value)]),
  );
}
