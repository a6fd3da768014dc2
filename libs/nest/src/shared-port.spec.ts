import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import tls from 'node:tls';
import { fileURLToPath } from 'node:url';
import grpc from '@grpc/grpc-js';
import { Module } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { AppError, createMemoryLogger, createMemoryMetrics, rpcStatus } from '@vivace/base';
import type { HttpRouter, RpcCall, RpcMethod } from '@vivace/base';
import type { GrpcServerConfig, ServerTlsConfig } from '@vivace/config';
import { openChannel } from '@vivace/rpc';
import { afterEach, describe, expect, it } from 'vitest';
import { GRPC_SERVER } from './grpc-server-config.fixture.ts';
import { createHttpServer, createRpcServer } from './index.ts';
import type { RpcServer } from './index.ts';
import type { Tenancy } from './tenant.ts';

const ROUTER = Symbol('ROUTER');
const RPC = Symbol('RPC');
const pem = (name: string, of = 'otlp'): string => fileURLToPath(new URL(`../../../testdata/${of}/tls/${name}.pem`, import.meta.url));
const TLS: ServerTlsConfig = { section: 's', cert: { file: pem('cert') }, key: { file: pem('key') }, clientCa: undefined, minVersion: undefined, ciphers: '' };
const CA = readFileSync(pem('cert'));

const GRPC: GrpcServerConfig = {
  ...GRPC_SERVER,
  maxSendBytes: 16_777_216,
  maxConnectionIdleMs: Number.MAX_SAFE_INTEGER,
  maxConnectionAgeMs: Number.MAX_SAFE_INTEGER,
  maxConnectionAgeGraceMs: Number.MAX_SAFE_INTEGER,
};

const CLIENT = { section: 'a.client', maxReceiveBytes: 1_000_000, maxSendBytes: 1_000_000, connectTimeoutMs: 5_000, minBackoffMs: 100, maxBackoffMs: 500 };
/** Those that wait for a period to be over. */
const waiting: (() => void)[] = [];
const timers = { after: (_ms: number, run: () => void) => (waiting.push(run), () => undefined) };

const calls: RpcCall[] = [];
let floodedMib = 0;
/** Sends 64 MiB, or as much as the client takes. */
const FLOOD: RpcMethod = {
  path: '/test.Echo/Flood',
  async handle(call) {
    calls.push(call);
    const aborted = new Promise((_, reject) => call.signal.addEventListener('abort', reject));
    aborted.catch(() => undefined);
    try {
      for (floodedMib = 0; floodedMib < 64; floodedMib++) await Promise.race([call.send(new Uint8Array(1_048_576)), aborted]);
      return { code: 0, details: '' };
    } catch (reason) {
      return rpcStatus(AppError.from(reason));
    }
  },
};
/** Sends every byte of the request as a message, then the tenant; 0 fails, 255 waits for the end of the call. */
const ECHO: RpcMethod = {
  path: '/test.Echo/Echo',
  async handle(call) {
    calls.push(call);
    for (const byte of call.request) {
      if (byte === 0) return { code: 3, details: 'zero ü' };
      if (byte === 255) {
        await new Promise((resolve) => call.signal.addEventListener('abort', resolve));
        return { code: 1, details: 'canceled' };
      }
      await call.send(Uint8Array.of(byte));
    }
    await call.send(Buffer.from(call.tenant));
    return { code: 0, details: '' };
  },
};

let app: NestFastifyApplication;
let rpc: RpcServer;
const clients: { close(): void }[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await rpc.stop(1_000);
  await app.close();
  calls.length = 0;
  waiting.length = 0;
});

async function serve(
  options: { tls?: ServerTlsConfig; grpcTls?: ServerTlsConfig; tenancy?: Tenancy; silenceMs?: number; grpc?: Partial<GrpcServerConfig> } = {},
) {
  const metrics = createMemoryMetrics();
  const deps = { logger: createMemoryLogger(), metrics, clock: { now: () => 0 }, timers, tenancy: options.tenancy ?? 'off' };
  const router: HttpRouter = {
    paths: [],
    find: (path) => ({ label: 'x', needsTenant: false, handle: async () => ({ status: 200, contentType: 'text/plain', body: path }) }),
  };
  rpc = createRpcServer({
    ...deps,
    methods: [ECHO, FLOOD],
    config: { ...GRPC, tls: options.grpcTls, ...options.grpc },
  });
  @Module({
    providers: [
      { provide: ROUTER, useFactory: () => router },
      { provide: RPC, useFactory: () => rpc },
    ],
  })
  class TestModule {}
  const readTimeoutMs = options.silenceMs ?? 30_000;
  app = await createHttpServer({
    ...{ ...deps, module: TestModule, router: ROUTER, rpcServer: RPC, tls: options.tls, apiPrefix: '/tempo' },
    ...{ readTimeoutMs, readHeaderTimeoutMs: 0, writeTimeoutMs: 0, idleTimeoutMs: 120_000 },
    ...{ pathPrefix: '', maxConnections: 0, log: { atInfo: false, headers: false, excludedHeaders: [], sources: undefined } },
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.getHttpServer().address() as net.AddressInfo;
  return { port, metrics };
}

interface Echoed {
  readonly messages: readonly string[];
  readonly code: number;
  readonly details: string;
}

function clientOf(port: number, credentials = grpc.credentials.createInsecure()): grpc.Client {
  const client = new grpc.Client(`localhost:${port}`, credentials);
  clients.push(client);
  return client;
}

function start(client: grpc.Client, request: readonly number[], tenants: readonly string[] = [], path = ECHO.path) {
  const metadata = new grpc.Metadata();
  for (const tenant of tenants) metadata.add('x-scope-orgid', tenant);
  const asIs = (bytes: Buffer): Buffer => bytes;
  return client.makeServerStreamRequest(path, asIs, asIs, Buffer.from(request), metadata);
}

function echo(...args: Parameters<typeof start>): Promise<Echoed> {
  const call = start(...args);
  const messages: string[] = [];
  call.on('data', (bytes: Buffer) => messages.push(bytes.length === 1 ? String(bytes[0]) : bytes.toString()));
  call.on('error', () => undefined);
  return new Promise((resolve) => call.on('status', ({ code, details }) => resolve({ messages, code, details })));
}

describe('gRPC', () => {
  it('streams messages and a status, on a port of its own and on that of HTTP', async () => {
    const { port, metrics } = await serve();
    await rpc.listen();
    for (const at of [rpc.port, port]) {
      const client = clientOf(at);
      expect(await echo(client, [1, 2, 3])).toEqual({ messages: ['1', '2', '3', 'single-tenant'], code: 0, details: 'OK' });
      expect(await echo(client, [7, 0, 8])).toEqual({ messages: ['7'], code: 3, details: 'zero ü' });
      expect((await echo(client, [1], [], '/test.Echo/Other')).code).toBe(12);
      expect(
        (
          await echo(
            client,
            Array.from({ length: 2_000 }, () => 1),
          )
        ).code,
      ).toBe(8);
    }
    const labels = { method: 'gRPC', route: ECHO.path, ws: 'false' };
    expect(metrics.value('tempo_request_duration_seconds', { ...labels, status_code: 'success' })).toBe(2);
    expect(metrics.value('tempo_request_duration_seconds', { ...labels, status_code: 'error' })).toBe(2);
    expect(calls[0].header?.('user-agent')).toMatch(/^grpc-node/);
    expect(calls[0].header?.('x-absent')).toBeUndefined();
  });

  it('may be counted by the code of the answer', async () => {
    const { port, metrics } = await serve({ grpc: { reportCodes: true } });
    const client = clientOf(port);
    await echo(client, [1]);
    await echo(client, [0]);
    const labels = { method: 'gRPC', route: ECHO.path, ws: 'false' };
    for (const status_code of ['OK', 'InvalidArgument']) expect(metrics.value('tempo_request_duration_seconds', { ...labels, status_code })).toBe(1);
  });

  it('takes a tenant, however often it is said, and several', async () => {
    const { port } = await serve({ tenancy: 'several' });
    const client = clientOf(port);
    expect(await echo(client, [], ['ab'])).toMatchObject({ messages: ['ab'], code: 0 });
    expect(await echo(client, [], ['ab', 'ab'])).toMatchObject({ messages: ['ab'], code: 0 });
    expect(await echo(client, [], ['ab, ab'])).toMatchObject({ messages: ['ab'], code: 0 });
    expect(await echo(client, [])).toEqual({ messages: [], code: 3, details: 'no org id' });
    expect(await echo(client, [], ['ab', 'cd'])).toMatchObject({ code: 3, details: expect.stringContaining('2 different values') });
    expect(await echo(client, [], ['ab|cd'])).toMatchObject({ messages: ['ab|cd'], code: 0 });
  });

  it('tells the method when the client cancels', async () => {
    const { port } = await serve();
    const call = start(clientOf(port), [1, 255]);
    call.on('error', () => undefined);
    await new Promise((resolve) => call.once('data', resolve));
    const { signal } = calls[0];
    const aborted = new Promise((resolve) => signal.addEventListener('abort', resolve));
    call.cancel();
    await aborted;
    expect(signal.reason).toMatchObject({ code: 'canceled' });
  });

  it('waits for a client that does not read', async () => {
    const { port } = await serve();
    await rpc.listen();
    for (const at of [rpc.port, port]) {
      const session = http2.connect(`http://127.0.0.1:${at}`);
      const call = session.request({ ':method': 'POST', ':path': FLOOD.path, 'content-type': 'application/grpc', te: 'trailers' });
      call.end(Buffer.alloc(5));
      const other = clientOf(at);
      for (let i = 0; i < 100; i++) await echo(other, [1]);
      expect(floodedMib).toBeLessThan(4);
      const { signal } = calls.find(({ request }) => request.length === 0)!;
      const aborted = new Promise((resolve) => signal.addEventListener('abort', resolve));
      call.close(http2.constants.NGHTTP2_CANCEL);
      await aborted;
      session.close();
      calls.length = 0;
    }
  });

  it('names the key of the largest message', async () => {
    const { port } = await serve({ grpc: { maxSendBytes: 1_000_000 } });
    const details = 'message has 1048576 bytes, limit server.grpc_server_max_send_msg_size 1000000; ask for less';
    expect(await echo(clientOf(port), [], [], FLOOD.path)).toEqual({ messages: [], code: 8, details });
  });

  it('lets open calls end when it stops, until they take too long', async () => {
    const { port } = await serve();
    const client = clientOf(port);
    const call = start(client, [1, 255]);
    await new Promise((resolve) => call.once('data', resolve));
    const ended = new Promise((resolve) => call.once('error', ({ code }: grpc.ServiceError) => resolve(code)));
    await rpc.stop(10);
    expect(await ended).toBe(14);
    expect((await echo(clientOf(port), [1])).code).toBe(14);
  });

  it('speaks TLS', async () => {
    await serve({ grpcTls: TLS });
    await rpc.listen();
    const client = clientOf(rpc.port, grpc.credentials.createSsl(CA));
    expect(await echo(client, [1])).toMatchObject({ messages: ['1', 'single-tenant'] });
  });
});

const get = (port: number, agent?: http.Agent): Promise<string> =>
  new Promise((resolve, reject) => {
    http.get({ port, host: '127.0.0.1', path: '/tempo/api/echo', agent }, (response) => void text(response).then(resolve, reject)).on('error', reject);
  });

/** What the server says to `bytes` on a raw connection, written in pieces, until it closes. */
async function raw(port: number, ...pieces: readonly string[]): Promise<string> {
  const socket = net.connect(port, '127.0.0.1');
  socket.setNoDelay(true);
  for (const piece of pieces) {
    await new Promise((resolve) => socket.write(piece, resolve));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return text(socket);
}

describe('HTTP/1.1 beside it', () => {
  it('keeps its connections', async () => {
    const { port } = await serve();
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const client = clientOf(port);
    const answers = await Promise.all([
      ...Array.from({ length: 20 }, () => get(port, agent)),
      ...Array.from({ length: 20 }, async () => (await echo(client, [5])).messages.join()),
    ]);
    expect(new Set(answers)).toEqual(new Set(['/api/echo', '5,single-tenant']));
    expect(Object.values(agent.freeSockets).flat()).toHaveLength(1);
    agent.destroy();
  });

  it('is told from HTTP/2 however the bytes arrive', async () => {
    const { port } = await serve();
    const request = (method: string): string => `${method} /tempo/api/x HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`;
    for (const method of ['POST', 'PUT', 'PATCH']) {
      expect(await raw(port, request(method))).toMatch(/^HTTP\/1.1 200 [^]*\/api\/x$/);
      expect(await raw(port, 'P', request(method).slice(1, 3), request(method).slice(3))).toMatch(/^HTTP\/1.1 200 [^]*\/api\/x$/);
    }
    for (const last of [request('GET'), request('GET').replace('close', 'keep-alive'), 'PRI * HTT', '']) {
      const socket = net.connect(port, '127.0.0.1');
      socket.end(last);
      expect(await text(socket)).toMatch(last.startsWith('GET') ? /^HTTP\/1.1 200 / : /^$/);
    }
    expect(await raw(port, 'PRI * HTTP/2.0\r\n\r\nXX')).toMatch(/^HTTP\/1.1 400 /);
    expect(await raw(port, `${request('GET').replace('close', 'keep-alive')}${request('GET')}`)).toMatch(/\/api\/xHTTP\/1.1 200 [^]*\/api\/x$/);
  });

  it.each(['http', 'https'] as const)('answers %s/2 that is not gRPC, and gRPC on the same connection', async (scheme) => {
    const { port } = await serve(scheme === 'https' ? { tls: TLS } : {});
    const session = http2.connect(`${scheme}://localhost:${port}`, { ca: CA });
    const ask = async (headers: http2.OutgoingHttpHeaders, body: Buffer = Buffer.alloc(0)) => {
      const request = session.request({ ':method': 'POST', ...headers });
      let trailers: http2.IncomingHttpHeaders = {};
      request.on('trailers', (received) => {
        trailers = received;
      });
      const received = new Promise<http2.IncomingHttpHeaders>((resolve) => request.once('response', resolve));
      request.end(body);
      const bytes = await buffer(request);
      return { headers: await received, trailers, bytes };
    };
    const call = { ':path': ECHO.path, 'content-type': 'application/grpc', te: 'trailers' };
    const answers = await Promise.all([
      ask({ ':path': '/tempo/api/echo' }),
      ask(call, Buffer.from([0, 0, 0, 0, 2, 8, 9])),
      ask({ ':path': '/tempo/api/v2/x?q=%7B%7D' }),
      ask(call, Buffer.from([0, 0, 0, 0, 1, 0])),
      ask({ ':path': '/no/such' }),
    ]);
    expect(answers.map(({ headers }) => headers[':status'])).toEqual([200, 200, 200, 200, 404]);
    expect([answers[0], answers[2]].map(({ bytes }) => bytes.toString())).toEqual(['/api/echo', '/api/v2/x']);
    expect(answers[1].bytes).toEqual(Buffer.concat([Buffer.from([0, 0, 0, 0, 1, 8, 0, 0, 0, 0, 1, 9, 0, 0, 0, 0, 13]), Buffer.from('single-tenant')]));
    expect(answers[1].trailers).toMatchObject({ 'grpc-status': '0' });
    // Without messages the status is in the only header there is.
    expect(answers[3].headers).toMatchObject({ 'grpc-status': '3' });
    session.close();
  });

  it('refuses calls when gRPC has stopped and still answers the rest', async () => {
    const { port } = await serve();
    await rpc.stop(100);
    expect(await echo(clientOf(port), [1])).toMatchObject({ code: 14 });
    expect(await get(port)).toBe('/api/echo');
  });

  it('does not wait for connections that say nothing', async () => {
    const { port } = await serve({ silenceMs: 20 });
    const silent = net.connect(port, '127.0.0.1');
    expect(await text(silent)).toBe('');
    const second = await serve();
    const waiting = net.connect(second.port, '127.0.0.1');
    await new Promise((resolve) => waiting.once('connect', resolve));
    await get(second.port);
    await app.close();
    expect(await text(waiting)).toBe('');
  });

  it('is over TLS for who offers it, and gRPC for who does not', async () => {
    const { port } = await serve({ tls: TLS });
    const body = await new Promise<string>((resolve, reject) => {
      https.get({ port, host: 'localhost', path: '/tempo/api/echo', ca: CA }, (response) => void text(response).then(resolve, reject)).on('error', reject);
    });
    expect(body).toBe('/api/echo');
    const agreed = async (ALPNProtocols?: string[]) => {
      const socket = tls.connect({ port, host: 'localhost', ca: CA, ...(ALPNProtocols && { ALPNProtocols }) });
      await new Promise((resolve) => socket.once('secureConnect', resolve));
      socket.destroy();
      return socket.alpnProtocol;
    };
    expect(await agreed(['h2', 'http/1.1'])).toBe('http/1.1');
    expect(await agreed(['h2'])).toBe('h2');
    expect(await agreed()).toBe(false);
    expect(await echo(clientOf(port, grpc.credentials.createSsl(CA)), [1])).toMatchObject({ messages: ['1', 'single-tenant'] });
  });

  it('takes up a certificate that changes', async () => {
    const dir = mkdtempSync(path.join(os.tmpdir(), 'http-tls-'));
    const copy = (from: string): void => ['cert', 'key'].forEach((name) => copyFileSync(pem(name, from), path.join(dir, name)));
    copy('otlp');
    const { port } = await serve({ tls: { ...TLS, cert: { file: path.join(dir, 'cert') }, key: { file: path.join(dir, 'key') } } });
    const subject = async (): Promise<unknown> => {
      const socket = tls.connect({ port, host: 'localhost', rejectUnauthorized: false });
      await new Promise((resolve) => socket.once('secureConnect', resolve));
      const { CN } = socket.getPeerCertificate().subject;
      socket.destroy();
      return CN;
    };
    expect(await subject()).toBe('localhost');
    copy('gateway');
    for (const run of waiting.splice(0)) run();
    await expect.poll(subject).toBe('second');
    rmSync(dir, { recursive: true });
  });

  it('refuses clients without a certificate where one is required', async () => {
    const clientCa = { file: pem('cert') };
    const { port } = await serve({ tls: { ...TLS, clientCa }, grpcTls: { ...TLS, clientCa } });
    await rpc.listen();
    const ports = [port, rpc.port];
    const key = readFileSync(pem('key'));
    for (const at of ports) {
      expect((await echo(clientOf(at, grpc.credentials.createSsl(CA)), [1])).code).toBe(14);
      expect((await echo(clientOf(at, grpc.credentials.createSsl(CA, key, CA)), [1])).code).toBe(0);
    }
  });
});

describe('direct calls', () => {
  const tenantOnly = Uint8Array.of();
  const channelTo = (at: number, options = {}) => {
    const channel = openChannel(`localhost:${at}`, { ...CLIENT, ...options });
    clients.push(channel);
    return channel;
  };
  const ask = async (at: number, options = {}, tenant = 'a') =>
    Buffer.from(await channelTo(at, options).ask(ECHO.path, tenantOnly, { tenant: tenant as never })).toString();

  it('share the port of gRPC, tenants and limits', async () => {
    const { metrics } = await serve({ tenancy: 'one' });
    await rpc.listen();
    expect(await ask(rpc.port)).toBe('a');
    expect(await echo(clientOf(rpc.port), [1], ['a'])).toMatchObject({ messages: ['1', '97'], code: 0 });
    await expect(ask(rpc.port, {}, '')).rejects.toMatchObject({ code: 'invalid_argument', message: 'no org id' });
    await expect(channelTo(rpc.port).ask(ECHO.path, new Uint8Array(1_001))).rejects.toMatchObject({
      code: 'resource_exhausted',
      message: 'message has 1001 bytes, limit server.grpc_server_max_recv_msg_size 1000',
    });
    expect(metrics.value('tempo_request_duration_seconds', { method: 'gRPC', route: ECHO.path, status_code: 'success', ws: 'false' })).toBe(2);
  });

  it('end with the server, and so does who has said nothing yet', async () => {
    await serve();
    await rpc.listen();
    const { port } = rpc;
    const silent = net.connect(port, '127.0.0.1');
    expect(await ask(port)).toBe('single-tenant');
    const other = net.connect(port, '127.0.0.1').on('error', () => undefined);
    other.write('GET / HTTP/1.1\r\n\r\n');
    expect(await text(other)).toBe('');
    await rpc.stop(5_000);
    expect(await text(silent)).toBe('');
    await expect(ask(port)).rejects.toMatchObject({ code: 'unavailable' });
  });
});

it('names the address that cannot be had, and the file that cannot be read', async () => {
  await serve();
  await rpc.listen();
  const taken = rpc.port;
  const deps = { methods: [], tenancy: 'off' as const, logger: createMemoryLogger(), metrics: createMemoryMetrics(), clock: { now: () => 0 }, timers };
  const second = createRpcServer({ ...deps, config: { ...GRPC, listenPort: taken } });
  await expect(second.listen()).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining(`127.0.0.1:${taken}`) });
  const third = createRpcServer({ ...deps, config: { ...GRPC, tls: { ...TLS, key: { file: '/no/such.pem' } } } });
  await expect(third.listen()).rejects.toMatchObject({ code: 'failed_precondition', message: expect.stringContaining('/no/such.pem') });
});
