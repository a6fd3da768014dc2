import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http2 from 'node:http2';
import { fileURLToPath } from 'node:url';
import zlib from 'node:zlib';
import grpc from '@grpc/grpc-js';
import { AppError, createMemoryLogger, parseTenantId } from '@vivace/base';
import type { OtlpGrpcConfig } from '@vivace/config';
import { afterEach, describe, expect, it } from 'vitest';
import { snappyFramed } from './compressed.fixture.ts';
import { heldPush } from './held-push.fixture.ts';
import { MemoryBudget } from './memory-budget.ts';
import { startOtlpGrpc } from './otlp-grpc.ts';
import type { Push, PushInfo, Receiver } from './receiver.ts';

const CONFIG: OtlpGrpcConfig = {
  listen: { host: '127.0.0.1', port: 0 },
  tls: undefined,
  maxMessageBytes: 1000,
  maxConcurrentStreams: 0,
  maxConnectionIdleMs: 0,
  maxConnectionAgeMs: 0,
  maxConnectionAgeGraceMs: 0,
  keepaliveTimeMs: 0,
  keepaliveTimeoutMs: 0,
};
const PATH = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';

let running: Receiver[] = [];
let clients: grpc.Client[] = [];
afterEach(async () => {
  for (const client of clients) client.close();
  await Promise.all(running.map((receiver) => receiver.stop(0)));
  running = [];
  clients = [];
});

async function start(push?: Push, overrides: Partial<OtlpGrpcConfig> = {}, maxPendingBytes = 1 << 20) {
  const seen: { tenant: string | undefined; bytes: Buffer; info: PushInfo }[] = [];
  const logger = createMemoryLogger();
  const record: Push = async (tenant, bytes, info) => {
    seen.push({ tenant, bytes: Buffer.from(bytes), info });
    return (await push?.(tenant, bytes, info)) ?? { rejectedSpans: 0, message: '' };
  };
  const receiver = await startOtlpGrpc({ config: { ...CONFIG, ...overrides }, push: record, budget: new MemoryBudget(maxPendingBytes, logger), logger });
  running.push(receiver);
  const client = new grpc.Client(`127.0.0.1:${receiver.port}`, grpc.credentials.createInsecure(), { 'grpc.default_compression_algorithm': 0 });
  const gzipClient = new grpc.Client(`127.0.0.1:${receiver.port}`, grpc.credentials.createInsecure(), {
    'grpc.default_compression_algorithm': grpc.compressionAlgorithms.gzip,
  });
  clients.push(client, gzipClient);
  const send = (bytes: Buffer | string, metadata: Record<string, string | string[]> = {}, via = client): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      const headers = new grpc.Metadata();
      for (const [name, values] of Object.entries(metadata)) for (const value of [values].flat()) headers.add(name, value);
      const same = (x: Buffer): Buffer => x;
      via.makeUnaryRequest(PATH, same, same, Buffer.from(bytes), headers, (error, answer) => (error ? reject(error) : resolve(answer as Buffer)));
    });
  return { receiver, send, sendGzip: (bytes: Buffer | string) => send(bytes, {}, gzipClient), seen, logger };
}

/** A call with one compressed message, by node:http2: clients of grpc-js cannot compress like that. */
async function sendCompressed(port: number, encoding: string, bytes: Buffer): Promise<{ code: unknown; details: string }> {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  try {
    const stream = session.request({ ':method': 'POST', ':path': PATH, 'content-type': 'application/grpc', te: 'trailers', 'grpc-encoding': encoding });
    const prefix = Buffer.alloc(5);
    prefix[0] = 1;
    prefix.writeUInt32BE(bytes.length, 1);
    stream.end(Buffer.concat([prefix, bytes]));
    const seen: http2.IncomingHttpHeaders = {};
    stream.on('response', (headers) => Object.assign(seen, headers)).on('trailers', (headers) => Object.assign(seen, headers));
    stream.resume();
    await once(stream, 'end');
    return { code: seen['grpc-status'], details: decodeURIComponent(String(seen['grpc-message'])) };
  } finally {
    session.close();
  }
}

const failing =
  (error: Error): Push =>
  () =>
    Promise.reject(error);

describe('OTLP over gRPC', () => {
  it('hands over the bytes and the tenant', async () => {
    const { send, seen } = await start();
    expect(await send('bytes', { 'x-scope-orgid': 'team-a' })).toHaveLength(0);
    await send('more');
    const info = { receiver: 'otlp/otlp_receiver', transport: 'grpc' };
    expect(seen).toEqual([
      { tenant: 'team-a', bytes: Buffer.from('bytes'), info },
      { tenant: undefined, bytes: Buffer.from('more'), info },
    ]);
  });

  it('passes two tenants on as something that is no tenant id', async () => {
    const { send, seen } = await start();
    await send('x', { 'x-scope-orgid': ['a', 'b'] });
    expect(parseTenantId(seen[0].tenant ?? '')).toBeUndefined();
  });

  it('understands gzip, and bounds what comes out of it', async () => {
    const { sendGzip, seen } = await start();
    await sendGzip('x'.repeat(1000));
    expect(seen[0].bytes.toString()).toBe('x'.repeat(1000));
    expect(zlib.gzipSync('x'.repeat(100_000)).length).toBeLessThan(1000);
    await expect(sendGzip('x'.repeat(100_000))).rejects.toMatchObject({
      code: grpc.status.RESOURCE_EXHAUSTED,
      details: expect.stringContaining('max_recv_msg_size_mib'),
    });
  });

  it.each([
    ['zstd', async (text: string) => zlib.zstdCompressSync(text)],
    ['snappy', (text: string) => snappyFramed(Buffer.from(text))],
  ])('understands %s, and bounds what comes out of it', async (encoding, compress) => {
    const { receiver, seen } = await start();
    const whole = 'x'.repeat(1000);
    expect(await sendCompressed(receiver.port, encoding, await compress(whole))).toEqual({ code: '0', details: 'OK' });
    expect(seen.map(({ bytes }) => bytes.toString())).toEqual([whole]);
    expect(await sendCompressed(receiver.port, encoding, await compress(`${whole}x`))).toEqual({
      code: String(grpc.status.RESOURCE_EXHAUSTED),
      details: expect.stringMatching(/larger than 1000 bytes; raise distributor\.receivers\.otlp\.protocols\.grpc\.max_recv_msg_size_mib/),
    });
    expect(await sendCompressed(receiver.port, encoding, Buffer.from('rubbish'))).toEqual({
      code: String(grpc.status.INTERNAL),
      details: expect.stringContaining(`message is not valid ${encoding}: `),
    });
    expect(seen).toHaveLength(1);
  });

  it('refuses what is compressed otherwise', async () => {
    const { receiver } = await start();
    expect(await sendCompressed(receiver.port, 'br', Buffer.from('x'))).toEqual({
      code: String(grpc.status.UNIMPLEMENTED),
      details: expect.stringContaining('"br"'),
    });
  });

  it('holds no more than it may until requests are answered', async () => {
    const { push, entered, release } = heldPush();
    const { send } = await start(push, {}, 1500);
    const first = send('x'.repeat(900));
    await entered;
    await expect(send('x'.repeat(601))).rejects.toMatchObject({
      code: grpc.status.RESOURCE_EXHAUSTED,
      details: 'receivers hold 900 bytes of requests already, limit distributor.max_pending_bytes 1500',
    });
    release();
    await first;
    await send('x'.repeat(1000));
  });

  it('names the key when a message is too large', async () => {
    const { send } = await start();
    await expect(send('x'.repeat(1001))).rejects.toMatchObject({
      code: grpc.status.RESOURCE_EXHAUSTED,
      details: expect.stringMatching(/larger than.*1000.*raise distributor\.receivers\.otlp\.protocols\.grpc\.max_recv_msg_size_mib/),
    });
  });

  it('tells what was refused', async () => {
    const { send } = await start(async () => ({ rejectedSpans: 300, message: 'why' }));
    expect((await send('x')).toString('hex')).toBe(`0a0808ac021203${Buffer.from('why').toString('hex')}`);
  });

  it('asks a rate-limited sender to come back, with RetryInfo', async () => {
    const { send } = await start(failing(new AppError('resource_exhausted', 'slow', { retryAfterMs: 2000 })));
    const error = (await send('x').catch((e: unknown) => e)) as grpc.ServiceError;
    expect(error).toMatchObject({ code: grpc.status.RESOURCE_EXHAUSTED, details: 'slow' });
    const type = Buffer.from('type.googleapis.com/google.rpc.RetryInfo').toString('hex');
    const [details] = error.metadata.get('grpc-status-details-bin');
    // Status{8, "slow", [Any{type, RetryInfo{Duration{2 s, 0 ns}}}]}
    expect((details as Buffer).toString('hex')).toBe(`0808 1204 736c6f77 1a32 0a28${type} 1206 0a04 0802 1000`.replaceAll(' ', ''));
  });

  it.each([
    [new AppError('unavailable', 'starting'), grpc.status.UNAVAILABLE, 'starting'],
    [new AppError('unauthenticated', 'no org id'), grpc.status.UNAUTHENTICATED, 'no org id'],
    [new AppError('invalid_argument', 'not OTLP'), grpc.status.INVALID_ARGUMENT, 'not OTLP'],
    [new Error('secret detail'), grpc.status.INTERNAL, 'internal error: see the log of the server'],
  ])('maps %s', async (error, code, details) => {
    const { send, logger } = await start(failing(error));
    await expect(send('x')).rejects.toMatchObject({ code, details });
    expect(logger.entries.map((entry) => entry.fields.err)).toEqual(code === grpc.status.INTERNAL ? [error] : []);
  });

  it('lets open requests finish when it stops', async () => {
    const entered = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const { receiver, send } = await start(async () => {
      entered.resolve();
      await release.promise;
      return { rejectedSpans: 0, message: '' };
    });
    const open = send('x');
    await entered.promise;
    const stopped = receiver.stop(60_000);
    release.resolve();
    expect(await open).toHaveLength(0);
    await stopped;
  });

  it('cuts off requests that do not finish in time', async () => {
    const entered = Promise.withResolvers<void>();
    const { receiver, send } = await start(() => {
      entered.resolve();
      return new Promise(() => undefined);
    });
    const open = send('x').catch((error: unknown) => error);
    await entered.promise;
    await receiver.stop(0);
    expect(await open).toBeInstanceOf(Error);
  });

  it('speaks TLS', async () => {
    const pem = (name: string): string => fileURLToPath(new URL(`../../../testdata/otlp/tls/${name}.pem`, import.meta.url));
    const tls = { certFile: pem('cert'), keyFile: pem('key'), clientCaFile: '' };
    const { receiver, send, seen } = await start(undefined, { tls });
    const client = new grpc.Client(`localhost:${receiver.port}`, grpc.credentials.createSsl(readFileSync(tls.certFile)));
    clients.push(client);
    await send('bytes', {}, client);
    expect(seen[0].bytes.toString()).toBe('bytes');
  });

  it('says which address it cannot have', async () => {
    const { receiver } = await start();
    const config = { ...CONFIG, listen: { host: '127.0.0.1', port: receiver.port } };
    await expect(
      startOtlpGrpc({
        config,
        push: async () => ({ rejectedSpans: 0, message: '' }),
        budget: new MemoryBudget(1, createMemoryLogger()),
        logger: createMemoryLogger(),
      }),
    ).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining(`cannot listen on 127.0.0.1:${receiver.port}`),
    });
  });
});
