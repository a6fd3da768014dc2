import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import { AppError } from '@vivace/base';
import type { Clock, Timers } from '@vivace/base';
import type { GatewayTimeouts } from '@vivace/config';
import type { Dispatcher } from 'undici';
import type { Address } from './addresses.ts';
import { Deadline } from './deadline.ts';
import { responseHeaders } from './headers.ts';
import type { HttpUpstream } from './http-upstream.ts';
import { BodyTooLargeError, requestBody } from './request-body.ts';
import type { RequestBody } from './request-body.ts';

export interface HttpRelay {
  readonly request: IncomingMessage;
  /** Of HTTP/1.1, or of HTTP/2 in its likeness. */
  readonly response: ServerResponse;
  readonly upstream: HttpUpstream;
  /** With the query. */
  readonly path: string;
  /** Name, value, name, value. */
  readonly headers: string[];
  readonly timeouts: GatewayTimeouts;
  /** 0 is no limit. */
  readonly maxBodyBytes: number;
  readonly timers: Timers;
  readonly clock: Clock;
}

/** More addresses than this are not asked for one request. */
const MAX_ATTEMPTS = 3;

/**
 * Passes a request on and its answer back, both as they come, neither faster than the other side takes. Resolves when it is over, with the client served or gone.
 * Rejects while nothing was answered yet: with BodyTooLargeError or an AppError, `unavailable` (nobody to ask), `deadline_exceeded`, `aborted` (the connection broke).
 * Another address is asked only when the first one cannot have seen the request, or may see it twice.
 */
export async function relayHttp(relay: HttpRelay): Promise<void> {
  const { request, upstream, maxBodyBytes } = relay;
  const { addresses } = upstream;
  let touch = (): void => undefined;
  const onStart = (): void => {
    if (request.httpVersionMajor === 1 && request.headers.expect !== undefined) relay.response.writeContinue();
  };
  const body = hasBody(request) ? requestBody(request, { maxBytes: maxBodyBytes, onStart, onProgress: () => touch() }) : undefined;
  const canRepeat = body === undefined && (request.method === 'GET' || request.method === 'HEAD');
  const tried = new Set<string>();
  for (let left = MAX_ATTEMPTS; ; ) {
    const address = addresses.pick(tried);
    if (!address) throw addresses.unknown();
    tried.add(address.key);
    try {
      await attempt(relay, address, body, (deadline) => (touch = () => deadline.touch()));
      return;
    } catch (reason) {
      if (!(reason instanceof UpstreamError)) throw reason;
      const { kind, detail } = reason;
      addresses.failed(kind, kind === 'connect' ? address : undefined);
      left--;
      const again = left > 0 && ((kind === 'connect' && !body?.started) || (kind === 'reset' && canRepeat));
      if (again && tried.size < addresses.all.length) continue;
      throw reasonOf(kind, `upstream ${addresses.name} ${detail}`, reason);
    }
  }
}

type Kind = 'connect' | 'reset' | 'timeout';

class UpstreamError extends Error {
  readonly kind: Kind;
  readonly detail: string;

  constructor(kind: Kind, detail: string) {
    super(detail);
    this.kind = kind;
    this.detail = detail;
  }
}

function reasonOf(kind: Kind, message: string, cause: Error): AppError {
  if (kind === 'connect') return new AppError('unavailable', message, { cause, retryAfterMs: 1_000 });
  return new AppError(kind === 'timeout' ? 'deadline_exceeded' : 'aborted', message, { cause });
}

function attempt(
  { request, response, upstream, path, headers, timeouts, timers, clock }: HttpRelay,
  address: Address,
  body: RequestBody | undefined,
  onDeadline: (deadline: Deadline) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let controller: Dispatcher.DispatchController | undefined;
    let ended: Error | undefined;
    let over = false;
    const finish = (error?: Error): void => {
      if (over) return;
      over = true;
      deadline.clear();
      response.off('close', onClose).off('drain', onDrain);
      if (error && !response.headersSent) return reject(error);
      // What is cut off must not look whole.
      if (error) response.destroy(error);
      resolve();
    };
    /** The upstream is told at once, or as soon as there is a connection to tell it by. */
    const end = (error: Error, tellClient: Error | undefined): void => {
      ended = error;
      finish(tellClient);
      controller?.abort(error);
    };
    const deadline = new Deadline({
      limits: timeouts,
      timers,
      clock,
      onExpire: (reason) => end(new Error(reason), new UpstreamError('timeout', reason)),
    });
    const onClose = (): void => end(new Error('the client has gone'), undefined);
    const onDrain = (): void => controller?.resume();
    onDeadline(deadline);
    response.on('close', onClose).on('drain', onDrain);
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart(started) {
        controller = started;
        if (ended) started.abort(ended);
      },
      onResponseStart(started, status) {
        deadline.touch();
        upstream.addresses.succeeded(address);
        if (status < 200 || over) return;
        response.writeHead(status, responseHeaders((started.rawHeaders ?? []) as Buffer[])); // undici gives what HTTP/1.1 had: a list
      },
      onResponseData(started, chunk) {
        deadline.touch();
        if (!over && !response.write(chunk)) started.pause();
      },
      onResponseEnd() {
        upstream.done(address);
        if (!over) response.end();
        finish();
      },
      onResponseError(_started, error) {
        upstream.done(address);
        // Whoever had the patience to wait for it would have told.
        if (over && isConnectError(error)) upstream.addresses.failed('connect', address);
        if (error instanceof BodyTooLargeError) finish(error);
        else if (request.destroyed && !request.readableEnded) finish();
        else finish(new UpstreamError(isConnectError(error) ? 'connect' : 'reset', textOf(error)));
      },
    };
    try {
      const method = request.method as Dispatcher.HttpMethod; // node:http has checked it
      upstream.dispatch(address, { method, path, headers, body: body?.open() ?? null }, handler);
    } catch (error) {
      deadline.clear();
      response.off('close', onClose).off('drain', onDrain);
      reject(error instanceof Error ? error : new Error(String(error)));
    }
  });
}

function hasBody(request: IncomingMessage): boolean {
  const { headers, httpVersionMajor } = request;
  if (httpVersionMajor === 2) return !(request as unknown as Http2ServerRequest).stream.endAfterHeaders; // what HTTP/2 requests are
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] !== undefined && headers['content-length'] !== '0');
}

const CONNECT_ERRORS = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN', 'EADDRNOTAVAIL', 'UND_ERR_CONNECT_TIMEOUT']);

function isConnectError(error: Error): boolean {
  const { code, syscall } = error as NodeJS.ErrnoException;
  return CONNECT_ERRORS.has(code ?? '') || syscall === 'connect';
}

function textOf(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'UND_ERR_CONNECT_TIMEOUT') return 'cannot be reached in time';
  if (isConnectError(error)) return `cannot be reached (${code})`;
  // Of OpenSSL, and of the check of names.
  if (/CERT|UNABLE_TO|ERR_TLS/.test(code ?? '')) return `has a certificate that is not trusted (${code})`;
  return 'broke the connection before it answered';
}
