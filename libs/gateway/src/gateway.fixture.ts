import http from 'node:http';
import http2 from 'node:http2';
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2';
import https from 'node:https';
import net from 'node:net';
import type { AddressInfo } from 'node:net';
import { createMemoryLogger, createMemoryMetrics, systemClock } from '@vivace/base';
import type { Clock, MemoryLogger, MemoryMetrics, Timers } from '@vivace/base';
import { loadConfig } from '@vivace/config';
import type { Lookup } from './addresses.ts';
import type { Gateway } from './gateway.ts';
import { createGateway } from './gateway.ts';

const realTimers: Timers = {
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs).unref();
    return () => clearTimeout(timer);
  },
};

export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly bytes: number;
}

export interface Backend {
  /** `host:port` */
  readonly http: string;
  readonly grpc: string;
  readonly seen: Seen[];
  /** Answers instead of the default, which reads the body and says 200. */
  answer: ((request: http.IncomingMessage, response: http.ServerResponse) => void) | undefined;
  answerCall: ((stream: http2.ServerHttp2Stream, headers: IncomingHttpHeaders) => void) | undefined;
  close(): Promise<void>;
}

/** Plays all components: HTTP/1.1 on one port, gRPC on another. The call that is answered by default sends back what it was sent. */
export async function startBackend(
  ports: { readonly http: number; readonly grpc: number } = { http: 0, grpc: 0 },
  secure?: { readonly cert: Buffer; readonly key: Buffer },
): Promise<Backend> {
  const seen: Seen[] = [];
  const sockets = new Set<net.Socket>();
  const onRequest: http.RequestListener = (request, response) => {
    let bytes = 0;
    const note = (): void => void seen.push({ method: request.method!, url: request.url!, headers: request.headers, rawHeaders: request.rawHeaders, bytes });
    if (backend.answer) {
      note();
      return backend.answer(request, response);
    }
    request.on('data', (chunk: Buffer) => (bytes += chunk.length));
    request.on('end', () => {
      note();
      response.writeHead(200, { 'content-type': 'text/plain', 'x-backend': 'yes', connection: 'x-hop', 'x-hop': 'not for others' }).end('hello');
    });
  };
  const server = secure ? https.createServer(secure, onRequest) : http.createServer(onRequest);
  const server2 = secure ? http2.createSecureServer({ ...secure, maxSessionMemory: 100 }) : http2.createServer({ maxSessionMemory: 100 });
  server2.on('stream', (stream, headers) => {
    seen.push({ method: 'CALL', url: headers[':path']!, headers, rawHeaders: [], bytes: 0 });
    stream.on('error', () => undefined);
    if (backend.answerCall) return backend.answerCall(stream, headers);
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'x-extra': 'trailer' }));
    stream.pipe(stream);
  });
  for (const each of [server, server2]) {
    each.on('connection', (socket: net.Socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });
  }
  await Promise.all([listen(server, ports.http), listen(server2, ports.grpc)]);
  const backend: Backend = {
    http: `127.0.0.1:${portOf(server)}`,
    grpc: `127.0.0.1:${portOf(server2)}`,
    seen,
    answer: undefined,
    answerCall: undefined,
    async close() {
      for (const socket of sockets) socket.destroy();
      await Promise.all([server, server2].map((each) => new Promise((resolve) => each.close(resolve))));
    },
  };
  return backend;
}

function listen(server: net.Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
}

function portOf(server: net.Server): number {
  return (server.address() as AddressInfo).port;
}

/** A port on loopback that nobody listens on. */
export async function closedPort(): Promise<number> {
  const server = net.createServer();
  await listen(server, 0);
  const port = portOf(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export interface TestGateway {
  readonly gateway: Gateway;
  readonly url: string;
  readonly otlpUrl: string;
  readonly logger: MemoryLogger;
  readonly metrics: MemoryMetrics;
  stop(): Promise<void>;
}

export interface TestOptions {
  /** Keys of `gateway:` as YAML, beside where it listens. */
  readonly yaml?: string;
  /** Of the upstreams; the same for all of a kind. */
  readonly http: readonly string[];
  readonly grpc: readonly string[];
  readonly apiPrefix?: string;
  readonly lookup?: Lookup;
  readonly timers?: Timers;
  readonly clock?: Clock;
}

export async function startGateway({
  yaml = '',
  http: https,
  grpc,
  apiPrefix = '',
  lookup,
  timers = realTimers,
  clock = systemClock,
}: TestOptions): Promise<TestGateway> {
  const [h, g] = [https, grpc].map((list) => JSON.stringify(list));
  const text = `
gateway:
  http_listen_address: 127.0.0.1
  http_listen_port: 0
  otlp_grpc_listen_port: 0
  upstreams: { otlp_http: ${h}, otlp_grpc: ${g}, jaeger: ${h}, zipkin: ${h}, distributor: ${h}, query_frontend: ${h}, query_frontend_grpc: ${g}, ingester: ${h}, metrics_generator: ${h}, compactor: ${h} }
${yaml.replaceAll(/^/gm, '  ')}
`;
  const { config } = loadConfig({ argv: ['-config.file=test.yaml'], env: {}, readFile: () => text });
  const logger = createMemoryLogger();
  const metrics = createMemoryMetrics();
  const gateway = createGateway({ config: config.gateway, apiPrefix, env: undefined, ...(lookup && { lookup }), timers, clock, logger, metrics });
  await gateway.start();
  const scheme = config.gateway.tls ? 'https://localhost' : 'http://127.0.0.1';
  return {
    gateway,
    url: `${scheme}:${gateway.ports['gateway']}`,
    otlpUrl: `${scheme}:${gateway.ports['gatewayOtlpGrpc']}`,
    logger,
    metrics,
    stop: () => gateway.stop(1_000),
  };
}

export interface CallAnswer {
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  /** `grpc-status`, wherever it came. */
  readonly code: number;
  readonly message: string;
}

/** A gRPC call, its messages as bytes. */
export async function call(url: string, path: string, headers: OutgoingHttpHeaders = {}, body: Buffer = Buffer.from('message')): Promise<CallAnswer> {
  const session = http2.connect(url, { rejectUnauthorized: false, maxSessionMemory: 100 });
  try {
    const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers', ...headers });
    session.on('error', () => undefined);
    return await new Promise((resolve, reject) => {
      let [first, last]: IncomingHttpHeaders[] = [{}, {}];
      const chunks: Buffer[] = [];
      stream.on('response', (answer) => (first = answer));
      stream.on('trailers', (answer) => (last = answer));
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('error', reject);
      stream.on('close', () => {
        const all = { ...first, ...last };
        const message = decodeURIComponent(String(all['grpc-message'] ?? ''));
        resolve({ headers: first, trailers: last, bytes: Buffer.concat(chunks), code: Number(all['grpc-status'] ?? -1), message });
      });
      stream.end(body);
    });
  } finally {
    session.destroy();
  }
}

export const basic = (user: string, password: string): string => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
