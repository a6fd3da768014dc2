import fs from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import { text } from 'node:stream/consumers';
import { toJson } from '@bufbuild/protobuf';
import grpc from '@grpc/grpc-js';
import { SearchResponseSchema, StreamingQuerier } from '@vivace/proto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { newTraceId, requestOf, spanOf } from './otlp-json.ts';
import { clientOf, stream } from './streaming.ts';
import { CERTIFICATE, Vivace } from './vivace.ts';

// Grafana's streaming door: growing answers over gRPC, on a port of its own and on that of HTTP.

const { method } = StreamingQuerier;
const BLOCKS = 8;
const TRACES_PER_BLOCK = 5;
const MINUTE_NS = 60_000_000_000n;
const MIB = 1_048_576;

let vivace: Vivace;
const clients: grpc.Client[] = [];
const open = (address: string, credentials?: grpc.ChannelCredentials): grpc.Client => {
  clients.push(clientOf(address, credentials));
  return clients.at(-1)!;
};
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});
const secondsAgo = (seconds: number): number => Math.floor(Date.now() / 1_000) - seconds;
const RANGE = { start: secondsAgo(7_200), end: secondsAgo(-60) };
const RANGE_NS = { start: BigInt(RANGE.start) * 1_000_000_000n, end: BigInt(RANGE.end) * 1_000_000_000n };

/** Traces of a root and a child, which began `minutes` ago. */
function tracesAt(minutes: number, count: number, attributes: readonly object[] = []): object {
  const start = BigInt(Date.now()) * 1_000_000n - BigInt(minutes) * MINUTE_NS;
  const spans = Array.from({ length: count }, (_, nr) => {
    const times = { startTimeUnixNano: String(start + BigInt(nr)), endTimeUnixNano: String(start + BigInt(nr) + 1_000_000n) };
    const traceId = newTraceId();
    return [
      spanOf({ traceId, spanId: '0000000000000001', name: `at ${minutes}`, attributes, ...times }),
      spanOf({ traceId, spanId: '0000000000000002', parentSpanId: '0000000000000001', name: 'child', ...times }),
    ];
  });
  return requestOf('streaming', spans.flat());
}

describe('answers that grow', () => {
  beforeAll(async () => {
    vivace = await Vivace.create();
    await vivace.start();
    for (let block = 0; block < BLOCKS; block++) {
      await vivace.push(tracesAt(10 * (block + 1), TRACES_PER_BLOCK));
      await vivace.flush();
    }
    expect(vivace.blocks()).toHaveLength(BLOCKS);
    await vivace.kill('SIGTERM');
    // A block a part, one part at a time, each long enough that the answer grows while it is sent.
    await vivace.start(
      '-querier.extra-query-delay=200ms',
      '-querier.max-concurrent-queries=1',
      '-workers.threads=1',
      '-query-frontend.search.target-bytes-per-job=1',
      '-query-frontend.metrics.target-bytes-per-job=1',
    );
  });
  afterAll(async () => {
    await vivace.destroy();
    expect(vivace.errors()).toEqual([]);
  });

  it.each(['grpc', 'http'] as const)('Search on the port of %s', async (port) => {
    const client = open(port === 'grpc' ? vivace.grpc : new URL(vivace.http).host);
    const request = { Query: '{ name =~ "at .*" }', Limit: 100, SpansPerSpanSet: 3, ...RANGE };
    const { messages, code } = await stream(client, method.search, request);
    expect(code).toBe(0);
    expect(messages.length).toBeGreaterThan(2);
    const traces = messages.flatMap((message) => message.traces);
    expect(new Set(traces.map(({ traceID }) => traceID)).size).toBe(traces.length);
    const { body } = await vivace.get(`/api/search?q=${encodeURIComponent(request.Query)}&limit=100&start=${RANGE.start}&end=${RANGE.end}`);
    const whole = JSON.parse(body) as { traces: { traceID: string }[] };
    expect(whole.traces).toHaveLength(BLOCKS * TRACES_PER_BLOCK);
    // Newest blocks are asked first, and what is certain is told in that order.
    const told = messages.flatMap((message) => (toJson(SearchResponseSchema, message) as { traces?: object[] }).traces ?? []);
    expect(told).toEqual(whole.traces);
    expect(messages[0].traces.length).toBeLessThan(traces.length);
    const jobs = messages.map(({ metrics }) => metrics!.completedJobs);
    expect(jobs).toEqual([...jobs].sort((a, b) => a - b));
    expect(messages.at(-1)!.metrics).toMatchObject({ completedJobs: BLOCKS, totalJobs: BLOCKS, totalBlocks: BLOCKS });
  });

  it('Search tells of the newest only', async () => {
    const { messages } = await stream(open(vivace.grpc), method.search, { Query: '{ name =~ "at .*" }', Limit: TRACES_PER_BLOCK + 1, ...RANGE });
    const names = messages.flatMap(({ traces }) => traces.map(({ rootTraceName }) => rootTraceName));
    expect(names).toEqual([...Array.from({ length: TRACES_PER_BLOCK }, () => 'at 10'), 'at 20']);
    expect(messages[0].traces.length).toBeGreaterThan(0);
  });

  it('MetricsQueryRange tells values without false zeros, and at the end all', async () => {
    const request = { query: '{ name =~ "at .*" } | count_over_time() by (name)', ...RANGE_NS, step: 600_000_000_000n };
    const { messages, code } = await stream(open(vivace.grpc), method.metricsQueryRange, request);
    expect(code).toBe(0);
    expect(messages.length).toBeGreaterThan(2);
    const sum = (message: (typeof messages)[number]): number => message.series.flatMap(({ samples }) => samples).reduce((total, { value }) => total + value, 0);
    for (const message of messages.slice(0, -1)) expect(message.series.flatMap(({ samples }) => samples).every(({ value }) => value > 0)).toBe(true);
    const sums = messages.map(sum);
    expect(sums).toEqual([...sums].sort((a, b) => a - b));
    expect(sums.at(-1)).toBe(BLOCKS * TRACES_PER_BLOCK);
    expect(messages.at(-1)!.series).toHaveLength(BLOCKS);
    expect(messages.every(({ metrics }) => metrics !== undefined)).toBe(true);
  });

  it('MetricsQueryInstant ends with every series', async () => {
    const request = { query: '{ name =~ "at .*" } | count_over_time() by (name)', ...RANGE_NS };
    const { messages, code } = await stream(open(vivace.grpc), method.metricsQueryInstant, request);
    expect(code).toBe(0);
    expect(messages.length).toBeGreaterThan(2);
    expect(messages.at(-1)!.series.map(({ value }) => value)).toEqual(Array.from({ length: BLOCKS }, () => TRACES_PER_BLOCK));
  });

  it('a query ends when its client cancels', async () => {
    const asked = stream(open(vivace.grpc), method.search, { Query: '{ name = "cancelled" }', ...RANGE }, { onMessage: (_message, call) => call.cancel() });
    const { code, messages } = await asked;
    expect(code).toBe(1);
    expect(messages[0].metrics!.completedJobs).toBeLessThan(BLOCKS);
    // It waited for none of its other parts.
    const { body } = await vivace.get('/metrics');
    expect(body).toContain('tempo_query_frontend_queries_total{tenant="single-tenant",op="search",result="canceled"} 1');
  });
});

describe('the door', () => {
  beforeEach(async () => {
    vivace = await Vivace.create();
  });
  afterEach(async () => {
    await vivace.destroy();
    expect(vivace.errors()).toEqual([]);
  });

  it('answers 5,000 traces in messages below 1 MiB', async () => {
    await vivace.start();
    const padding = [{ key: 'padding', value: { stringValue: 'p'.repeat(1_000) } }];
    for (let request = 0; request < 5; request++) await vivace.push(tracesAt(1, 1_000, padding));
    const request = { Query: '{ span.padding != nil }', Limit: 5_000, ...RANGE };
    const { messages, sizes, code } = await stream(open(new URL(vivace.http).host), method.search, request);
    expect(code).toBe(0);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(MIB);
    expect(sizes.length).toBeGreaterThan(4);
    expect(new Set(messages.flatMap(({ traces }) => traces.map(({ traceID }) => traceID))).size).toBe(5_000);
    expect(messages.every(({ metrics }) => metrics !== undefined)).toBe(true);
  });

  it('takes one tenant, said once, twice or joined', async () => {
    await vivace.start('-multitenancy.enabled');
    await vivace.push(tracesAt(1, 1), { 'x-scope-orgid': 'team' });
    const client = open(new URL(vivace.http).host);
    const request = { Query: '{ }', ...RANGE };
    for (const tenants of [['team'], ['team', 'team'], ['team, team']]) {
      const { messages } = await stream(client, method.search, request, { tenants });
      expect(messages.flatMap(({ traces }) => traces)).toHaveLength(1);
    }
    expect(await stream(client, method.search, request)).toMatchObject({ code: 3, details: 'no org id', messages: [] });
    const other = await stream(client, method.search, request, { tenants: ['other'] });
    expect(other).toMatchObject({ code: 0, messages: [{ traces: [], metrics: {} }] });
  });

  it('says what is wrong', async () => {
    await vivace.start();
    const client = open(vivace.grpc);
    expect(await stream(client, method.search, { Query: '{ nam' })).toMatchObject({
      code: 3,
      details: expect.stringMatching(/^invalid TraceQL query: parse error at/),
    });
    expect(await stream(client, method.metricsQueryRange, { query: '{ } | rate(', ...RANGE_NS })).toMatchObject({
      code: 2,
      details: expect.stringMatching(/^parse error at/),
    });
    expect(await stream(client, method.metricsQueryRange, { query: '{ }', ...RANGE_NS })).toMatchObject({ code: 3, details: 'not a metrics query' });
    // What the data source asks when it is saved.
    expect(await stream(client, method.search, { Query: '{}', Limit: 1, ...RANGE })).toMatchObject({ code: 0, messages: [{ traces: [] }] });
  });

  it('knows tags', async () => {
    await vivace.start();
    await vivace.push(tracesAt(1, 1, [{ key: 'padding', value: { intValue: '7' } }]));
    const client = open(vivace.grpc);
    const names = await stream(client, method.searchTags, RANGE);
    expect(names.messages.flatMap(({ tagNames }) => tagNames)).toEqual(['padding', 'service.name']);
    const scopes = await stream(client, method.searchTagsV2, { scope: 'span', ...RANGE });
    expect(scopes.messages.flatMap((message) => message.scopes)).toMatchObject([{ name: 'span', tags: ['padding'] }]);
    const texts = await stream(client, method.searchTagValues, { tagName: 'service.name', ...RANGE });
    expect(texts.messages.flatMap(({ tagValues }) => tagValues)).toEqual(['streaming']);
    const values = await stream(client, method.searchTagValuesV2, { tagName: 'span.padding', ...RANGE });
    expect(values.messages.flatMap(({ tagValues }) => tagValues)).toMatchObject([{ type: 'int', value: '7' }]);
  });

  it('shares its port with HTTP', async () => {
    await vivace.start();
    await vivace.push(tracesAt(1, 3));
    const client = open(new URL(vivace.http).host);
    const agent = new http.Agent({ keepAlive: true, maxSockets: 2 });
    const echo = (): Promise<string> =>
      new Promise((resolve, reject) => {
        http.get(`${vivace.http}/api/echo`, { agent }, (response) => void text(response).then(resolve, reject)).on('error', reject);
      });
    const search = async (): Promise<number> =>
      (await stream(client, method.search, { Query: '{ }', ...RANGE })).messages.flatMap(({ traces }) => traces).length;
    const answers = await Promise.all(Array.from({ length: 50 }, (_, nr) => (nr % 2 === 0 ? echo() : search())));
    const session = http2.connect(vivace.http);
    const ready = session.request({ ':path': '/ready' });
    expect(await text(ready)).toBe('ready\n');
    session.close();
    expect(answers).toEqual(Array.from({ length: 50 }, (_, nr) => (nr % 2 === 0 ? 'echo' : 3)));
    agent.destroy();
    // Streams in the middle of it do not keep the process.
    expect(await vivace.kill('SIGTERM')).toBe(0);
  });

  it('can be shut on the port of HTTP', async () => {
    await vivace.start('-stream-over-http-enabled=false');
    expect((await stream(open(new URL(vivace.http).host), method.search, { Query: '{ }' })).code).toBe(14);
    expect((await stream(open(vivace.grpc), method.search, { Query: '{ }' })).code).toBe(0);
  });

  it('speaks TLS on both ports', async () => {
    await vivace.destroy();
    vivace = await Vivace.create({ tls: true });
    await vivace.start();
    const ca = fs.readFileSync(CERTIFICATE.cert);
    await vivace.push(tracesAt(1, 1));
    for (const address of [vivace.grpc, new URL(vivace.http).host]) {
      const { messages } = await stream(open(address, grpc.credentials.createSsl(ca)), method.search, { Query: '{ }', ...RANGE });
      expect(messages.flatMap(({ traces }) => traces)).toHaveLength(1);
    }
    const body = await new Promise<string>((resolve, reject) => {
      https.get(`${vivace.http}/api/echo`, { ca }, (response) => void text(response).then(resolve, reject)).on('error', reject);
    });
    expect(body).toBe('echo');
  });
});
