import { once } from 'node:events';
import http from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { AppError, httpStatus } from '@vivace/base';
import type { Logger } from '@vivace/base';
import type { OtlpHttpConfig } from '@vivace/config';
import { jsonToProto } from '@vivace/otlp';
import { Cors } from './cors.ts';
import { exportResponseJson, exportResponseProto } from './export-response.ts';
import { HttpRefusal } from './http-refusal.ts';
import type { MemoryBudget } from './memory-budget.ts';
import { pushError } from './push-error.ts';
import { readBody } from './read-body.ts';
import { RECEIVER_NAME } from './receiver.ts';
import type { Push, PushOutcome, Receiver } from './receiver.ts';
import { rpcStatusJson, rpcStatusProto } from './rpc-status.ts';
import { readTlsFiles } from './tls.ts';

export interface OtlpHttpOptions {
  readonly config: OtlpHttpConfig;
  readonly push: Push;
  /** Shared with other receivers. */
  readonly budget: MemoryBudget;
  readonly logger: Logger;
}

const INFO = { receiver: RECEIVER_NAME, transport: 'http' } as const;
const JSON_TYPE = 'application/json';
const PROTOBUF_TYPE = 'application/x-protobuf';
/** Longer than the idle time of the usual load balancers, so that they close first. */
const KEEP_ALIVE_MS = 75_000;
/** What is read of a body that has been refused already. */
const LINGER_BYTES = 64 << 20;

/** Listens for OTLP/HTTP, protobuf and JSON. Rejects `unavailable` when the address cannot be bound. */
export async function startOtlpHttp({ config, push, budget, logger }: OtlpHttpOptions): Promise<Receiver> {
  const cors = config.cors === undefined ? undefined : new Cors(config.cors);
  const open = new Set<ServerResponse>();
  const server = await createServer(config, (request, response) => {
    open.add(response);
    response.once('close', () => open.delete(response));
    void handle(request, response);
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  const { host, port } = config.listen;
  try {
    server.listen({ port, ...(host === '' ? {} : { host }) });
    await once(server, 'listening');
  } catch (error) {
    throw new AppError(
      'unavailable',
      `otlp http receiver: cannot listen on ${host}:${port}: ${(error as Error).message}; see distributor.receivers.otlp.protocols.http.endpoint`,
      { cause: error },
    );
  }
  // Such as running out of file descriptors: the server goes on.
  server.on('error', (error) => logger.error('otlp http receiver failed to accept', { err: error }));
  const address = server.address() as AddressInfo; // listening on TCP
  return { host: address.address, port: address.port, stop: (timeoutMs) => stop(server, open, timeoutMs) };

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (cors !== undefined) {
      const preflight = cors.preflight(request);
      if (preflight !== undefined) return void response.writeHead(204, preflight).end();
      for (const [name, value] of Object.entries(cors.headers(request))) response.setHeader(name, value);
    }
    const lease = budget.lease();
    try {
      assertRoute(request, config.tracesPath);
      const body = await readBody(request, config, lease);
      await exportTraces(request, response, body, push);
    } catch (reason) {
      sendError(request, response, pushError(reason, logger, INFO.transport));
    } finally {
      lease.release();
    }
  }
}

function assertRoute(request: IncomingMessage, tracesPath: string): void {
  const path = (request.url ?? '').split('?', 1)[0];
  if (path !== tracesPath) throw new HttpRefusal(404, `nothing at ${JSON.stringify(path.slice(0, 100))}, traces go to POST ${tracesPath}`);
  if (request.method !== 'POST') throw new HttpRefusal(405, `method ${request.method} is not allowed, want POST`);
  if (contentType(request) === undefined) {
    const got = JSON.stringify(request.headers['content-type'] ?? '');
    throw new HttpRefusal(415, `content-type ${got} is not supported, want ${PROTOBUF_TYPE} or ${JSON_TYPE}`);
  }
}

function contentType(request: IncomingMessage): string | undefined {
  const type = (request.headers['content-type'] ?? '').split(';', 1)[0].trim().toLowerCase();
  if (type === JSON_TYPE) return JSON_TYPE;
  return type === PROTOBUF_TYPE || type === 'application/protobuf' ? PROTOBUF_TYPE : undefined;
}

async function exportTraces(request: IncomingMessage, response: ServerResponse, body: Buffer, push: Push): Promise<void> {
  // Node joins repeated headers with a comma, which no tenant id has: such a push is refused.
  const tenant = request.headers['x-scope-orgid'] as string | undefined;
  if (contentType(request) === PROTOBUF_TYPE) {
    const outcome = await push(tenant, body, INFO);
    return send(response, 200, PROTOBUF_TYPE, exportResponseProto(outcome));
  }
  const problems: string[] = [];
  const outcome = await push(tenant, jsonToProto(body, problems), INFO);
  send(response, 200, JSON_TYPE, exportResponseJson(withProblems(outcome, problems)));
}

function withProblems(outcome: PushOutcome, problems: readonly string[]): PushOutcome {
  return problems.length === 0 ? outcome : { ...outcome, message: `${outcome.message}; ${problems.join('; ')}` };
}

/** Errors are a google.rpc.Status in the encoding of the request, or text where it had none of ours. */
function sendError(request: IncomingMessage, response: ServerResponse, error: AppError): void {
  if (response.headersSent || response.destroyed) return;
  const status = error instanceof HttpRefusal ? error.status : httpStatus(error.code);
  if (error.retryAfterMs !== undefined) response.setHeader('retry-after', String(Math.max(1, Math.ceil(error.retryAfterMs / 1000))));
  if (status === 405) response.setHeader('allow', 'POST');
  const unread = !request.complete;
  if (unread) response.setHeader('connection', 'close');
  const [type, body] = errorBody(contentType(request), error);
  if (!unread) return send(response, status, type, body);
  writeHead(response, status, type, body);
  response.write(body);
  linger(request, response);
}

function errorBody(type: string | undefined, error: AppError): [type: string, body: Uint8Array | string] {
  if (type === JSON_TYPE) return [JSON_TYPE, rpcStatusJson(error)];
  if (type === PROTOBUF_TYPE) return [PROTOBUF_TYPE, rpcStatusProto(error)];
  return ['text/plain; charset=utf-8', `${error.message}\n`];
}

/**
 * Ends a response that has been written while its request is still coming. A connection that is closed with bytes unread is reset, and the answer
 * lost with it (RFC 9112 §9.6), so what comes is read and dropped, up to `LINGER_BYTES`.
 */
function linger(request: IncomingMessage, response: ServerResponse): void {
  let left = LINGER_BYTES;
  request.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) response.end();
  });
  request.once('close', () => response.end());
  request.resume();
}

function send(response: ServerResponse, status: number, type: string, body: Uint8Array | string): void {
  writeHead(response, status, type, body);
  response.end(body);
}

function writeHead(response: ServerResponse, status: number, type: string, body: Uint8Array | string): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body), 'x-content-type-options': 'nosniff' });
}

async function createServer(config: OtlpHttpConfig, handler: http.RequestListener): Promise<Server> {
  if (config.tls === undefined) return http.createServer(handler);
  const { cert, key, clientCa } = await readTlsFiles(config.tls);
  return https.createServer({ cert, key, ...(clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true }) }, handler);
}

function stop(server: Server, open: ReadonlySet<ServerResponse>, timeoutMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), timeoutMs);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    // Connections that answer now would stay open for the next request.
    for (const response of open) if (!response.headersSent) response.setHeader('connection', 'close');
  });
}
