import { fromBinary } from '@bufbuild/protobuf';
import type { Client } from '@grpc/grpc-js';
import {
  QueryInstantResponseSchema,
  QueryRangeResponseSchema,
  SearchResponseSchema,
  SearchTagsV2ResponseSchema,
  SearchTagValuesV2ResponseSchema,
  StreamingQuerier,
  TraceByIDResponseSchema,
} from '@vivace/proto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { grafanaTraces, IDS, ODD } from './grafana-data.ts';
import type { Json } from './otlp-wire.ts';
import { traceToJson } from './otlp-wire.ts';
import { requestOf } from './plain-otlp.ts';
import { clientOf, stream } from './streaming.ts';
import { ask, askJson, askProto } from './strict-decode.ts';
import { Vivace } from './vivace.ts';

// What has broken in Grafana when a backend was slightly wrong, one test each, by the number it has in the list this project keeps of them.

const TEXT = 'text/plain; charset=utf-8';
const PROTO = { accept: 'application/protobuf' };
const GRAFANA = { 'user-agent': 'Grafana/13.1.0' };
const UNKNOWN = 'f'.repeat(32);
const GRAFANA_MAX_BYTES = 4 * 1_048_576;
const startSec = Math.floor(Date.now() / 1000) - 120;
const RANGE = `start=${startSec - 60}&end=${startSec + 60}`;
const SECONDS = { start: startSec - 60, end: startSec + 60 };
const NANOS = { start: BigInt(SECONDS.start) * 1_000_000_000n, end: BigInt(SECONDS.end) * 1_000_000_000n };

let vivace: Vivace;
let client: Client;
beforeAll(async () => {
  vivace = await Vivace.create();
  await vivace.start();
  for (const trace of grafanaTraces(BigInt(startSec) * 1_000_000_000n)) await vivace.push(requestOf(trace));
  client = clientOf(vivace.http.replace(/^http:\/\//, ''));
});
afterAll(async () => {
  client.close();
  await vivace.destroy();
  expect(vivace.errors()).toEqual([]);
});

const textOf = ({ bytes }: { readonly bytes: Uint8Array }): string => Buffer.from(bytes).toString();
const search = (query: string, more = '') =>
  askJson(vivace, SearchResponseSchema, `/api/search?q=${encodeURIComponent(query)}&limit=200&spss=20&${RANGE}${more}`);
const rangeUrl = (query: string) => `/api/metrics/query_range?q=${encodeURIComponent(query)}&${RANGE}&step=30s`;

it('1: traces by id are protobuf when asked, in the envelope of their version', async () => {
  const { trace } = await askProto(vivace, TraceByIDResponseSchema, `/api/v2/traces/${IDS.front}`);
  const v1 = await ask(vivace, `/api/traces/${IDS.front}`, PROTO);
  expect(v1.type).toBe('application/protobuf');
  expect(Buffer.from(v1.bytes), 'bare in v1').toEqual(Buffer.from(trace!));
});

it('2: an unknown trace is 200 with the field in v2, 404 in v1', async () => {
  const v2 = await ask(vivace, `/api/v2/traces/${UNKNOWN}`, PROTO);
  expect(v2.status).toBe(200);
  expect(fromBinary(TraceByIDResponseSchema, v2.bytes).trace).toEqual(new Uint8Array());
  expect((await ask(vivace, `/api/traces/${UNKNOWN}`, PROTO)).status).toBe(404);
});

it('3: resource, scope and status are always there, and a resource has an attribute', async () => {
  for (const id of Object.values(IDS)) {
    const { trace } = await askProto(vivace, TraceByIDResponseSchema, `/api/v2/traces/${id}`);
    for (const { resource, scopeSpans } of traceToJson(trace!)['resourceSpans'] as {
      resource?: { attributes?: Json[] };
      scopeSpans: { scope?: Json; spans: Json[] }[];
    }[]) {
      expect(resource?.attributes?.length).toBeGreaterThan(0);
      for (const { scope, spans } of scopeSpans) {
        expect(scope).toBeDefined();
        for (const span of spans) {
          expect(span['status']).toBeDefined();
          expect(BigInt(span['endTimeUnixNano'] as string)).toBeGreaterThanOrEqual(BigInt(span['startTimeUnixNano'] as string));
          expect(Buffer.from(span['traceId'] as string, 'base64')).toHaveLength(16);
          expect(Buffer.from(span['spanId'] as string, 'base64')).toHaveLength(8);
          if (span['parentSpanId'] !== undefined) expect(Buffer.from(span['parentSpanId'] as string, 'base64')).toHaveLength(8);
        }
      }
    }
  }
});

it('4: no field that the classes of Grafana do not know', async () => {
  const { metrics } = await search('{ true }');
  expect(metrics).toBeDefined();
  await askJson(vivace, QueryInstantResponseSchema, `/api/metrics/query?q=${encodeURIComponent('{ } | rate() by (name)')}&${RANGE}`);
  await askJson(vivace, QueryRangeResponseSchema, rangeUrl('{ } | rate() by (name)'));
  const instant = textOf(await ask(vivace, `/api/metrics/query?q=${encodeURIComponent('{ } | rate()')}&${RANGE}`));
  expect(Object.keys(JSON.parse(instant) as object), 'older ones know neither status nor message').toEqual(['series', 'metrics']);
});

it('5: every trace of a search has a spanset with a span that has a start and a duration', async () => {
  for (const query of [
    '{ true }',
    '{ true } | by(name)',
    '{ true } | count() > 0',
    '{ } >> { }',
    '{ } ~ { }',
    '{ nestedSetParent < 0 } | select(name)',
    '{ } | coalesce()',
  ]) {
    const { traces } = await search(query);
    expect([query, traces.length > 0]).toEqual([query, true]);
    for (const { spanSet, spanSets } of traces) {
      expect(spanSet).toEqual(spanSets[0]);
      for (const { spans } of spanSets) {
        expect(spans.length).toBeGreaterThan(0);
        for (const span of spans) expect(span.startTimeUnixNano).toBeGreaterThan(0n);
      }
    }
  }
});

it('6: trace ids have 32 digits, span ids 16', async () => {
  const { traces } = await search('{ resource.service.name = "checkout" }');
  expect(traces.map(({ traceID, spanSets }) => [traceID, spanSets[0].spans[0].spanID])).toEqual([[IDS.checkout, '0000000000000021']]);
  const { series } = await askJson(vivace, QueryRangeResponseSchema, rangeUrl('{ resource.service.name = "checkout" } | rate()'));
  expect(series[0].exemplars[0].labels).toContainEqual(
    expect.objectContaining({ key: 'trace:id', value: expect.objectContaining({ value: { case: 'stringValue', value: IDS.checkout } }) as unknown }),
  );
});

it('7: gRPC is served on the port of HTTP, without TLS and by prior knowledge of HTTP/2', async () => {
  const { code, messages } = await stream(client, StreamingQuerier.method.search, { Query: '{}', ...SECONDS, Limit: 1 });
  expect([code, messages.length > 0]).toEqual([0, true]);
  expect(textOf(await ask(vivace, '/api/echo'))).toBe('echo');
});

it('8: the tenant of a gRPC call may come twice', async () => {
  const { code, messages } = await stream(client, StreamingQuerier.method.search, { Query: '{}', ...SECONDS, Limit: 1 }, { tenants: ['a', 'a'] });
  expect([code, messages.length > 0]).toEqual([0, true]);
});

it('9: a streamed message is smaller than Grafana takes', async () => {
  const { sizes } = await stream(client, StreamingQuerier.method.search, {
    Query: '{ true } | select(span.half)',
    ...SECONDS,
    Limit: 1_000,
    SpansPerSpanSet: 100,
  });
  expect(Math.max(...sizes)).toBeLessThan(GRAFANA_MAX_BYTES);
});

it('10: the last message of a streamed instant query has every series; every message of a search has metrics', async () => {
  const instant = await stream(client, StreamingQuerier.method.metricsQueryInstant, { query: '{ } | count_over_time() by (resource.service.name)', ...NANOS });
  const last = instant.messages.at(-1)!.series.map(({ labels, value }) => [labels[0].value!.value.value, value]);
  expect([instant.code, last]).toEqual([
    0,
    expect.arrayContaining([
      ['back', 3],
      ['checkout', 1],
      ['worker', 1],
    ]),
  ]);
  const found = await stream(client, StreamingQuerier.method.search, { Query: '{ name = "nothing" }', ...SECONDS });
  expect(found.messages.length).toBeGreaterThan(0);
  for (const { metrics } of found.messages) expect(metrics).toBeDefined();
});

it('11: a column of a search has one type, and values of a tag have theirs', async () => {
  const url = `/api/search?q=${encodeURIComponent('{ true } | select(span.mixed, span.list, span.half, span.none)')}&limit=200&spss=20&${RANGE}`;
  for (const headers of [GRAFANA, {}]) {
    const { traces } = JSON.parse(textOf(await ask(vivace, url, headers))) as {
      traces: { spanSets: { spans: { attributes?: { key: string; value: Record<string, unknown> }[] }[] }[] }[];
    };
    const values = traces.flatMap(({ spanSets }) => spanSets.flatMap(({ spans }) => spans.flatMap(({ attributes = [] }) => attributes)));
    const types = (name: string) => [...new Set(values.filter(({ key }) => key === name).flatMap(({ value }) => Object.keys(value)))].sort();
    expect(types('mixed')).toEqual(headers === GRAFANA ? ['stringValue'] : ['arrayValue', 'stringValue']);
    expect(types('half')).toEqual(['doubleValue']);
  }
  const { tagValues } = await askJson(vivace, SearchTagValuesV2ResponseSchema, '/api/v2/search/tag/span.mixed/values');
  expect(new Map(tagValues.map(({ value, type }) => [value, type]))).toEqual(
    new Map([
      ['a', 'string'],
      ['b', 'string'],
      ['7', 'int'],
      ['NaN', 'float'],
      ['false', 'bool'],
    ]),
  );
  const kinds = await askJson(vivace, SearchTagValuesV2ResponseSchema, '/api/v2/search/tag/kind/values');
  expect(kinds.tagValues.map(({ type }) => type)).toEqual(kinds.tagValues.map(() => 'keyword'));
});

it('12: the nested set and compare() are known', async () => {
  expect((await search('{ nestedSetParent < 0 }')).traces).toHaveLength(5);
  const { traces } = await search('{ nestedSetParent < 0 } | select(nestedSetParent, nestedSetLeft, nestedSetRight)');
  const numbers = Object.fromEntries(
    traces.map(({ traceID, spanSets }) => [
      traceID,
      spanSets[0].spans.map(({ attributes }) => Object.fromEntries(attributes.map(({ key, value }) => [key, value!.value.value]))),
    ]),
  );
  expect(numbers[IDS.front]).toEqual([{ nestedSetParent: -1n, nestedSetLeft: 1n, nestedSetRight: 10n }]);
  expect(numbers[IDS.twoRoots].map(({ nestedSetLeft, nestedSetRight }) => [nestedSetLeft, nestedSetRight])).toEqual([
    [1n, 4n],
    [5n, 6n],
  ]);
  const { series } = await askJson(vivace, QueryRangeResponseSchema, rangeUrl('{ nestedSetParent < 0 } | compare({ status = error })'));
  expect(series.length).toBeGreaterThan(0);
});

it('13: sampling and unknown hints never fail a metrics query', async () => {
  for (const hints of ['with(sample=true)', 'with(sample=0.1)', 'with(unknown=1)', 'with(exemplars=true)', 'with(most_recent=true, sample=true)']) {
    const { series } = await askJson(vivace, QueryRangeResponseSchema, rangeUrl(`{nestedSetParent<0 && true} | rate()  ${hints}`));
    expect([hints, series.length]).toEqual([hints, 1]);
  }
  const empty = `/api/metrics/query_range?q=${encodeURIComponent('{nestedSetParent<0 && true} | rate() by (name) with(sample=true)')}&start=1000&end=1060`;
  expect(textOf(await ask(vivace, empty))).toMatch(/^\{"series":\[\],/);
});

it('14: numbers without a form are text in JSON and numbers in protobuf', async () => {
  const json = textOf(await ask(vivace, `/api/v2/traces/${IDS.odd}`));
  expect(json).toContain('{"doubleValue":"NaN"}');
  expect(json).toContain('{"doubleValue":"Infinity"}');
  const { traces } = await search('{ name = "text" } | select(span.infinite)');
  expect(traces[0].spanSets[0].spans[0].attributes.find(({ key }) => key === 'infinite')!.value!.value.value).toBe(Number.POSITIVE_INFINITY);
});

it('15: names of tags may hold anything, encoded once or twice; a start of NaN is refused with the reason', async () => {
  const { scopes } = await askJson(vivace, SearchTagsV2ResponseSchema, '/api/v2/search/tags?scope=span');
  for (const [name] of ODD) {
    expect(scopes[0].tags).toContain(name);
    const once = encodeURIComponent(`span.${name}`);
    for (const path of [once, encodeURIComponent(once)]) expect([path, (await ask(vivace, `/api/v2/search/tag/${path}/values`)).status]).toEqual([path, 200]);
  }
  for (const path of ['span.a/b%20c', 'span.a%2Fb%20c', 'span.a%252Fb%2520c', 'span.%22a%2Fb%20c%22']) {
    const { tagValues } = await askJson(vivace, SearchTagValuesV2ResponseSchema, `/api/v2/search/tag/${path}/values?tag=${path}`);
    expect([path, tagValues.map(({ value }) => value)]).toEqual([path, ['slash']]);
  }
  const refused = await ask(vivace, '/api/v2/search/tag/name/values?start=NaN&end=NaN');
  expect([refused.status, textOf(refused)]).toEqual([400, expect.stringMatching(/^error parsing date range/)]);
});

it('16: buildinfo has a version that turns everything on, and tags have a v2', async () => {
  const info = await ask(vivace, '/api/status/buildinfo');
  const { version } = JSON.parse(textOf(info)) as { version: string };
  const [major, minor] = /^(\d+)\.(\d+)\.\d+$/.exec(version)!.slice(1).map(Number);
  expect([info.status, info.type, major * 100 + minor >= 207]).toEqual([200, 'application/json', true]);
  expect((await askJson(vivace, SearchTagsV2ResponseSchema, '/api/v2/search/tags')).scopes.every(({ tags }) => tags.length > 0)).toBe(true);
});

it('17: errors are text with the reason', async () => {
  for (const [url, reason] of [
    ['/api/search?q=%7B', /parse error at line 1, col 2/],
    [rangeUrl('{'), /parse error at line 1, col 2/],
    ['/api/v2/traces/zz', /trace IDs can only contain hex characters/],
    ['/api/search?q={}&start=1&end=9999999', /range specified by start and end.*exceeds/],
    [`/api/metrics/query?q=${encodeURIComponent('{} | rate()')}&start=1&end=9999999`, /metrics query time range exceeds the maximum allowed duration of/],
  ] as const) {
    const { status, type, ...rest } = await ask(vivace, url, { accept: 'text/html,application/json' });
    expect([status, type, textOf(rest)]).toEqual([400, TEXT, expect.stringMatching(reason)]);
    expect(textOf(rest)).not.toMatch(/<|localblocks processor not found/);
  }
});

it('18: what the service graph links to is found; its metrics belong to the metrics generator', async () => {
  const { traces } = await search('{span.db.name="x" || span.db.system="x" || span.peer.service="x" || span.messaging.system="x" || span.net.peer.name="x"}');
  expect(traces.map(({ traceID }) => traceID).sort()).toEqual([IDS.front, IDS.queue]);
  expect((await search('{resource.service.name="back"}')).traces.map(({ traceID }) => traceID)).toEqual([IDS.front]);
});

it('19: the root of a trace has its service and nestedSetParent -1', async () => {
  const { traces } = await search('{nestedSetParent<0 && true} | select(resource.service.name, nestedSetParent)');
  expect(traces).toHaveLength(5);
  for (const { spanSets } of traces) {
    for (const { attributes } of spanSets[0].spans) {
      const values = Object.fromEntries(attributes.map(({ key, value }) => [key, value!.value.value]));
      expect(values).toEqual({ nestedSetParent: -1n, 'service.name': expect.stringMatching(/./) as unknown });
    }
  }
});
