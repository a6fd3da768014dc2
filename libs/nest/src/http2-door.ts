import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import http2 from 'node:http2';
import type { ClientHttp2Session, Http2ServerRequest, Http2ServerResponse, Http2Session } from 'node:http2';
import { duplexPair } from 'node:stream';
import type { Duplex } from 'node:stream';
import { rpcCode } from '@vivace/base';

export interface Http2Door {
  /** Takes over a connection that speaks HTTP/2, after TLS if there is any. */
  accept(connection: Duplex): void;
  /** Ends connections, each when its last stream has ended. */
  close(): void;
}

export interface Http2DoorOptions {
  /** Answers everything but gRPC. */
  readonly onRequest: RequestListener;
  /** Takes a connection of its own for the gRPC calls of each connection: grpc-js cannot be given single streams. */
  readonly acceptRpc: (connection: Duplex) => void;
  /** When a silent connection is told to go (`server.http_server_idle_timeout`); 0 is never. */
  readonly idleMs: number;
}

/** Of one connection; as Go has it. */
const MAX_STREAMS = 250;

/** HTTP/2 on a port that others share: gRPC and plain requests may come over one connection, as proxies send them. */
export function createHttp2Door({ onRequest, acceptRpc, idleMs }: Http2DoorOptions): Http2Door {
  const sessions = new Set<Http2Session>();
  const upstreams = new WeakMap<Http2Session, ClientHttp2Session>();

  function upstreamOf(session: Http2Session): ClientHttp2Session {
    const known = upstreams.get(session);
    if (known && !known.closed && !known.destroyed) return known;
    const [near, far] = duplexPair();
    far.once('close', () => near.destroy());
    near.once('close', () => far.destroy());
    const upstream = http2.connect('http://grpc', { createConnection: () => near });
    upstreams.set(session, upstream);
    // Its streams tell of it.
    upstream.on('error', () => undefined);
    session.once('close', () => upstream.destroy());
    acceptRpc(far);
    return upstream;
  }

  const server = http2.createServer({ settings: { maxConcurrentStreams: MAX_STREAMS } }, (request, response) => {
    if (request.headers['content-type']?.startsWith('application/grpc'))
      relay(request, response, upstreamOf(request.stream.session!)); // a stream that begins has one
    // The compatibility layer of node:http2 is made to be used in their place.
    else onRequest(request as unknown as IncomingMessage, response as unknown as ServerResponse<IncomingMessage> & { req: IncomingMessage });
  });
  server.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
    // Open streams may end.
    session.setTimeout(idleMs, () => session.close());
  });
  return {
    accept: (connection) => void server.emit('connection', connection),
    close() {
      for (const session of sessions) session.close();
    },
  };
}

/** Passes a call on, headers, messages and trailers as they are, and its end in both directions. */
function relay(request: Http2ServerRequest, response: Http2ServerResponse, upstream: ClientHttp2Session): void {
  const { stream } = request;
  const call = upstream.request(withoutAuthority(request.headers), { endStream: false });
  let hasStatus = false;
  call.on('response', (headers, flags) => {
    if (stream.destroyed) return;
    const endStream = (flags & http2.constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    stream.respond(headers, { endStream, waitForTrailers: !endStream });
    hasStatus ||= endStream;
    // Not before: messages can be there when the event of the headers still waits.
    if (endStream) call.resume();
    else call.pipe(stream);
  });
  call.on('trailers', (trailers) => {
    hasStatus = true;
    response.addTrailers(trailers as http2.OutgoingHttpHeaders); // what came as headers may go as headers
  });
  call.on('error', () => undefined);
  call.on('close', () => {
    if (hasStatus || stream.destroyed) return;
    if (stream.headersSent) {
      response.addTrailers(LOST);
      stream.end();
    } else stream.respond({ ':status': 200, 'content-type': 'application/grpc', ...LOST }, { endStream: true });
  });
  stream.on('error', () => undefined);
  stream.on('close', () => call.close(http2.constants.NGHTTP2_CANCEL));
  request.pipe(call);
}

/** The end of a call without one of its own. */
const LOST = { 'grpc-status': String(rpcCode('unavailable')), 'grpc-message': 'the server is stopping' };

/** The authority is that of the connection in between. */
function withoutAuthority({ ':authority': _, ...headers }: http2.IncomingHttpHeaders): http2.OutgoingHttpHeaders {
  return headers;
}
