import http from 'node:http';
import http2 from 'node:http2';
import type { Http2Session, IncomingHttpHeaders } from 'node:http2';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { ServerTls, SharedPort } from '@vivace/sockets';
import { sharePort } from '@vivace/sockets';

export interface DoorOptions {
  /** Empty is all addresses. */
  readonly host: string;
  readonly port: number;
  readonly tls: ServerTls | undefined;
  /** Answers requests of both protocols; those of HTTP/2 come in the likeness of HTTP/1.1, gRPC calls too. */
  readonly onRequest: (request: http.IncomingMessage, response: http.ServerResponse) => void;
  /** Longest time a client may take for all of a request; 0 is no limit. */
  readonly requestTimeoutMs: number;
}

export interface Door {
  readonly port: number;
  /** New connections get the new certificate. */
  replaceTls(tls: ServerTls): void;
  /** Takes no new connections; resolves when the last request has been answered, after `timeoutMs` they are cut off. */
  close(timeoutMs: number): Promise<void>;
}

/** A query may be 128 KiB, three times that when percent-encoded. */
const MAX_HEADER_BYTES = 1 << 20;
const SILENCE_MS = 30_000;
const IDLE_MS = 120_000;
/** Of one HTTP/2 connection; with their windows they bound what it may hold. */
const MAX_STREAMS = 250;
const STREAM_WINDOW_BYTES = 1 << 18;
const CONNECTION_WINDOW_BYTES = 1 << 24;
/** What a connection may hold in memory, MB, before its calls are refused. */
const MAX_SESSION_MB = 128;

/** A port that speaks HTTP/1.1 and HTTP/2, with TLS or without. */
export async function openDoor({ host, port, tls: secure, onRequest, requestTimeoutMs }: DoorOptions): Promise<Door> {
  const options = { maxHeaderSize: MAX_HEADER_BYTES };
  const server = secure ? https.createServer({ ...options, ...secure, ALPNProtocols: ['http/1.1', 'h2'] }) : http.createServer(options);
  let closing = false;
  const serve = (request: http.IncomingMessage, response: http.ServerResponse): void => {
    // The connection of the last answer is idle only after that.
    response.once('close', () => closing && setImmediate(() => server.closeIdleConnections()));
    onRequest(request, response);
  };
  server.on('request', serve);
  // Whoever asks before it sends a body is told to when somebody wants it.
  server.on('checkContinue', serve);
  server.requestTimeout = requestTimeoutMs;
  server.keepAliveTimeout = IDLE_MS;
  const sessions = new Set<Http2Session>();
  const server2 = http2.createServer({
    settings: { maxConcurrentStreams: MAX_STREAMS, initialWindowSize: STREAM_WINDOW_BYTES },
    maxSessionMemory: MAX_SESSION_MB,
  });
  // The compatibility layer of node:http2 is made to be used in place of what node:http has.
  server2.on('request', (request, response) => onRequest(request as unknown as http.IncomingMessage, response as unknown as http.ServerResponse));
  server2.on('session', (session) => {
    session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
    // Open streams may end.
    session.setTimeout(IDLE_MS, () => session.close());
  });
  const shared: SharedPort = sharePort(server, { acceptHttp2: (socket: Socket) => void server2.emit('connection', socket), silenceMs: SILENCE_MS });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, ...(host !== '' && { host }) }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return {
    port: (server.address() as AddressInfo).port, // it listens on a port, not on a file
    replaceTls(next) {
      (server as https.Server).setSecureContext(next); // only called where there is TLS
    },
    close: (timeoutMs) =>
      new Promise((resolve) => {
        closing = true;
        const cut = setTimeout(() => {
          server.closeAllConnections();
          for (const session of sessions) session.destroy();
        }, timeoutMs);
        server.close(() => {
          clearTimeout(cut);
          resolve();
        });
        shared.close();
        server.closeIdleConnections();
        for (const session of sessions) session.close();
      }),
  };
}

export function isGrpc(request: { readonly httpVersionMajor: number; readonly headers: IncomingHttpHeaders }): boolean {
  return request.httpVersionMajor === 2 && (request.headers['content-type']?.startsWith('application/grpc') ?? false);
}
