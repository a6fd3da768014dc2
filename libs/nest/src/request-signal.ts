import { AppError, errorResponse, formatGoDuration } from '@vivace/base';
import type { Logger } from '@vivace/base';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

export interface RequestSignalOptions {
  /** From the request to the end of its answer (`server.http_server_write_timeout`); 0 is no limit. */
  readonly writeTimeoutMs: number;
  readonly logger: Logger;
}

/** Gives every request a signal that aborts when the client leaves before the answer is written, or when the answer takes too long: then it is a 504. */
export function signalRequests(server: FastifyInstance, { writeTimeoutMs, logger }: RequestSignalOptions): void {
  const limit = formatGoDuration(BigInt(Math.round(writeTimeoutMs)) * 1_000_000n);
  server.addHook('onRequest', (request, reply, done) => {
    const controller = new AbortController();
    SIGNALS.set(request, controller.signal);
    const tooLate = (): void => {
      const error = new AppError('deadline_exceeded', `no complete answer within server.http_server_write_timeout ${limit}`);
      logger.warn('answer took too long, the connection is closed', { method: request.method, path: request.url, limit });
      controller.abort(error);
      end(reply, error);
    };
    const timer = writeTimeoutMs > 0 ? setTimeout(tooLate, writeTimeoutMs) : undefined;
    reply.raw.once('close', () => {
      clearTimeout(timer);
      if (!reply.raw.writableFinished) controller.abort(new AppError('canceled', 'the client closed the request'));
    });
    done();
  });
}

const SIGNALS = new WeakMap<FastifyRequest, AbortSignal>();

export function requestSignal(request: FastifyRequest): AbortSignal {
  return SIGNALS.get(request)!; // every request passes the hook first
}

/** Past Fastify: a handler that is still at it must not keep the answer waiting; what it sends later goes nowhere. */
function end({ raw }: FastifyReply, error: AppError): void {
  if (raw.headersSent) {
    raw.destroy();
    return;
  }
  const { status, contentType, body, headers } = errorResponse(error);
  raw.writeHead(status, { ...headers, 'content-type': contentType, connection: 'close' }).end(body);
}
