import 'reflect-metadata';
import http from 'node:http';
import https from 'node:https';
import type { DynamicModule, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Clock, HttpRouter, Logger, MetricsRegistry, Timers } from '@vivace/base';
import type { ServerTlsConfig } from '@vivace/config';
import { followServerTls, sharePort } from '@vivace/sockets';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ErrorFilter } from './error-filter.ts';
import { mountPages } from './mount-pages.ts';
import type { Page } from './mount-pages.ts';
import { createHttp2Door } from './http2-door.ts';
import { mountRouter } from './mount-router.ts';
import { nestLogger } from './nest-logger.ts';
import { observeRequests } from './request-metrics.ts';
import { signalRequests } from './request-signal.ts';
import type { RpcServer } from './rpc-server.ts';
import type { Tenancy } from './tenant.ts';

export interface HttpServerOptions {
  readonly module: Type | DynamicModule;
  /** Finds the router among the module's providers. */
  readonly router: symbol;
  /** Finds the `RpcServer` that shares the port; undefined where none does. */
  readonly rpcServer: symbol | undefined;
  /** `server.http_tls_config` */
  readonly tls: ServerTlsConfig | undefined;
  /** Finds the list of pages (see Page) among them; undefined is none. */
  readonly pages?: symbol;
  /** `http_api_prefix` */
  readonly apiPrefix: string;
  readonly tenancy: Tenancy;
  /** `server.http_server_read_timeout` */
  readonly readTimeoutMs: number;
  /** `server.http_server_write_timeout`; 0 is no limit. */
  readonly writeTimeoutMs: number;
  /** `server.http_server_idle_timeout` */
  readonly idleTimeoutMs: number;
  readonly logger: Logger;
  readonly metrics: MetricsRegistry;
  readonly clock: Clock;
  readonly timers: Timers;
}

/** Go's limit on a request line and its headers: a query may be 128 KiB, three times that when percent-encoded. */
const MAX_HEADER_BYTES = 1 << 20;
/** Nothing here reads a body but a page with a form. */
const MAX_BODY_BYTES = 64 * 1024;

/** Of a request in absolute form, which every server must take (RFC 9112, 3.2.2). */
const AUTHORITY = /^https?:\/\/[^/?]*/i;
/** Of clients whose address of the server ends with one. */
const LEADING_SLASHES = /^\/+|^(?=\?|$)/;

/** A Nest application on Fastify, not listening yet. */
export async function createHttpServer(options: HttpServerOptions): Promise<NestFastifyApplication> {
  const tls = options.tls && (await followServerTls(options.tls, options));
  const shared: { close(): void }[] = tls ? [{ close: tls.stop }] : [];
  let rpc: RpcServer | undefined;
  const adapter = new FastifyAdapter({
    bodyLimit: MAX_BODY_BYTES,
    rewriteUrl: ({ url = '/' }) => url.replace(AUTHORITY, '').replace(LEADING_SLASHES, '/'),
    serverFactory(handler: http.RequestListener) {
      const server = tls
        ? https.createServer({ ...tls.options, ALPNProtocols: alpn(options), maxHeaderSize: MAX_HEADER_BYTES })
        : http.createServer({ maxHeaderSize: MAX_HEADER_BYTES });
      if (server instanceof https.Server) tls?.attach(server);
      server.on('request', handler);
      server.requestTimeout = options.readTimeoutMs;
      server.keepAliveTimeout = options.idleTimeoutMs;
      if (options.rpcServer) {
        const door = createHttp2Door({ onRequest: handler, acceptRpc: (connection) => rpc?.accept(connection), idleMs: options.idleTimeoutMs });
        shared.push(door, sharePort(server, { acceptHttp2: door.accept, silenceMs: options.readTimeoutMs }));
      }
      return server;
    },
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
  mountRouter(server, app.get<HttpRouter>(options.router), { prefix: options.apiPrefix, tenancy: options.tenancy });
  if (options.pages) mountPages(server, app.get<readonly Page[]>(options.pages));
  if (options.rpcServer) rpc = app.get<RpcServer>(options.rpcServer);
  server.addHook('preClose', async () => {
    for (const part of shared) part.close();
  });
  await app.init();
  return app;
}

/** Clients that offer HTTP/1.1 get it, since HTTP/2 limits headers, and so queries, to 64 KiB; those of gRPC offer nothing but `h2`. */
function alpn({ rpcServer }: HttpServerOptions): string[] {
  return rpcServer ? ['http/1.1', 'h2'] : ['http/1.1'];
}

/** A POST of the API is answered like a GET, so its body is read and dropped whatever it says it is; forms are kept, for pages. */
function acceptAnyBody(server: FastifyInstance): void {
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) => done(null, body));
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, _body, done) => done(null));
}
