import http from 'node:http';
import { once } from 'node:events';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Backend, TestGateway } from './gateway.fixture.ts';
import { basic, call, startBackend, startGateway } from './gateway.fixture.ts';

// Every route, as everybody.

const USERS = `
auth:
  users:
    - { name: reader, password: r-secret, tenant: ten-r, rights: [read] }
    - { name: writer, password: w-secret, tenant: ten-w, rights: [write] }
    - { name: root, password: a-secret, tenant: ten-a, rights: [admin] }
  api_keys: [{ name: agent, key: key-of-agent, tenant: ten-k, rights: [write] }]
  max_failures: 1000000
`;
const PASSWORDS = { reader: 'r-secret', writer: 'w-secret', root: 'a-secret' } as const;
const TENANTS = { reader: 'ten-r', writer: 'ten-w', root: 'ten-a' } as const;
type User = keyof typeof PASSWORDS;

const OF_RIGHT = { read: 'reader', write: 'writer', admin: 'root' } as const;

interface Case {
  readonly method: string;
  readonly path: string;
  readonly right: 'read' | 'write' | 'admin';
  /** What the upstream is asked. */
  readonly asks: string;
}

const cases: readonly Case[] = [
  ['POST', '/v1/traces', 'write', '/v1/traces'],
  ['POST', '/otlp/v1/traces', 'write', '/v1/traces'],
  ['POST', '/jaeger/api/traces?format=jaeger.thrift', 'write', '/api/traces?format=jaeger.thrift'],
  ['POST', '/zipkin/spans', 'write', '/api/v2/spans'],
  ['POST', '/zipkin/api/v2/spans', 'write', '/api/v2/spans'],
  ['POST', '/zipkin/api/v1/spans', 'write', '/api/v1/spans'],
  ['POST', '/api/v2/spans', 'write', '/api/v2/spans'],
  ['POST', '/api/v1/spans', 'write', '/api/v1/spans'],
  ['GET', '/api/v2/spans', 'read', '/api/v2/spans'],
  ['GET', '/api', 'read', '/api'],
  ['GET', '/api/echo', 'read', '/api/echo'],
  ['GET', '/api/search?q=%7B%7D', 'read', '/api/search?q=%7B%7D'],
  ['POST', '/api/search', 'read', '/api/search'],
  ['GET', '/api/traces/0af7', 'read', '/api/traces/0af7'],
  ['GET', '/api/v2/search/tag/span.a%2Fb/values', 'read', '/api/v2/search/tag/span.a%2Fb/values'],
  ['GET', '/api/overrides', 'read', '/api/overrides'],
  ['POST', '/api/overrides', 'admin', '/api/overrides'],
  ['DELETE', '/api/overrides', 'admin', '/api/overrides'],
  ['GET', '/distributor/ring', 'admin', '/distributor/ring'],
  ['POST', '/ingester/ring', 'admin', '/ingester/ring'],
  ['GET', '/metrics-generator/ring', 'admin', '/metrics-generator/ring'],
  ['GET', '/compactor/ring', 'admin', '/compactor/ring'],
  ['GET', '/memberlist', 'admin', '/memberlist'],
  ['GET', '/status', 'admin', '/status'],
  ['GET', '/status/config?mode=diff', 'admin', '/status/config?mode=diff'],
  ['POST', '/flush?tenant=x', 'admin', '/flush?tenant=x'],
  ['GET', '/flush', 'admin', '/flush'],
].map(([method, path, right, asks]) => ({ method, path, right, asks }) as Case);

const calls = [
  { path: '/opentelemetry.proto.collector.trace.v1.TraceService/Export', right: 'write' },
  { path: '/tempopb.StreamingQuerier/Search', right: 'read' },
  { path: '/tempopb.StreamingQuerier/MetricsQueryRange', right: 'read' },
] as const;

let backend: Backend;
let gateway: TestGateway;
beforeAll(async () => {
  backend = await startBackend();
  gateway = await startGateway({ yaml: USERS, http: [backend.http], grpc: [backend.grpc] });
});
beforeEach(() => {
  backend.seen.length = 0;
});
afterAll(async () => {
  await gateway.stop();
  await backend.close();
});

async function ask({ method, path }: { method: string; path: string }, headers: Record<string, string> = {}): Promise<[number, string, Headers]> {
  const response = await fetch(gateway.url + path, { method, headers, ...(method === 'POST' && { body: 'spans' }) });
  return [response.status, await response.text(), response.headers];
}

const as = (user: User) => ({ authorization: basic(user, PASSWORDS[user]) });
const others = (right: Case['right']): User[] => (Object.keys(PASSWORDS) as User[]).filter((user) => user !== OF_RIGHT[right]);

describe.each(cases)('$method $path', (route) => {
  const user = OF_RIGHT[route.right];

  it('serves who has the right, for their tenant, without their password', async () => {
    const [status] = await ask(route, as(user));
    expect(status).toBe(200);
    expect(backend.seen.map(({ method, url }) => [method, url])).toEqual([[route.method, route.asks]]);
    const { headers } = backend.seen[0];
    expect(headers['x-scope-orgid']).toBe(TENANTS[user]);
    expect([headers.authorization, headers['x-api-key']]).toEqual([undefined, undefined]);
    expect([headers['x-forwarded-for'], headers['x-forwarded-proto'], headers['x-forwarded-host']]).toEqual(['127.0.0.1', 'http', new URL(gateway.url).host]);
  });

  it('overwrites the tenant that was sent', async () => {
    await ask(route, { ...as(user), 'X-Scope-OrgID': 'ten-other|ten-a' });
    expect(backend.seen[0].rawHeaders.filter((_, i, raw) => raw[i - 1]?.toLowerCase() === 'x-scope-orgid')).toEqual([TENANTS[user]]);
  });

  it('asks who it is', async () => {
    const [status, text, headers] = await ask(route);
    expect([status, text]).toEqual([401, 'credentials are needed: basic authentication or an api key\n']);
    expect(headers.get('www-authenticate')).toBe('Basic realm="vivace", charset="UTF-8"');
    expect((await ask(route, { 'x-scope-orgid': 'ten-a' }))[0]).toBe(401);
  });

  it.each([
    ['a wrong password', basic(user, 'wrong')],
    ['an unknown user', basic('nobody', PASSWORDS[user])],
    ['a wrong key', 'Bearer wrong'],
  ])('refuses %s', async (_what, authorization) => {
    const [status, text] = await ask(route, { authorization });
    expect([status, text.trim()]).toEqual([401, expect.stringMatching(/^wrong (user name or password|api key)$/)]);
  });

  it('refuses users without the right', async () => {
    for (const other of others(route.right)) {
      expect((await ask(route, as(other))).slice(0, 2)).toEqual([403, `user "${other}" has not the right ${route.right}\n`]);
    }
    expect((await ask(route, { 'x-api-key': 'key-of-agent' }))[0]).toBe(route.right === 'write' ? 200 : 403);
    expect(backend.seen).toHaveLength(route.right === 'write' ? 1 : 0);
  });
});

describe.each(calls)('call $path', ({ path, right }) => {
  const user = OF_RIGHT[right];

  it('serves who has the right, for their tenant', async () => {
    const answer = await call(gateway.url, path, { ...as(user), 'x-scope-orgid': ['ten-other', 'ten-a'] as unknown as string }, Buffer.from('a message'));
    expect([answer.code, answer.bytes.toString(), answer.trailers['x-extra']]).toEqual([0, 'a message', 'trailer']);
    const { headers } = backend.seen[0];
    expect([headers['x-scope-orgid'], headers.authorization, headers['x-forwarded-for']]).toEqual([TENANTS[user], undefined, '127.0.0.1']);
  });

  it('refuses everybody else', async () => {
    expect(await call(gateway.url, path)).toMatchObject({ code: 16, message: expect.stringContaining('credentials are needed') });
    expect(await call(gateway.url, path, { authorization: basic(user, 'wrong') })).toMatchObject({ code: 16, message: 'wrong user name or password' });
    for (const other of others(right))
      expect(await call(gateway.url, path, as(other))).toMatchObject({ code: 7, message: `user "${other}" has not the right ${right}` });
    expect(backend.seen).toEqual([]);
  });
});

describe('the rest', () => {
  it('/ is open to all', async () => {
    expect((await ask({ method: 'GET', path: '/' })).slice(0, 2)).toEqual([200, 'OK']);
  });

  it.each(['/ready', '/metrics', '/api2', '/apifoo/x', '/flush/', '/ingester', '/tempopb.StreamingQuerier/Search', '/statusx'])(
    '%s is nowhere',
    async (path) => {
      expect((await ask({ method: 'GET', path }, as('root')))[0]).toBe(404);
    },
  );

  it('/shutdown names an ingester', async () => {
    const shutdown = { method: 'POST', path: '/shutdown' };
    expect((await ask(shutdown, as('writer')))[0]).toBe(403);
    expect((await ask(shutdown, as('root'))).slice(0, 2)).toEqual([400, `/shutdown needs instance in the query, one of ${backend.http}\n`]);
    expect((await ask({ method: 'POST', path: '/shutdown?instance=1.2.3.4:80' }, as('root')))[0]).toBe(400);
    expect(backend.seen).toEqual([]);
    expect((await ask({ method: 'POST', path: `/shutdown?instance=${backend.http}` }, as('root'))).slice(0, 2)).toEqual([200, `${backend.http}: 200 hello\n`]);
    expect(backend.seen.map(({ url }) => url)).toEqual(['/shutdown']);
  });

  it('methods are checked', async () => {
    const [status, , headers] = await ask({ method: 'GET', path: '/v1/traces' }, as('writer'));
    expect([status, headers.get('allow')]).toEqual([405, 'POST, OPTIONS']);
  });

  it('unknown calls are unimplemented, and the OTLP port knows one only', async () => {
    expect(await call(gateway.url, '/tempopb.Pusher/Push', as('writer'))).toMatchObject({ code: 12 });
    expect(await call(gateway.otlpUrl, calls[0].path, as('writer'))).toMatchObject({ code: 0 });
    expect(await call(gateway.otlpUrl, calls[1].path, as('reader'))).toMatchObject({ code: 12 });
    expect((await fetch(`${gateway.otlpUrl}/api/echo`, { headers: as('reader') })).status).toBe(404);
  });

  it('methods that nobody needs are refused', async () => {
    const sent = http.request(`${gateway.url}/api/echo`, { method: 'TRACE', headers: as('reader') }).end();
    const [response] = (await once(sent, 'response')) as [http.IncomingMessage];
    response.resume();
    expect(response.statusCode).toBe(405);
  });

  it('browsers may ask whether they may write, and nothing else without a name', async () => {
    const preflight = { origin: 'https://shop.example', 'access-control-request-method': 'POST' };
    expect((await fetch(`${gateway.url}/v1/traces`, { method: 'OPTIONS', headers: preflight })).status).toBe(200);
    expect((await fetch(`${gateway.url}/v1/traces`, { method: 'OPTIONS' })).status).toBe(401);
    expect((await fetch(`${gateway.url}/api/echo`, { method: 'OPTIONS', headers: preflight })).status).toBe(401);
    expect((await ask({ method: 'POST', path: '/v1/traces' }, preflight))[0]).toBe(401);
  });

  it('who asks before sending a body is told to send it, or why not', async () => {
    const push = async (password: string): Promise<[number | undefined, boolean, number]> => {
      const sent = http.request(`${gateway.url}/v1/traces`, {
        method: 'POST',
        headers: { expect: '100-continue', 'content-length': '5', authorization: basic('writer', password) },
      });
      let asked = false;
      sent.on('continue', () => {
        asked = true;
        sent.end('spans');
      });
      sent.flushHeaders();
      const [response] = (await once(sent, 'response')) as [http.IncomingMessage];
      response.resume();
      await once(response, 'end');
      sent.destroy();
      return [response.statusCode, asked, backend.seen.at(-1)?.bytes ?? 0];
    };
    expect(await push('wrong')).toEqual([401, false, 0]);
    expect(await push('w-secret')).toEqual([200, true, 5]);
  });

  it('a call is refused although its message has only begun to come', async () => {
    const message = Buffer.alloc(20 << 20);
    expect(await call(gateway.url, calls[0].path, as('reader'), message)).toMatchObject({ code: 7 });
    expect(await call(gateway.url, calls[0].path, { authorization: basic('writer', 'wrong') }, message)).toMatchObject({ code: 16 });
  });

  it('pages of other sites may lead to admin pages, and not change anything', async () => {
    const from = (site: string) => ({ ...as('root'), 'sec-fetch-site': site });
    for (const site of ['cross-site', 'same-site']) {
      expect((await ask({ method: 'GET', path: '/flush' }, from(site)))[0]).toBe(403);
      expect((await ask({ method: 'POST', path: '/ingester/ring' }, from(site)))[0]).toBe(403);
      expect((await ask({ method: 'GET', path: '/ingester/ring' }, from(site)))[0]).toBe(200);
    }
    for (const site of ['same-origin', 'none']) expect((await ask({ method: 'POST', path: '/flush' }, from(site)))[0]).toBe(200);
  });
});
