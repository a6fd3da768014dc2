import { once } from 'node:events';
import net from 'node:net';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Module } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { AppError, createMemoryLogger, createMemoryMetrics } from '@vivace/base';
import type { HttpRequest, HttpResponse, HttpRouter } from '@vivace/base';
import type { RequestLogConfig } from '@vivace/config';
import { afterEach, describe, expect, it } from 'vitest';
import {
  ADMIN,
  AdminController,
  createHttpServer,
  createLifecycle,
  LIFECYCLE,
  LiveController,
  METRICS_PAGE,
  MetricsController,
  ReadyController,
  STATUS_PAGES,
  StatusController,
} from './index.ts';
import type { Lifecycle, Page } from './index.ts';
import type { Tenancy } from './tenant.ts';

const ROUTER = Symbol('ROUTER');
const PAGES = Symbol('PAGES');
const page: Page = {
  path: '/ring',
  handle: ({ method, accept, fetchSite, query, form }) => ({
    status: 200,
    contentType: 'application/json',
    body: JSON.stringify({ method, accept, fetchSite, query: `${query}`, form: `${form}` }),
  }),
};
let app: NestFastifyApplication | undefined;
afterEach(() => app?.close());

interface Options {
  readonly tenancy?: Tenancy;
  readonly pathPrefix?: string;
  readonly apiPrefix?: string;
  readonly router?: HttpRouter;
  readonly readHeaderTimeoutMs?: number;
  readonly writeTimeoutMs?: number;
  readonly maxConnections?: number;
  readonly log?: Partial<RequestLogConfig>;
}

async function serve(options: Options = {}) {
  const flushed: (string | undefined)[] = [];
  const metrics = createMemoryMetrics();
  const logger = createMemoryLogger();
  const clock = { now: () => 0 };
  const lifecycle = createLifecycle({ services: [{ name: 'one', start: async () => {}, stop: async () => {} }], logger, clock });
  const requests: HttpRequest[] = [];
  const router: HttpRouter = options.router ?? {
    paths: [],
    find: (path) => ({
      label: path === '/api/open' ? 'api_open' : 'api_x',
      needsTenant: path !== '/api/open',
      handle: async (request) => {
        requests.push(request);
        return { status: 200, contentType: 'application/json', body: '{}', headers: { vary: 'Accept-Encoding' } };
      },
    }),
  };
  @Module({
    controllers: [LiveController, ReadyController, MetricsController, StatusController, AdminController],
    providers: [
      { provide: ROUTER, useFactory: () => router },
      { provide: PAGES, useFactory: () => [page] },
      { provide: LIFECYCLE, useFactory: (): Lifecycle => lifecycle },
      { provide: METRICS_PAGE, useFactory: () => ({ contentType: 'text/plain; version=0.0.4', scrape: async () => 'a 1\n' }) },
      {
        provide: STATUS_PAGES,
        useFactory: () => ({
          version: () => 'v1\n',
          config: (mode: string) => `mode: ${mode}\n`,
          runtimeConfig: (mode: string) => `overrides: ${mode}\n`,
          endpoints: () => '/ready\n',
        }),
      },
      {
        provide: ADMIN,
        useFactory: () => ({
          flush: async (tenant: string | undefined) => {
            if (tenant === 'broken') throw new Error('secret detail');
            if (tenant === 'worker') throw new AppError('internal', 'cannot open /secret');
            if (tenant === 'busy') throw new AppError('unavailable', 'flush: busy', { retryAfterMs: 1_000 });
            flushed.push(tenant);
          },
          shutdown: async () => {
            flushed.push('shutdown');
          },
        }),
      },
    ],
  })
  class TestModule {}
  app = await createHttpServer({
    module: TestModule,
    router: ROUTER,
    pages: PAGES,
    rpcServer: undefined,
    tls: undefined,
    pathPrefix: options.pathPrefix ?? '',
    apiPrefix: options.apiPrefix ?? '',
    tenancy: options.tenancy ?? 'off',
    readTimeoutMs: 30_000,
    readHeaderTimeoutMs: options.readHeaderTimeoutMs ?? 0,
    maxConnections: options.maxConnections ?? 0,
    log: { atInfo: false, headers: false, excludedHeaders: [], sources: undefined, ...options.log },
    writeTimeoutMs: options.writeTimeoutMs ?? 0,
    idleTimeoutMs: 120_000,
    logger,
    metrics,
    clock,
    timers: { after: () => () => undefined },
  });
  const server = app;
  const ask = async (url: string, headers: Record<string, string> = {}, method: 'GET' | 'POST' | 'PUT' = 'GET', payload = '') => {
    const response = await server.inject({ method, url, headers, payload });
    return { status: response.statusCode, type: response.headers['content-type'], body: response.body };
  };
  return { ask, lifecycle, flushed, requests, metrics, logger, server };
}

const TEXT = 'text/plain; charset=utf-8';

describe('pages', () => {
  it('is ready when every service runs, and says why not before and after, while it lives all the time', async () => {
    const { ask, lifecycle } = await serve();
    const live = { status: 200, type: TEXT, body: 'live\n' };
    expect(await ask('/live')).toEqual(live);
    expect(await ask('/ready')).toEqual({ status: 503, type: TEXT, body: 'some services are not running: one: new\n' });
    await lifecycle.start();
    expect(await ask('/ready')).toEqual({ status: 200, type: TEXT, body: 'ready\n' });
    await lifecycle.stop();
    expect(await ask('/ready')).toEqual({ status: 503, type: TEXT, body: 'stopping (one: terminated)\n' });
    expect(await ask('/live')).toEqual(live);
  });

  it.each([
    ['/metrics', 200, 'a 1\n'],
    ['/status/version', 200, 'v1\n'],
    ['/status/services', 200, 'one  new\n'],
    ['/status/endpoints', 200, '/ready\n'],
    ['/status/config', 200, 'mode: effective\n'],
    ['/status/config?mode=diff', 200, 'mode: diff\n'],
    ['/status/config?mode=defaults', 200, 'mode: defaults\n'],
    ['/status/config?mode=x', 400, 'mode "x" is unknown, want diff or defaults'],
    ['/status/config?mode=a&mode=b', 400, 'mode ["a","b"] is unknown, want diff or defaults'],
    ['/status/runtime_config?mode=diff', 200, 'overrides: diff\n'],
    ['/status/runtime_config?mode=defaults', 400, 'mode "defaults" is unknown, want diff'],
    ['/nowhere', 404, '404 page not found\n'],
    ['/status/buildinfo', 404, '404 page not found\n'],
    ['/%zz', 400, "'/%zz' is not a valid url component\n"],
  ])('%s answers %i', async (url, status, body) => {
    const { ask } = await serve();
    expect(await ask(url)).toMatchObject({ status, body });
  });

  it('shows everything on one page', async () => {
    const { ask } = await serve();
    const { body } = await ask('/status');
    for (const part of ['v1', 'one  new', '/ready', 'overrides: effective', 'mode: effective']) expect(body).toContain(part);
  });

  it('gives pages what they need of a request, and other methods to nobody', async () => {
    const { ask } = await serve();
    const get = await ask('/ring?tokens=true&x=a%26b', { accept: 'text/html', 'sec-fetch-site': 'none' });
    expect(JSON.parse(get.body)).toEqual({ method: 'GET', accept: 'text/html', fetchSite: 'none', query: 'tokens=true&x=a%26b', form: '' });
    const post = await ask('/ring', { 'content-type': 'application/x-www-form-urlencoded' }, 'POST', 'forget=one%2Ftwo');
    expect(JSON.parse(post.body)).toMatchObject({ method: 'POST', query: '', form: 'forget=one%2Ftwo' });
    expect(JSON.parse((await ask('/ring', { 'content-type': 'text/plain' }, 'POST', 'forget=x')).body)).toMatchObject({ form: '' });
    expect(await ask('/ring', {}, 'PUT')).toMatchObject({ status: 404 });
  });

  it('flushes one tenant or all, and begins to stop', async () => {
    const { ask, flushed } = await serve();
    expect(await ask('/flush')).toMatchObject({ status: 204, body: '' });
    expect(await ask('/flush?tenant=a', {}, 'POST')).toMatchObject({ status: 204 });
    expect(await ask('/shutdown', {}, 'POST')).toMatchObject({ status: 200, body: 'shutdown job acknowledged' });
    expect(flushed).toEqual([undefined, 'a', 'shutdown']);
    expect(await ask('/shutdown', {}, 'PUT')).toEqual({ status: 405, type: TEXT, body: 'Method Not Allowed\n' });
    expect(flushed).toHaveLength(3);
  });

  it('tells the text of our errors, and only a hint of others', async () => {
    const { ask, logger } = await serve();
    expect(await ask('/flush?tenant=busy')).toEqual({ status: 503, type: TEXT, body: 'flush: busy' });
    expect(await ask('/flush?tenant=broken')).toEqual({ status: 500, type: TEXT, body: 'internal error: see the log of the server' });
    expect(await ask('/flush?tenant=worker')).toEqual({ status: 500, type: TEXT, body: 'internal error: see the log of the server' });
    expect(logger.entries.filter(({ level }) => level === 'error')).toMatchObject([
      { msg: 'request failed', fields: { err: { message: 'secret detail' } } },
      { msg: 'request failed', fields: { err: { message: 'cannot open /secret' } } },
    ]);
  });
});

describe('server.http_path_prefix', () => {
  it.each([
    ['/a/b/ready', 503],
    ['/a/b/tempo/api/search?q=1', 200],
    ['//a/b//metrics', 200],
    ['/a/b', 404],
    ['/ready', 404],
    ['/a/bready', 404],
    ['/x/a/b/ready', 404],
  ])('%s answers %i', async (url, status) => {
    const { ask } = await serve({ pathPrefix: '/a/b', apiPrefix: '/tempo' });
    expect(await ask(url)).toMatchObject({ status });
  });
});

describe('connections', () => {
  it('beyond server.http_listen_conn_limit are closed, and the log says so now and then', async () => {
    const { server, logger } = await serve({ maxConnections: 1 });
    await server.listen({ host: '127.0.0.1', port: 0 });
    const { port } = server.getHttpServer().address() as AddressInfo;
    const first = net.connect(port, '127.0.0.1');
    await once(first, 'connect');
    for (let i = 0; i < 2; i++) expect(await text(net.connect(port, '127.0.0.1'))).toBe('');
    first.end('GET /live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    expect(await text(first)).toContain('200 OK');
    expect(logger.entries.filter(({ level }) => level === 'warn')).toMatchObject([
      { fields: { limit: 1, key: 'server.http_listen_conn_limit', client: '127.0.0.1', times: 1 } },
    ]);
  });

  it('end where headers are not complete within server.http_server_read_header_timeout', async () => {
    const { server } = await serve({ readHeaderTimeoutMs: 1 });
    await server.listen({ host: '127.0.0.1', port: 0 });
    const socket = net.connect((server.getHttpServer().address() as AddressInfo).port, '127.0.0.1');
    socket.write('GET /live HTTP/1.1\r\nHos');
    expect(await text(socket)).toContain('408 Request Timeout');
  });
});

describe('the log of requests', () => {
  it('is for debugging', async () => {
    const { ask, logger } = await serve({ apiPrefix: '/tempo' });
    await ask('/tempo/api/search?q=1');
    expect(logger.entries.filter(({ msg }) => msg === 'request')).toMatchObject([
      { level: 'debug', fields: { method: 'GET', path: '/tempo/api/search?q=1', status: 200 } },
    ]);
  });

  it('may be told of always, with addresses and headers', async () => {
    const { ask, logger } = await serve({ pathPrefix: '/a', log: { atInfo: true, headers: true, sources: { full: false, header: '', pattern: '' } } });
    await ask('/a/live', { 'x-real-ip': '7.7.7.7', authorization: 'Basic x' });
    const [entry] = logger.entries.filter(({ msg }) => msg === 'request');
    expect(entry).toMatchObject({ level: 'info', fields: { path: '/a/live', sourceIPs: '7.7.7.7, 127.0.0.1', headers: { 'x-real-ip': '7.7.7.7' } } });
    expect(entry.fields?.['headers']).not.toHaveProperty('authorization');
  });
});

describe('the router', () => {
  it('gets the raw path below the prefix, the query and the headers', async () => {
    const { ask, requests } = await serve({ apiPrefix: '/tempo' });
    expect(await ask('/tempo/api/v2/search/tag/a%2Fb/c/values?q=%7B%7D', { accept: 'x' })).toEqual({ status: 200, type: 'application/json', body: '{}' });
    expect(await ask('/api/search')).toMatchObject({ status: 404 });
    expect(requests).toHaveLength(1);
    expect(requests[0]).toMatchObject({ path: '/api/v2/search/tag/a%2Fb/c/values', tenant: 'single-tenant' });
    expect(requests[0].query.get('q')).toBe('{}');
    expect(requests[0].headers['accept']).toBe('x');
  });

  it.each(['http://host:3200/tempo/api/search?q=http://x//y', 'HTTPS://host/tempo/api/search?q=http://x//y', '//tempo/api/search?q=http://x//y'])(
    'finds %s',
    async (url) => {
      const { ask, requests } = await serve({ apiPrefix: '/tempo' });
      await app!.listen(0, '127.0.0.1');
      const { port } = app!.getHttpServer().address() as AddressInfo;
      const socket = net.connect(port, '127.0.0.1');
      socket.end(`GET ${url} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
      expect(await text(socket)).toContain('200 OK');
      expect(requests[0].path).toBe('/api/search');
      expect(requests[0].query.get('q')).toBe('http://x//y');
      expect(await ask('/tempo//api/search')).toMatchObject({ status: 404 });
    },
  );

  it('takes any method and body', async () => {
    const { server } = await serve();
    for (const contentType of ['application/json', 'application/x-www-form-urlencoded', 'text/odd']) {
      const response = await server.inject({ method: 'POST', url: '/api/search', headers: { 'content-type': contentType }, payload: '{broken' });
      expect(response.statusCode).toBe(200);
    }
  });

  it('wants a tenant when there are several, except where none matters', async () => {
    const { ask, requests } = await serve({ tenancy: 'several' });
    expect(await ask('/api/search')).toEqual({ status: 401, type: TEXT, body: 'no org id\n' });
    expect(await ask('/api/open')).toMatchObject({ status: 200 });
    expect(await ask('/api/search', { 'x-scope-orgid': 'a' })).toMatchObject({ status: 200 });
    expect(requests.at(-1)!.tenant).toBe('a');
  });

  it('labels requests by route, unknown paths as other', async () => {
    const { ask, metrics } = await serve();
    await ask('/api/x');
    await ask('/status/version');
    await ask('/nope/1');
    await ask('/nope/2');
    for (const [route, status, count] of [
      ['api_x', '200', 1],
      ['status_version', '200', 1],
      ['other', '404', 2],
    ] as const) {
      const labels = { method: 'GET', route, status_code: status, ws: 'false' };
      expect(metrics.value('tempo_request_duration_seconds', labels), route).toBe(count);
    }
  });

  it('hears when the client goes away', async () => {
    const entered = Promise.withResolvers<void>();
    const left = Promise.withResolvers<unknown>();
    const handle = (request: HttpRequest): Promise<HttpResponse> => {
      entered.resolve();
      return new Promise((answer) => {
        request.signal.addEventListener('abort', () => {
          left.resolve(request.signal.reason);
          answer({ status: 499, contentType: 'text/plain', body: '' });
        });
      });
    };
    const { server, metrics } = await serve({ router: { paths: [], find: () => ({ label: 'api_slow', needsTenant: true, handle }) } });
    await server.listen({ host: '127.0.0.1', port: 0 });
    const client = new AbortController();
    const asked = fetch(`${await server.getUrl()}/api/slow`, { signal: client.signal });
    await entered.promise;
    client.abort();
    await expect(asked).rejects.toThrow('aborted');
    expect(await left.promise).toMatchObject({ code: 'canceled' });
    await server.close();
    expect(metrics.value('tempo_request_duration_seconds', { method: 'GET', route: 'api_slow', status_code: '499', ws: 'false' })).toBe(1);
  });

  it('answers 504 when an answer takes too long, and tells the handler', async () => {
    const told = Promise.withResolvers<unknown>();
    // Never answers, whatever it is told.
    const handle = ({ signal }: HttpRequest): Promise<HttpResponse> => new Promise(() => signal.addEventListener('abort', () => told.resolve(signal.reason)));
    const { server, metrics, logger } = await serve({
      writeTimeoutMs: 1,
      router: { paths: [], find: () => ({ label: 'api_slow', needsTenant: true, handle }) },
    });
    await server.listen({ host: '127.0.0.1', port: 0 });
    const response = await fetch(`${await server.getUrl()}/api/slow`);
    expect([response.status, await response.text()]).toEqual([504, 'no complete answer within server.http_server_write_timeout 1ms']);
    expect(await told.promise).toMatchObject({ code: 'deadline_exceeded' });
    expect(logger.entries.filter(({ level }) => level === 'warn')).toMatchObject([{ fields: { path: '/api/slow' } }]);
    await server.close();
    expect(metrics.value('tempo_request_duration_seconds', { method: 'GET', route: 'api_slow', status_code: '504', ws: 'false' })).toBe(1);
  });

  it('lets answers be that are in time', async () => {
    const { server, requests } = await serve({ writeTimeoutMs: 60_000 });
    await server.listen({ host: '127.0.0.1', port: 0 });
    expect((await fetch(`${await server.getUrl()}/api/search`)).status).toBe(200);
    await server.close();
    expect(requests[0].signal.aborted).toBe(false);
  });

  it('takes a query of 128 KiB, percent-encoded', async () => {
    const { server, requests } = await serve();
    await server.listen({ host: '127.0.0.1', port: 0 });
    const query = '{'.repeat(131_072);
    expect((await fetch(`${await server.getUrl()}/api/search?q=${encodeURIComponent(query)}`)).status).toBe(200);
    expect(requests[0].query.get('q')).toBe(query);
  });

  it('answers 404 where the router knows nothing', async () => {
    const { ask } = await serve({ router: { paths: [], find: () => undefined } });
    expect(await ask('/api/unknown')).toEqual({ status: 404, type: TEXT, body: '404 page not found\n' });
  });
});
