import 'reflect-metadata';
import type { DynamicModule, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Clock, HttpRouter, Logger, MetricsRegistry } from '@vivace/base';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ErrorFilter } from './error-filter.ts';
import { mountRouter } from './mount-router.ts';
import { nestLogger } from './nest-logger.ts';
import { observeRequests } from './request-metrics.ts';
import { signalRequests } from './request-signal.ts';

export interface HttpServerOptions {
  readonly module: Type | DynamicModule;
  /** Finds the router among the module's providers. */
  readonly router: symbol;
  /** `http_api_prefix` */
  readonly apiPrefix: string;
  readonly multitenancy: boolean;
  /** `server.http_server_read_timeout` */
  readonly readTimeoutMs: number;
  /** `server.http_server_write_timeout`; 0 is no limit. */
  readonly writeTimeoutMs: number;
  /** `server.http_server_idle_timeout` */
  readonly idleTimeoutMs: number;
  readonly logger: Logger;
  readonly metrics: MetricsRegistry;
  readonly clock: Clock;
}

/** Go's limit on a request line and its headers: a query may be 128 KiB, three times that when percent-encoded. */
const MAX_HEADER_BYTES = 1 << 20;
/** Nothing here reads a body. */
const MAX_BODY_BYTES = 64 * 1024;

/** A Nest application on Fastify, not listening yet. */
export async function createHttpServer(options: HttpServerOptions): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter({
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: options.readTimeoutMs,
    keepAliveTimeout: options.idleTimeoutMs,
    http: { maxHeaderSize: MAX_HEADER_BYTES },
    frameworkErrors: (error: FastifyError, _request: FastifyRequest, reply: FastifyReply) => {
      void reply
        .code(error.statusCode ?? 400)
        .type('text/plain; charset=utf-8')
        .send(`${error.message.toLowerCase()}\n`);
    },
  });
  const app = await NestFactory.create<NestFastifyApplication>(options.module, adapter, {
    logger: nestLogger(options.logger),
    bodyParser: false,
    abortOnError: false,
  });
  app.useGlobalFilters(new ErrorFilter(options.logger));
  const server = app.getHttpAdapter().getInstance(); // the adapter names its generics, we use none of them
  acceptAnyBody(server);
  observeRequests(server, options);
  signalRequests(server, options);
  mountRouter(server, app.get<HttpRouter>(options.router), { prefix: options.apiPrefix, multitenancy: options.multitenancy });
  await app.init();
  return app;
}

/** A POST is answered like a GET, so its body is read and dropped whatever it says it is. */
function acceptAnyBody(server: FastifyInstance): void {
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, _body, done) => done(null));
}
