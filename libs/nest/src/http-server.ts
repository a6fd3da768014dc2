import 'reflect-metadata';
import http from 'node:http';
import https from 'node:https';
import type { DynamicModule, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Clock, HttpRouter, Logger, MetricsRegistry, Timers } from '@vivace/base';
import type { RequestLogConfig, ServerTlsConfig } from '@vivace/config';
import { followServerTls, sharePort } from '@vivace/sockets';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ErrorFilter } from './error-filter.ts';
import { mountPages } from './mount-pages.ts';
import type { Page } from './mount-pages.ts';
import { createHttp2Door } from './http2-door.ts';
import { limitConnections } from './limit-connections.ts';
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
  /** `server.http_path_prefix`, of everything: empty, or with a slash before and none after. */
  readonly pathPrefix: string;
  /** `http_api_prefix` */
  readonly apiPrefix: string;
  readonly tenancy: Tenancy;
  /** `server.http_server_read_timeout` */
  readonly readTimeoutMs: number;
  /** `server.http_server_read_header_timeout`; 0 is `readTimeoutMs`. */
  readonly readHeaderTimeoutMs: number;
  /** `server.http_server_write_timeout`; 0 is no limit. */
  readonly writeTimeoutMs: number;
  /** `server.http_server_idle_timeout` */
  readonly idleTimeoutMs: number;
  /** `server.http_listen_conn_limit`; 0 is no limit. */
  readonly maxConnections: number;
  readonly log: RequestLogConfig;
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
/** No route has it. */
const NOWHERE = '/-';

/** A Nest application on Fastify, not listening yet. */
export async function createHttpServer(options: HttpServerOptions): Promise<NestFastifyApplication> {
  const tls = options.tls && (await followServerTls(options.tls, options));
  const { readTimeoutMs } = options;
  const headerTimeoutMs = options.readHeaderTimeoutMs || readTimeoutMs;
  const shared: { close(): void }[] = tls ? [{ close: tls.stop }] : [];
  let rpc: RpcServer | undefined;
  const limits = { maxHeaderSize: MAX_HEADER_BYTES, connectionsCheckingInterval: checkingIntervalMs(Math.min(readTimeoutMs, headerTimeoutMs)) };
  const adapter = new FastifyAdapter({
    bodyLimit: MAX_BODY_BYTES,
    rewriteUrl: ({ url = '/' }) => withoutPrefix(url.replace(AUTHORITY, '').replace(LEADING_SLASHES, '/'), options.pathPrefix),
    serverFactory(handler: http.RequestListener) {
      const server = tls ? https.createServer({ ...tls.options, ALPNProtocols: alpn(options), ...limits }) : http.createServer(limits);
      if (server instanceof https.Server) tls?.attach(server);
      server.on('request', handler);
      server.requestTimeout = readTimeoutMs;
      server.headersTimeout = headerTimeoutMs;
      server.keepAliveTimeout = options.idleTimeoutMs;
      limitConnections(server, { limit: options.maxConnections, key: 'server.http_listen_conn_limit', ...options });
      if (options.rpcServer) {
        const door = createHttp2Door({ onRequest: handler, acceptRpc: (connection) => rpc?.accept(connection), idleMs: options.idleTimeoutMs });
        shared.push(door, sharePort(server, { acceptHttp2: door.accept, silenceMs: headerTimeoutMs }));
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

/** Node looks at requests that are still read only so often; 0 is no limit. */
function checkingIntervalMs(timeoutMs: number): number {
  return timeoutMs === 0 ? 30_000 : Math.max(100, timeoutMs / 10);
}

/** What is not below the prefix is nowhere. */
function withoutPrefix(url: string, prefix: string): string {
  const rest = url.slice(prefix.length);
  return url.startsWith(prefix) && /^(?:[/?]|$)/.test(rest) ? rest.replace(LEADING_SLASHES, '/') : NOWHERE;
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
