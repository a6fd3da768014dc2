import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import { Catch, HttpException } from '@nestjs/common';
import { AppError, errorResponse } from '@vivace/base';
import type { Logger } from '@vivace/base';
import type { FastifyReply } from 'fastify';
import { sendResponse } from './send-response.ts';

/** Turns everything a controller throws into text: an AppError by its code, what the router throws by its status, the rest into a 500; a 500 is logged. */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  async catch(reason: unknown, host: ArgumentsHost): Promise<void> {
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    if (reason instanceof HttpException) {
      const status = reason.getStatus();
      const body = status === 404 ? '404 page not found\n' : `${reason.message}\n`;
      return sendResponse(reply, { status, contentType: 'text/plain; charset=utf-8', body });
    }
    if (reason instanceof AppError && reason.code !== 'internal') return sendResponse(reply, errorResponse(reason));
    this.#logger.error('request failed', { method: reply.request.method, path: reply.request.url, err: reason });
    return sendResponse(reply, errorResponse(new AppError('internal', 'request failed')));
  }
}
