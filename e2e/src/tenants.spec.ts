import { QueryInstantResponseSchema, SearchResponseSchema, SearchTagValuesV2ResponseSchema, StreamingQuerier } from '@vivace/proto';
import { fromJsonString } from '@bufbuild/protobuf';
import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import type { Client } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newTraceId, requestOf, spanOf } from './otlp-json.ts';
import { clientOf, stream } from './streaming.ts';
import { ask } from './strict-decode.ts';
import { findTrace } from './trace-answer.ts';
import { Vivace } from './vivace.ts';

// Tenants see their own data, and those of several that are asked together, while it is recent and from blocks.

const TEXT = 'text/plain; charset=utf-8';
const as = (tenant: string) => ({ 'x-scope-orgid': tenant });
const [ofA, ofB, ofBoth] = [newTraceId(), newTraceId(), newTraceId()];
const startSec = Math.floor(Date.now() / 1000) - 60;
const RANGE = { start: startSec - 60, end: startSec + 120 };

let vivace: Vivace;
let client: Client;
beforeAll(async () => {
  vivace = await Vivace.create({
    tenants: 'a: { ingestion: { rate_limit_bytes: 1GB, burst_size_bytes: 1GB }, read: { max_search_duration: 1h, max_metrics_duration: 30m } }',
  });
  await vivace.start('-multitenancy.enabled');
  client = clientOf(vivace.grpc);
  await vivace.push(requestOf('shop', [spanOf({ traceId: ofA }), spanOf({ traceId: ofBoth, spanId: '00000000000000a1', name: 'of a' })]), as('a'));
  await vivace.push(requestOf('bank', [spanOf({ traceId: ofB }), spanOf({ traceId: ofBoth, spanId: '00000000000000b1', name: 'of b' })]), as('b'));
});
afterAll(async () => {
  client.close();
  await vivace.destroy();
  expect(vivace.errors()).toEqual([]);
});

async function get<S extends DescMessage>(schema: S, tenant: string, path: string, parameters: Record<string, string> = {}): Promise<MessageShape<S>> {
  const query = new URLSearchParams({ ...parameters, start: String(RANGE.start), end: String(RANGE.end) });
  const { status, body } = await vivace.get(`${path}?${query}`, as(tenant));
  expect(status, body).toBe(200);
  return fromJsonString(schema, body);
}

describe('without a tenant', () => {
  it.each(['/api/search', '/api/v2/traces/1', '/api/v2/search/tags', '/api/metrics/query'])('%s is 401', async (url) => {
    const { status, type, bytes } = await ask(vivace, url);
    expect([status, type, Buffer.from(bytes).toString()]).toEqual([401, TEXT, 'no org id\n']);
  });

  it.each(['/api/echo', '/api/status/buildinfo', '/ready', '/status'])('%s is open', async (url) => {
    expect((await ask(vivace, url)).status).toBe(200);
  });
});

describe('recent', askAll);

describe('from blocks', () => {
  beforeAll(() => vivace.flush());
  it('has everything in blocks', () => expect(vivace.blocks()).toHaveLength(2));
  askAll();
});

function askAll(): void {
  it.each([
    ['a', ['shop'], [ofA, ofBoth], 2],
    ['b', ['bank'], [ofB, ofBoth], 2],
    ['a|b', ['bank', 'shop'], [ofA, ofB, ofBoth], 4],
    ['b|a|unknown', ['bank', 'shop'], [ofA, ofB, ofBoth], 4],
    ['a, a', ['shop'], [ofA, ofBoth], 2],
    ['unknown', [], [], 0],
  ])('%s', async (tenant, services, ids, spans) => {
    const { traces } = await get(SearchResponseSchema, tenant, '/api/search', { q: '{ }', limit: '10' });
    expect(traces.map(({ traceID }) => traceID).sort()).toEqual([...ids].sort());
    const { tagValues } = await get(SearchTagValuesV2ResponseSchema, tenant, '/api/v2/search/tag/resource.service.name/values');
    expect(tagValues.map(({ value }) => value).sort()).toEqual(services);
    const { series } = await get(QueryInstantResponseSchema, tenant, '/api/metrics/query', { q: '{ } | count_over_time()' });
    expect(series[0].value).toBe(spans);
    const both = await findTrace(vivace, ofBoth, as(tenant));
    expect(both.map(({ name }) => name)).toEqual(services.map((service) => (service === 'shop' ? 'of a' : 'of b')).sort());
  });

  it('a trace in several tenants is one, and of all of them', async () => {
    const { traces } = await get(SearchResponseSchema, 'a|b', '/api/search', { q: '{ name =~ "of ." }' });
    expect(traces.map(({ traceID, spanSets }) => [traceID, spanSets.map(({ matched }) => matched)])).toEqual([[ofBoth, [2]]]);
  });

  it('gRPC takes several as well', async () => {
    const { code, messages } = await stream(client, StreamingQuerier.method.search, { Query: '{}', ...RANGE, Limit: 10 }, { tenants: ['a|b', 'a|b'] });
    expect([code, messages.flatMap(({ traces }) => traces.map(({ traceID }) => traceID)).sort()]).toEqual([0, [ofA, ofB, ofBoth].sort()]);
  });
}

it('the strictest limit holds for several', async () => {
  const search = (tenant: string) => vivace.get('/api/search?q=%7B%7D&start=1000&end=5000', as(tenant));
  expect([(await search('b')).status, (await search('a|b')).status]).toEqual([200, 400]);
  const metrics = (tenant: string) => vivace.get(`/api/metrics/query?q=${encodeURIComponent('{} | rate()')}&start=1000&end=5000`, as(tenant));
  expect([(await metrics('b')).status, (await metrics('a|b')).body]).toEqual([
    200,
    expect.stringContaining('30m0s, set by read.max_metrics_duration') as unknown,
  ]);
});

it('spans are sent to one tenant', async () => {
  await expect(vivace.push(requestOf('x', [spanOf({ traceId: newTraceId() })]), as('a|b'))).rejects.toThrow('one tenant only');
});

it('several can be refused', async () => {
  await vivace.kill('SIGTERM');
  await vivace.start('-multitenancy.enabled', '-query-frontend.multi-tenant-queries-enabled=false');
  expect(await vivace.get('/api/search?q=%7B%7D', as('a'))).toMatchObject({ status: 200 });
  expect(await vivace.get('/api/search?q=%7B%7D', as('a|b'))).toMatchObject({
    status: 400,
    body: expect.stringContaining('multi_tenant_queries_enabled') as unknown,
  });
});
