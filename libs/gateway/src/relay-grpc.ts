import http2 from 'node:http2';
import type { Http2ServerResponse, IncomingHttpHeaders, OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { AppError, rpcCode } from '@vivace/base';
import type { Clock, RpcStatus, Timers } from '@vivace/base';
import type { GatewayTimeouts } from '@vivace/config';
import { Deadline } from './deadline.ts';
import type { GrpcUpstream } from './grpc-upstream.ts';

export interface GrpcRelay {
  readonly response: Http2ServerResponse;
  readonly upstream: GrpcUpstream;
  readonly headers: OutgoingHttpHeaders;
  readonly timeouts: GatewayTimeouts;
  readonly timers: Timers;
  readonly clock: Clock;
}

/** Says how a call ended that no upstream has seen. RFC: gRPC over HTTP/2, "Trailers-Only". */
export function refuseCall(stream: ServerHttp2Stream, { code, details }: RpcStatus): void {
  if (stream.destroyed || stream.headersSent) return;
  stream.on('error', () => undefined);
  stream.respond({ ':status': 200, 'content-type': 'application/grpc', ...trailersOf(code, details) }, { endStream: true });
  // What the client still sends is dropped, and it is told that it need not.
  stream.resume();
  if (!stream.readableEnded) stream.close(http2.constants.NGHTTP2_NO_ERROR);
}

/**
 * Passes a call on, headers, messages and trailers as they come, and its end in both directions. Resolves with the gRPC code it ended with; undefined when the client left.
 * Rejects with AppError when no upstream could be reached; nothing was answered then.
 */
export async function relayGrpc({ response, upstream, headers, timeouts, timers, clock }: GrpcRelay): Promise<number | undefined> {
  const { stream } = response;
  const call = await upstream.open(headers);
  return new Promise((resolve) => {
    let hasTrailers = false;
    let over = false;
    const deadline = new Deadline({
      limits: timeouts,
      timers,
      clock,
      onExpire: (reason) => fail('deadline_exceeded', `upstream ${upstream.addresses.name} ${reason}`),
    });
    const touch = (): void => deadline.touch();
    const endWith = (trailers: OutgoingHttpHeaders): void => {
      if (!hasTrailers) response.addTrailers(trailers);
      hasTrailers = true;
    };
    const finish = (code: number | undefined): void => {
      if (over) return;
      over = true;
      deadline.clear();
      resolve(code);
    };
    const fail = (code: 'deadline_exceeded' | 'unavailable', details: string): void => {
      finish(rpcCode(code));
      upstream.addresses.failed(code === 'unavailable' ? 'reset' : 'timeout');
      call.close(http2.constants.NGHTTP2_CANCEL);
      if (!stream.headersSent) return refuseCall(stream, { code: rpcCode(code), details });
      endWith(trailersOf(rpcCode(code), details));
      if (!stream.destroyed) stream.end();
    };
    call.on('response', (answer: IncomingHttpHeaders, flags: number) => {
      touch();
      if (stream.destroyed) return;
      const endStream = (flags & http2.constants.NGHTTP2_FLAG_END_STREAM) !== 0;
      stream.respond(answer, { endStream, waitForTrailers: !endStream });
      if (endStream) {
        call.resume();
        finish(codeOf(answer));
      } else {
        call.on('data', touch);
        // Before the pipe ends the stream.
        call.once('end', () => endWith(trailersOf(rpcCode('unavailable'), `upstream ${upstream.addresses.name} ended without a status`)));
        call.pipe(stream);
      }
    });
    call.on('trailers', (answer: IncomingHttpHeaders) => {
      endWith(answer); // what came as headers may go as headers
      finish(codeOf(answer));
    });
    call.on('error', () => undefined);
    call.on('close', () => over || fail('unavailable', `upstream ${upstream.addresses.name} broke the connection`));
    stream.on('error', () => undefined);
    const onGone = (): void => {
      finish(undefined);
      call.close(http2.constants.NGHTTP2_CANCEL);
    };
    if (stream.destroyed) return onGone();
    stream.on('close', onGone);
    stream.on('data', touch);
    stream.pipe(call);
  });
}

function codeOf(headers: IncomingHttpHeaders): number {
  return Number(headers['grpc-status'] ?? rpcCode('internal'));
}

/** Percent-encoded: gRPC over HTTP/2, "Status-Message". */
function trailersOf(code: number, details: string): { readonly 'grpc-status': string; readonly 'grpc-message': string } {
  return { 'grpc-status': String(code), 'grpc-message': encodeURIComponent(details).replaceAll('%20', ' ') };
}

export function statusOf(error: unknown): RpcStatus {
  const { code, publicMessage } = AppError.from(error);
  return { code: rpcCode(code), details: publicMessage };
}
