import zlib from 'node:zlib';
import { traceToProto } from '@vivace/otlp';
import { tableOf } from '@vivace/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exportGrpc } from './otlp-grpc.ts';
import { newTraceId, requestOf, spanOf, tracesOf } from './otlp-json.ts';
import { findTrace, search } from './trace-answer.ts';
import { Vivace } from './vivace.ts';

// What is refused reaches the sender, with its reason; the rest is kept.

const RESOURCE_EXHAUSTED = 8;
const INVALID_ARGUMENT = 3;
const UNAUTHENTICATED = 16;
const RATE = 'rate_limit_bytes: 1GB, burst_size_bytes: 1GB';
const MAX_BODY_BYTES = 1 << 20;

let vivace: Vivace;
beforeAll(async () => {
  vivace = await Vivace.create({
    http: { max_request_body_size: MAX_BODY_BYTES },
    grpc: { max_recv_msg_size_mib: 1 },
    tenants: [
      'rated: { ingestion: { rate_limit_bytes: 1000, burst_size_bytes: 3000, retry_info_enabled: true } }',
      `small-traces: { ingestion: { ${RATE} }, global: { max_bytes_per_trace: 2000 } }`,
      `few-traces: { ingestion: { ${RATE}, max_traces_per_user: 5 } }`,
      `short-attributes: { ingestion: { ${RATE}, max_attribute_bytes: 16 } }`,
    ].join('\n'),
  });
  await vivace.start('-multitenancy.enabled');
});
afterAll(() => vivace.destroy());

const as = (tenant: string): Readonly<Record<string, string>> => ({ 'x-scope-orgid': tenant });

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: {
    readonly partialSuccess?: { readonly rejectedSpans?: string; readonly errorMessage?: string };
    readonly code?: number;
    readonly message?: string;
  };
}

async function send(tenant: string, body: string | Buffer<ArrayBuffer>, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const response = await fetch(`${vivace.otlpHttp}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...as(tenant), ...headers },
    body,
  });
  return { status: response.status, headers: response.headers, body: (await response.json()) as Answer['body'] };
}

const sendSpans = (tenant: string, spans: readonly object[]): Promise<Answer> => send(tenant, JSON.stringify(requestOf('limits', spans)));

/** The value of a metric with these labels; 0 while it has none. */
async function metric(name: string, labels: Readonly<Record<string, string>>): Promise<number> {
  const { body } = await vivace.get('/metrics');
  const isIt = (line: string) => /^\w+/.exec(line)?.[0] === name && Object.entries(labels).every(([key, value]) => line.includes(`${key}="${value}"`));
  return Number(body.split('\n').find(isIt)?.split(' ').at(-1) ?? 0);
}

const idsFor = async (tenant: string): Promise<readonly string[]> => (await search(vivace, '{ }', as(tenant))).map(({ traceID }) => traceID);

describe('bad spans', () => {
  it('are refused alone, with reasons and counts', async () => {
    const [good, other] = [newTraceId(), newTraceId()];
    const answer = await sendSpans('bad-spans', [
      spanOf({ traceId: good }),
      spanOf({ traceId: good.slice(2), name: 'trace id of 15 bytes' }),
      spanOf({ traceId: '0'.repeat(32), name: 'trace id of zeros' }),
      spanOf({ traceId: other, spanId: '01', name: 'span id of 1 byte' }),
      spanOf({ traceId: other }),
    ]);
    expect(answer.status).toBe(200);
    expect(answer.body.partialSuccess).toEqual({
      rejectedSpans: '3',
      errorMessage: expect.stringMatching(/^refused 3 of 5 spans: 2 invalid_trace_id \(.+\), 1 invalid_span_id \(.+\)$/) as unknown,
    });
    expect([...(await idsFor('bad-spans'))].sort()).toEqual([good, other].sort());
    expect(await metric('tempo_discarded_spans_total', { tenant: 'bad-spans', reason: 'invalid_trace_id' })).toBe(2);
  });

  it('that end long before they start are refused', async () => {
    const answer = await sendSpans('bad-times', [
      spanOf({ traceId: newTraceId(), startTimeUnixNano: '1700000000000000000', endTimeUnixNano: '1600000000000000000' }),
      spanOf({ traceId: newTraceId() }),
    ]);
    expect(answer.body.partialSuccess).toMatchObject({ rejectedSpans: '1', errorMessage: expect.stringContaining('1 invalid_time') as unknown });
  });

  it('with something malformed inside are refused alone, over gRPC too', async () => {
    const [good, bad] = [newTraceId(), newTraceId()];
    const bytes = Buffer.concat([protoOf(good, 'good'), protoOf(bad, 'XXXX')]);
    // The name's tag becomes one of a wire type that does not exist; lengths around it stay.
    bytes[bytes.indexOf('XXXX') - 2] = 0x2f;
    const answer = await exportGrpc(vivace.otlpGrpc, bytes, as('malformed'));
    expect(answer.toString()).toContain('refused 1 of 2 spans: 1 malformed_span');
    expect(await idsFor('malformed')).toEqual([good]);
  });
});

describe('what is not OTLP', () => {
  it('is refused with the offset: protobuf', async () => {
    const bytes = Buffer.concat([protoOf(newTraceId(), 'fine'), Buffer.from([0x0f])]);
    const response = await fetch(`${vivace.otlpHttp}/v1/traces`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-protobuf', ...as('plain') },
      body: bytes,
    });
    expect(response.status).toBe(400);
    expect(await response.text()).toMatch(new RegExp(`offset ${bytes.length - 1}\\b|byte ${bytes.length - 1}\\b`));
  });

  it('is refused with the place: JSON', async () => {
    const { status, body } = await send('plain', '{"resourceSpans": [nonsense]}');
    expect(status).toBe(400);
    expect(body.message).toContain('[nonsense]}');
  });

  it('is refused with the offset: gRPC', async () => {
    await expect(exportGrpc(vivace.otlpGrpc, Buffer.from([0x0a, 0x05, 0x0f]), as('plain'))).rejects.toMatchObject({
      code: INVALID_ARGUMENT,
      details: expect.stringMatching(/offset \d+|byte \d+/) as unknown,
    });
  });
});

describe('the rate', () => {
  it('is limited over HTTP with Retry-After', async () => {
    let answer = await send('rated', JSON.stringify(tracesOf('limits', [newTraceId()], 5)));
    expect(answer.status).toBe(200);
    for (let i = 0; i < 20 && answer.status === 200; i++) answer = await send('rated', JSON.stringify(tracesOf('limits', [newTraceId()], 5)));
    expect(answer.status).toBe(429);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(answer.body.message).toContain('rate_limit_bytes');
    expect(await metric('tempo_discarded_spans_total', { tenant: 'rated', reason: 'rate_limited' })).toBe(5);
  });

  it('is limited over gRPC with RetryInfo', async () => {
    const push = async (): Promise<unknown> => {
      for (let i = 0; i < 30; i++) await exportGrpc(vivace.otlpGrpc, protoOf(newTraceId(), 'x'.repeat(200)), as('rated'));
      return 'all accepted';
    };
    const refusal = await push().catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: RESOURCE_EXHAUSTED });
    expect((refusal as { status: Buffer }).status.toString('latin1')).toContain('google.rpc.RetryInfo');
  });
});

describe('limits on traces', () => {
  it('a trace that is too large keeps what fitted', async () => {
    const traceId = newTraceId();
    const spans = Array.from({ length: 40 }, (_, i) => spanOf({ traceId, spanId: (i + 1).toString(16).padStart(16, '0'), name: 'n'.repeat(100) }));
    let rejected = 0;
    for (const span of spans) {
      const { status, body } = await sendSpans('small-traces', [span]);
      expect(status).toBe(200);
      rejected += Number(body.partialSuccess?.rejectedSpans ?? 0);
      if (body.partialSuccess?.rejectedSpans)
        expect(body.partialSuccess.errorMessage).toMatch(/^refused 1 of 1 spans: 1 trace_too_large \(.*max_bytes_per_trace 2000\)$/);
    }
    expect(rejected).toBeGreaterThan(20);
    const { body } = await vivace.get(`/api/v2/traces/${traceId}`, as('small-traces'));
    expect(body.match(/"spanId"/g)).toHaveLength(spans.length - rejected);
    expect(await metric('tempo_discarded_spans_total', { tenant: 'small-traces', reason: 'trace_too_large' })).toBe(rejected);
  });

  it('more live traces than allowed are refused, spans of live ones are not', async () => {
    const ids = Array.from({ length: 8 }, newTraceId);
    const { body } = await sendSpans(
      'few-traces',
      ids.map((traceId) => spanOf({ traceId })),
    );
    expect(body.partialSuccess).toMatchObject({
      rejectedSpans: '3',
      errorMessage: expect.stringContaining('3 live_traces_exceeded (limit ingestion.max_traces_per_user 5)') as unknown,
    });
    const found = await idsFor('few-traces');
    expect(found).toHaveLength(5);
    expect((await sendSpans('few-traces', [spanOf({ traceId: found[0], spanId: '0000000000000002' })])).body.partialSuccess).toEqual({});
    expect(await metric('tempo_discarded_spans_total', { tenant: 'few-traces', reason: 'live_traces_exceeded' })).toBe(3);
  });

  it('long attributes are cut and counted', async () => {
    const traceId = newTraceId();
    const { body } = await sendSpans('short-attributes', [
      spanOf({ traceId, attributes: [{ key: 'long', value: { stringValue: 'abcdefghijklmnopqrstuvwxyz' } }] }),
    ]);
    expect(body.partialSuccess).toEqual({});
    expect((await search(vivace, '{ span.long = "abcdefghijklmnop" }', as('short-attributes'))).map(({ traceID }) => traceID)).toEqual([traceId]);
    expect(await metric('tempo_distributor_attributes_truncated_total', { tenant: 'short-attributes' })).toBe(1);
  });
});

describe('the size of a message', () => {
  const large = () => JSON.stringify(requestOf('limits', [spanOf({ traceId: newTraceId(), name: 'x'.repeat(MAX_BODY_BYTES) })]));

  it('is limited over HTTP, naming the key', async () => {
    const { status, body } = await send('plain', large());
    expect(status).toBe(413);
    expect(body.message).toContain('distributor.receivers.otlp.protocols.http.max_request_body_size');
  });

  it('is limited over gRPC, naming the key', async () => {
    await expect(exportGrpc(vivace.otlpGrpc, Buffer.alloc(MAX_BODY_BYTES + 1), as('plain'))).rejects.toMatchObject({
      code: RESOURCE_EXHAUSTED,
      details: expect.stringContaining('distributor.receivers.otlp.protocols.grpc.max_recv_msg_size_mib') as unknown,
    });
  });

  it.each([
    ['gzip', zlib.gzipSync],
    ['deflate', zlib.deflateSync],
    ['zstd', zlib.zstdCompressSync],
  ] as const)('is limited after decompression: a bomb of %s', async (encoding, compress) => {
    const bomb = Buffer.from(compress(Buffer.alloc(256 << 20, ' ')));
    expect(bomb.length).toBeLessThan(MAX_BODY_BYTES);
    const before = await metric('process_resident_memory_bytes', {});
    expect(before).toBeGreaterThan(0);
    const { status, body } = await send('plain', bomb, { 'content-encoding': encoding });
    expect(status).toBe(413);
    expect(body.message).toContain('max_request_body_size');
    expect((await metric('process_resident_memory_bytes', {})) - before).toBeLessThan(64 << 20);
  });

  it.each([
    ['gzip', zlib.gzipSync],
    ['deflate', zlib.deflateSync],
    ['zstd', zlib.zstdCompressSync],
  ] as const)('takes %s', async (encoding, compress) => {
    const traceId = newTraceId();
    const body = Buffer.from(compress(Buffer.from(JSON.stringify(tracesOf('limits', [traceId], 3)))));
    expect((await send('compressed', body, { 'content-encoding': encoding })).body).toEqual({ partialSuccess: {} });
    expect(await idsFor('compressed')).toContain(traceId);
  });
});

describe('tenants', () => {
  it('must be named', async () => {
    const request = JSON.stringify(tracesOf('limits', [newTraceId()], 1));
    const response = await fetch(`${vivace.otlpHttp}/v1/traces`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: request });
    expect(response.status).toBe(401);
    await expect(exportGrpc(vivace.otlpGrpc, protoOf(newTraceId(), 'x'))).rejects.toMatchObject({ code: UNAUTHENTICATED });
    for (const path of ['/api/search', `/api/v2/traces/${newTraceId()}`, '/api/v2/search/tags'])
      expect(await vivace.get(path)).toEqual({ status: 401, body: 'no org id\n' });
    expect((await vivace.get('/api/echo')).status).toBe(200);
  });

  it('are kept apart, recent and from blocks', async () => {
    const ids = { red: newTraceId(), blue: newTraceId() };
    for (const [tenant, id] of Object.entries(ids)) await vivace.push(tracesOf(`${tenant}-service`, [id], 2), as(tenant));
    const checkApart = async () => {
      for (const [tenant, id] of Object.entries(ids)) {
        expect(await idsFor(tenant)).toEqual([id]);
        const { body } = await vivace.get('/api/v2/search/tag/resource.service.name/values', as(tenant));
        expect(body).not.toContain(tenant === 'red' ? 'blue' : 'red');
      }
      expect(await findTrace(vivace, ids.red, as('red'))).toHaveLength(2);
      expect(await findTrace(vivace, ids.red, as('blue'))).toEqual([]);
    };
    await checkApart();
    await vivace.flush();
    await checkApart();
  });
});

/** A request of one span as protobuf. */
function protoOf(traceId: string, name: string): Buffer {
  const startNs = BigInt(Date.now()) * 1_000_000n;
  const span = { spanId: '0000000000000001', parentId: '', name, kind: 1, startNs, endNs: startNs, status: 0, attrs: [], events: [], links: [] };
  const table = tableOf([{ traceId, spans: [{ ...span, resource: [['service.name', 'limits']], scope: { name: '', version: '', attrs: [] } }] }]);
  return Buffer.from(traceToProto(table, 0));
}
