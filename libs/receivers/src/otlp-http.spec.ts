import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import zlib from 'node:zlib';
import { AppError, createMemoryLogger } from '@vivace/base';
import type { OtlpHttpConfig } from '@vivace/config';
import snappy from 'snappy';
import { afterEach, describe, expect, it } from 'vitest';
import { heldPush } from './held-push.fixture.ts';
import { MemoryBudget } from './memory-budget.ts';
import { startOtlpHttp } from './otlp-http.ts';
import type { Push, PushInfo, Receiver } from './receiver.ts';

const CONFIG: OtlpHttpConfig = {
  listen: { host: '127.0.0.1', port: 0 },
  tls: undefined,
  tracesPath: '/v1/traces',
  maxBodyBytes: 1000,
  encodings: undefined,
  cors: undefined,
};
const PROTOBUF = { 'content-type': 'application/x-protobuf' };
const JSON_HEADERS = { 'content-type': 'application/json' };

interface Seen {
  readonly tenant: string | undefined;
  readonly bytes: Buffer;
  readonly info: PushInfo;
}

let running: Receiver[] = [];
afterEach(async () => {
  await Promise.all(running.map((receiver) => receiver.stop(0)));
  running = [];
});

async function start(push?: Push, config: Partial<OtlpHttpConfig> = {}, maxPendingBytes = 1 << 20) {
  const seen: Seen[] = [];
  const logger = createMemoryLogger();
  const record: Push = async (tenant, bytes, info) => {
    seen.push({ tenant, bytes: Buffer.from(bytes), info });
    return (await push?.(tenant, bytes, info)) ?? { rejectedSpans: 0, message: '' };
  };
  const receiver = await startOtlpHttp({ config: { ...CONFIG, ...config }, push: record, budget: new MemoryBudget(maxPendingBytes, logger), logger });
  running.push(receiver);
  const url = `http://127.0.0.1:${receiver.port}`;
  const post = (body: Uint8Array<ArrayBuffer> | string, headers: Record<string, string> = PROTOBUF): Promise<Response> =>
    fetch(`${url}/v1/traces`, { method: 'POST', body, headers });
  return { receiver, url, post, seen, logger };
}

const failing =
  (error: Error): Push =>
  () =>
    Promise.reject(error);

describe('OTLP over HTTP', () => {
  it('takes protobuf and answers nothing, which is full success', async () => {
    const { post, seen } = await start();
    const response = await post('bytes', { ...PROTOBUF, 'x-scope-orgid': 'team-a' });
    expect([response.status, response.headers.get('content-type'), await response.text()]).toEqual([200, 'application/x-protobuf', '']);
    expect(seen).toEqual([{ tenant: 'team-a', bytes: Buffer.from('bytes'), info: { receiver: 'otlp/otlp_receiver', transport: 'http' } }]);
  });

  it('takes JSON and answers as Tempo does', async () => {
    const { post, seen } = await start();
    const response = await post('{"resourceSpans":[{}]}', { 'content-type': 'application/json; charset=utf-8' });
    expect([response.status, response.headers.get('content-type'), await response.text()]).toEqual([200, 'application/json', '{"partialSuccess":{}}']);
    expect(seen[0].bytes.toString('hex')).toBe('0a00');
    expect(seen[0].tenant).toBeUndefined();
  });

  it.each([
    ['gzip', zlib.gzipSync],
    ['deflate', zlib.deflateSync],
    ['deflate', zlib.deflateRawSync],
    ['zstd', zlib.zstdCompressSync],
    ['snappy', (bytes: Buffer) => Uint8Array.from(snappy.compressSync(bytes))],
  ] as const)('decompresses %s', async (encoding, compress) => {
    const { post, seen } = await start();
    const body = Buffer.from('x'.repeat(1000));
    expect((await post(compress(body), { ...PROTOBUF, 'content-encoding': encoding })).status).toBe(200);
    expect(seen[0].bytes).toEqual(body);
    const bomb = await post(compress(Buffer.alloc(10_000)), { ...JSON_HEADERS, 'content-encoding': encoding });
    expect(bomb.status).toBe(413);
    expect(await bomb.json()).toEqual({
      code: 3,
      message: expect.stringMatching(/more than 1000 bytes; raise distributor\.receivers\.otlp\.protocols\.http\.max_request_body_size/),
    });
    const broken = await post('not compressed', { ...JSON_HEADERS, 'content-encoding': encoding });
    expect(broken.status).toBe(400);
    expect(seen).toHaveLength(1);
  });

  it('bounds the body, announced or not', async () => {
    const { post, url, seen } = await start();
    expect((await post('x'.repeat(1000))).status).toBe(200);
    expect((await post('x'.repeat(1001))).status).toBe(413);
    const status = await new Promise((resolve, reject) => {
      const request = http.request(`${url}/v1/traces`, { method: 'POST', headers: { ...PROTOBUF, 'transfer-encoding': 'chunked' } });
      request.on('response', (response) => resolve(response.statusCode)).on('error', reject);
      request.write('x'.repeat(600));
      request.write('x'.repeat(600));
    });
    expect(status).toBe(413);
    expect(seen).toHaveLength(1);
  });

  it('holds no more than it may, compressed and not, until requests are answered', async () => {
    const { push, entered, release } = heldPush();
    const { post } = await start(push, {}, 1500);
    const gzip = zlib.gzipSync('x'.repeat(900));
    const first = post(gzip, { ...PROTOBUF, 'content-encoding': 'gzip' });
    await entered;
    const refused = await post('x'.repeat(601), JSON_HEADERS);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
    expect(await refused.json()).toMatchObject({
      code: 8,
      message: `receivers hold ${900 + gzip.length} bytes of requests already, limit distributor.max_pending_bytes 1500`,
    });
    release();
    expect((await first).status).toBe(200);
    expect((await post('x'.repeat(1000))).status).toBe(200);
  });

  it('answers a sender that does not listen before it has sent all, but does not read for ever', async () => {
    const { receiver } = await start();
    const head = 'POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n';
    const chunk = Buffer.concat([Buffer.from('100000\r\n'), Buffer.alloc(1 << 20), Buffer.from('\r\n')]);
    const patient = net.connect(receiver.port, '127.0.0.1');
    patient.write(Buffer.concat([Buffer.from(head), ...Array<Buffer>(32).fill(chunk), Buffer.from('0\r\n\r\n')]));
    await once(patient, 'drain');
    expect(await text(patient)).toMatch(/^HTTP\/1\.1 413 [^]*connection: close[^]*larger than 1000 bytes/i);

    const endless = net.connect(receiver.port, '127.0.0.1').on('error', () => undefined);
    endless.write(head);
    const again = (): unknown => endless.writable && endless.write(chunk, again);
    again();
    await new Promise((resolve) => endless.once('close', resolve));
    expect(endless.bytesWritten).toBeGreaterThan(64 << 20);
  });

  it('tells what was refused, in the encoding of the request, with the place in the JSON', async () => {
    const { post } = await start(async () => ({ rejectedSpans: 2, message: 'refused 2 of 3 spans' }));
    expect(Buffer.from(await (await post('x')).arrayBuffer()).toString('hex')).toBe(`0a1808021214${Buffer.from('refused 2 of 3 spans').toString('hex')}`);
    const json = await post('{"resourceSpans":[{"scopeSpans":[{"spans":[{"kind":"BAD"}]}]}]}', JSON_HEADERS);
    expect(await json.json()).toEqual({
      partialSuccess: { rejectedSpans: '2', errorMessage: 'refused 2 of 3 spans; resourceSpans[0].scopeSpans[0].spans[0].kind: unknown value "BAD"' },
    });
  });

  it('asks a rate-limited sender to come back', async () => {
    const { post } = await start(failing(new AppError('resource_exhausted', 'RATE_LIMITED: slow down', { retryAfterMs: 1500 })));
    const json = await post('{}', JSON_HEADERS);
    expect([json.status, json.headers.get('retry-after')]).toEqual([429, '2']);
    expect(await json.json()).toEqual({
      code: 8,
      message: 'RATE_LIMITED: slow down',
      details: [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '1.5s' }],
    });
    const protobuf = await post('x');
    const text = Buffer.from('RATE_LIMITED: slow down').toString('hex');
    const type = Buffer.from('type.googleapis.com/google.rpc.RetryInfo').toString('hex');
    expect([protobuf.status, protobuf.headers.get('retry-after')]).toEqual([429, '2']);
    // Status{8, text, [Any{type, RetryInfo{Duration{1 s, 500,000,000 ns}}}]}
    const want = `0808 1217${text} 1a36 0a28${type} 120a 0a08 0801 1080cab5ee01`.replaceAll(' ', '');
    expect(Buffer.from(await protobuf.arrayBuffer()).toString('hex')).toBe(want);
  });

  it.each([
    [new AppError('unavailable', 'starting'), 503, 14, 'starting'],
    [new AppError('unauthenticated', 'no org id'), 401, 16, 'no org id'],
    [new AppError('invalid_argument', 'not OTLP'), 400, 3, 'not OTLP'],
    [new Error('secret detail'), 500, 13, 'internal error: see the log of the server'],
  ])('maps %s', async (error, status, code, message) => {
    const { post, logger } = await start(failing(error));
    const response = await post('{}', JSON_HEADERS);
    expect(response.status).toBe(status);
    expect(await response.json()).toEqual({ code, message });
    expect(logger.entries.map((entry) => entry.fields.err)).toEqual(status === 500 ? [error] : []);
  });

  it('refuses bad JSON with its path', async () => {
    const { post, seen } = await start();
    const response = await post('{"resourceSpans":7}', JSON_HEADERS);
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({ code: 3, message: 'otlp json: resourceSpans: want an array, got 7' });
    expect(seen).toHaveLength(0);
  });

  it('answers other paths, methods and types in clear text', async () => {
    const { url, post } = await start();
    const wrongPath = await fetch(`${url}/v1/metrics`, { method: 'POST', body: 'x' });
    expect([wrongPath.status, await wrongPath.text()]).toEqual([404, 'otlp http receiver: nothing at "/v1/metrics", traces go to POST /v1/traces\n']);
    const wrongMethod = await fetch(`${url}/v1/traces`);
    expect([wrongMethod.status, wrongMethod.headers.get('allow'), await wrongMethod.text()]).toEqual([
      405,
      'POST',
      'otlp http receiver: method GET is not allowed, want POST\n',
    ]);
    const wrongType = await post('x', { 'content-type': 'text/html' });
    expect([wrongType.status, await wrongType.text()]).toEqual([
      415,
      'otlp http receiver: content-type "text/html" is not supported, want application/x-protobuf or application/json\n',
    ]);
  });

  it.each(['br', 'gzip, zstd', 'constructor'])('refuses content-encoding %s and names those it knows', async (encoding) => {
    const { post } = await start();
    const response = await post('{}', { ...JSON_HEADERS, 'content-encoding': encoding });
    expect(response.status).toBe(415);
    expect(await response.json()).toEqual({
      code: 3,
      message: `otlp http receiver: content-encoding "${encoding}" is not supported, want one of gzip, x-gzip, zstd, zlib, deflate, snappy, x-snappy-framed, lz4`,
    });
  });

  it('takes only the encodings it is told to, if any', async () => {
    const { post } = await start(undefined, { encodings: ['gzip'] });
    const message = 'otlp http receiver: content-encoding "" is not supported, want one of gzip';
    expect((await post(zlib.gzipSync('{}'), { ...JSON_HEADERS, 'content-encoding': 'gzip' })).status).toBe(200);
    expect((await post(zlib.zstdCompressSync('{}'), { ...JSON_HEADERS, 'content-encoding': 'zstd' })).status).toBe(415);
    expect(await (await post('{}', JSON_HEADERS)).json()).toEqual({ code: 3, message });
    const both = await start(undefined, { encodings: ['', 'zstd'] });
    expect((await both.post('{}', JSON_HEADERS)).status).toBe(200);
  });

  it('has no CORS unless configured', async () => {
    const preflight = { method: 'OPTIONS', headers: { origin: 'https://app.example.com', 'access-control-request-method': 'POST' } };
    const off = await start();
    const refused = await fetch(`${off.url}/v1/traces`, preflight);
    expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([405, null]);

    const on = await start(undefined, { cors: { allowedOrigins: ['https://*.example.com'], allowedHeaders: ['X-Custom'], maxAgeSeconds: 60 } });
    const allowed = await fetch(`${on.url}/v1/traces`, preflight);
    expect(allowed.status).toBe(204);
    expect(Object.fromEntries(allowed.headers)).toMatchObject({
      'access-control-allow-origin': 'https://app.example.com',
      'access-control-allow-methods': 'POST',
      'access-control-allow-headers': expect.stringContaining('X-Custom'),
      'access-control-max-age': '60',
    });
    expect((await on.post('x', { ...PROTOBUF, origin: 'https://app.example.com' })).headers.get('access-control-allow-origin')).toBe('https://app.example.com');
    const foreign = await on.post('x', { ...PROTOBUF, origin: 'https://example.com.evil.org' });
    expect([foreign.status, foreign.headers.get('access-control-allow-origin')]).toEqual([200, null]);
  });

  it('lets open requests finish when it stops, and takes no new ones', async () => {
    const entered = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const { receiver, post } = await start(async () => {
      entered.resolve();
      await release.promise;
      return { rejectedSpans: 0, message: '' };
    });
    const open = post('x');
    await entered.promise;
    const stopped = receiver.stop(60_000);
    await expect(post('y')).rejects.toThrow();
    release.resolve();
    expect((await open).status).toBe(200);
    await stopped;
  });

  it('cuts off requests that do not finish in time', async () => {
    const entered = Promise.withResolvers<void>();
    const { receiver, post } = await start(() => {
      entered.resolve();
      return new Promise(() => undefined);
    });
    const open = post('x').catch((error: unknown) => error);
    await entered.promise;
    await receiver.stop(0);
    expect(await open).toBeInstanceOf(Error);
  });

  it('speaks TLS, with a clear word about files it cannot read', async () => {
    const pem = (name: string): string => fileURLToPath(new URL(`../../../testdata/otlp/tls/${name}.pem`, import.meta.url));
    const tls = { certFile: pem('cert'), keyFile: pem('key'), clientCaFile: '' };
    const { receiver, seen } = await start(undefined, { tls });
    const status = await new Promise((resolve, reject) => {
      const options = {
        host: '127.0.0.1',
        port: receiver.port,
        path: '/v1/traces',
        method: 'POST',
        headers: PROTOBUF,
        ca: readFileSync(tls.certFile),
        agent: false,
      };
      https
        .request(options, (response) => resolve(response.statusCode))
        .on('error', reject)
        .end('bytes');
    });
    expect([status, seen[0].bytes.toString()]).toEqual([200, 'bytes']);
    await expect(start(undefined, { tls: { ...tls, keyFile: '/no/such/key.pem' } })).rejects.toMatchObject({
      code: 'failed_precondition',
      message: expect.stringContaining('cannot read "/no/such/key.pem"'),
    });
  });

  it('says which address it cannot have', async () => {
    const { receiver } = await start();
    await expect(start(undefined, { listen: { host: '127.0.0.1', port: receiver.port } })).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining(`cannot listen on 127.0.0.1:${receiver.port}`),
    });
  });
});
