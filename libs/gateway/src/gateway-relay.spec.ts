import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Backend, TestGateway, TestOptions } from './gateway.fixture.ts';
import { call, closedPort, startBackend, startGateway } from './gateway.fixture.ts';

// How requests are passed on, without users.

const EXPORT = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';

let backend: Backend;
let gateway: TestGateway | undefined;
beforeEach(async () => {
  backend = await startBackend();
});
afterEach(async () => {
  await gateway?.stop();
  await backend.close();
});

async function start(yaml = '', options: Partial<TestOptions> = {}): Promise<TestGateway> {
  gateway = await startGateway({ yaml, http: [backend.http], grpc: [backend.grpc], ...options });
  return gateway;
}

const upstreamErrors = (upstream: string, reason: string): number => gateway!.metrics.value('vivace_gateway_upstream_errors_total', { upstream, reason });

describe('HTTP', () => {
  it('passes headers on in both directions, but not those of one connection', async () => {
    const { url } = await start();
    const answer = await new Promise<http.IncomingMessage>((resolve) => {
      const headers = {
        'x-mine': 'a',
        connection: 'keep-alive, x-drop',
        'x-drop': 'b',
        te: 'trailers',
        'x-scope-orgid': 't',
        authorization: 'Basic eDp5',
        'x-forwarded-for': '6.6.6.6',
      };
      http.get(`${url}/api/echo`, { headers }, resolve);
    });
    answer.resume();
    expect([answer.statusCode, answer.headers['x-backend'], answer.headers['x-hop']]).toEqual([200, 'yes', undefined]);
    const { headers } = backend.seen[0];
    expect([headers['x-mine'], headers['x-drop'], headers.te, headers['x-scope-orgid'], headers.authorization]).toEqual([
      'a',
      undefined,
      undefined,
      't',
      'Basic eDp5',
    ]);
    expect([headers['x-forwarded-for'], headers.host]).toEqual(['127.0.0.1', backend.http]);
  });

  it('passes a body on as it comes, and its answer as it comes', async () => {
    const { url } = await start();
    const heard: string[] = [];
    backend.answer = (request, response) => {
      response.writeHead(200);
      request.on('data', (chunk: Buffer) => response.write(`got ${chunk.toString()}\n`)).on('end', () => response.end('end\n'));
    };
    const request = http.request(`${url}/v1/traces`, { method: 'POST' });
    request.write('one');
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    heard.push(String((await once(response, 'data'))[0]));
    request.write('two');
    heard.push(String((await once(response, 'data'))[0]));
    request.end();
    heard.push(String((await once(response, 'data'))[0]));
    expect(heard).toEqual(['got one\n', 'got two\n', 'end\n']);
  });

  it('takes no more of an answer than the client reads', async () => {
    const { url } = await start();
    const total = 64 * 1024 * 1024;
    let written = 0;
    let stalled: () => void = () => undefined;
    const isStalled = new Promise<void>((resolve) => (stalled = resolve));
    backend.answer = (_request, response) => {
      const chunk = Buffer.alloc(1 << 20);
      const more = (): void => {
        while (written < total) {
          written += chunk.length;
          if (!response.write(chunk)) {
            setTimeout(() => response.writableNeedDrain && stalled(), 200);
            return void response.once('drain', more);
          }
        }
        response.end();
      };
      response.writeHead(200);
      more();
    };
    const [response] = (await once(http.get(`${url}/api/search`), 'response')) as [http.IncomingMessage];
    await isStalled;
    expect(written).toBeLessThan(total / 2);
    let read = 0;
    for await (const chunk of response) read += (chunk as Buffer).length;
    expect(read).toBe(total);
  });

  it('takes no more of a body than the upstream reads', async () => {
    const { url } = await start();
    const total = 64 * 1024 * 1024;
    const reads = Promise.withResolvers<() => void>();
    backend.answer = (request, response) => {
      let bytes = 0;
      reads.resolve(() => request.on('data', (chunk: Buffer) => (bytes += chunk.length)).on('end', () => response.end(String(bytes))));
    };
    const sent = http.request(`${url}/v1/traces`, { method: 'POST', headers: { 'content-length': total } });
    let written = 0;
    const stalled = Promise.withResolvers<void>();
    const more = (): void => {
      while (written < total) {
        written += 1 << 20;
        if (!sent.write(Buffer.alloc(1 << 20))) {
          setTimeout(() => sent.writableNeedDrain && stalled.resolve(), 200);
          return void sent.once('drain', more);
        }
      }
      sent.end();
    };
    more();
    const read = await reads.promise;
    await stalled.promise;
    expect(written).toBeLessThan(total / 2);
    read();
    const [response] = (await once(sent, 'response')) as [http.IncomingMessage];
    expect(String((await once(response, 'data'))[0])).toBe(String(total));
  });

  it('passes 20 MiB on, of a known length and of an unknown one', async () => {
    const { url } = await start();
    const body = Buffer.alloc(20 << 20, 1);
    for (const headers of [{ 'content-length': String(body.length) }, { 'transfer-encoding': 'chunked' }]) {
      const request = http.request(`${url}/v1/traces`, { method: 'POST', headers }).end(body);
      const [response] = (await once(request, 'response')) as [http.IncomingMessage];
      response.resume();
      expect(response.statusCode).toBe(200);
    }
    expect(backend.seen.map(({ bytes }) => bytes)).toEqual([body.length, body.length]);
  });

  it('refuses bodies above the limit, before they come and while they do', async () => {
    const { url } = await start('max_request_body_size: 1000');
    for (const headers of [{ 'content-length': '1001' }, { 'transfer-encoding': 'chunked' }]) {
      const request = http.request(`${url}/v1/traces`, { method: 'POST', headers }).end(Buffer.alloc(1001));
      const [response] = (await once(request, 'response')) as [http.IncomingMessage];
      expect([response.statusCode, String((await once(response, 'data'))[0])]).toEqual([
        413,
        'the body is too large, limit 1000 bytes (gateway.max_request_body_size)\n',
      ]);
    }
    expect((await fetch(`${url}/v1/traces`, { method: 'POST', body: Buffer.alloc(1000) })).status).toBe(200);
  });

  it('keeps a connection usable after an answer that came before the body', async () => {
    const { url } = await start();
    backend.answer = (request, response) => {
      request.resume();
      response.writeHead(429, { 'retry-after': '1' }).end('slow down');
    };
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    for (let i = 0; i < 3; i++) {
      const request = http.request(`${url}/v1/traces`, { method: 'POST', agent, headers: { 'content-length': String(4 << 20) } }).end(Buffer.alloc(4 << 20));
      const [response] = (await once(request, 'response')) as [http.IncomingMessage];
      response.resume();
      await once(response, 'end');
      expect([response.statusCode, response.headers['retry-after']]).toEqual([429, '1']);
    }
    agent.destroy();
  });

  it('tells the upstream when the client goes', async () => {
    const { url } = await start('access_log: all');
    let closed: () => void = () => undefined;
    const isClosed = new Promise<void>((resolve) => (closed = resolve));
    const request = http.get(`${url}/api/search`).on('error', () => undefined);
    backend.answer = (_request, response) => {
      response.on('close', closed);
      request.destroy();
    };
    await isClosed;
    expect(gateway!.metrics.value('tempo_request_duration_seconds', { method: 'GET', route: 'api_search', status_code: '499', ws: 'false' })).toBe(1);
  });

  it('cuts an answer off that the upstream has cut off', async () => {
    const { url } = await start();
    backend.answer = (_request, response) => void response.writeHead(200, { 'content-length': '100' }).write('half', () => response.destroy());
    await expect(fetch(`${url}/api/search`).then((response) => response.text())).rejects.toThrow();
  });

  it.each(['/api/../flush', '/api/%2e%2e/flush', '/api/%2E./flush', '/api//x', '/api/%00', '/api/%zz', '/api/a%2F..%2Fb'])(
    'refuses the path %s',
    async (path) => {
      const { url } = await start();
      const [response] = (await once(http.get({ host: '127.0.0.1', port: new URL(url).port, path }), 'response')) as [http.IncomingMessage];
      response.resume();
      expect(response.statusCode).toBe(400);
      expect(backend.seen).toEqual([]);
    },
  );

  it('takes the absolute form', async () => {
    const { url } = await start();
    const [response] = (await once(http.get({ host: '127.0.0.1', port: new URL(url).port, path: 'http://x.example/api/echo?a=b' }), 'response')) as [
      http.IncomingMessage,
    ];
    response.resume();
    expect(backend.seen[0].url).toBe('/api/echo?a=b');
  });

  it('serves the API below its prefix only', async () => {
    const { url } = await start('', { apiPrefix: '/tempo' });
    expect((await fetch(`${url}/tempo/api/echo`)).status).toBe(200);
    expect((await fetch(`${url}/api/echo`)).status).toBe(404);
  });

  it('serves HTTP/2 on the same port', async () => {
    const { url } = await start();
    const session = http2.connect(url);
    const stream = session.request({ ':method': 'POST', ':path': '/v1/traces' }).end(Buffer.alloc(3 << 20));
    const [headers] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders & { ':status': number }];
    expect([headers[':status'], headers['x-backend'], String((await once(stream, 'data'))[0])]).toEqual([200, 'yes', 'hello']);
    expect(backend.seen[0]).toMatchObject({ bytes: 3 << 20, headers: { 'x-forwarded-host': new URL(url).host } });
    session.destroy();
  });

  it('believes X-Forwarded-For of trusted proxies', async () => {
    const { url } = await start('trusted_proxies: [127.0.0.0/8]\naccess_log: all');
    await fetch(`${url}/api/echo`, { headers: { 'x-forwarded-for': '6.6.6.6, 7.7.7.7, 127.9.9.9' } });
    expect(backend.seen[0].headers['x-forwarded-for']).toBe('6.6.6.6, 7.7.7.7, 127.9.9.9, 127.0.0.1');
    await gateway!.stop();
    expect(gateway!.logger.entries.find(({ msg }) => msg === 'request')!.fields).toMatchObject({ client: '7.7.7.7', path: '/api/echo', status: 200 });
  });
});

describe('upstreams that fail', () => {
  it('says 503 where nobody listens, and serves again when somebody does', async () => {
    const port = await closedPort();
    const { url } = await start('', { http: [`127.0.0.1:${port}`] });
    const response = await fetch(`${url}/api/echo`);
    expect([response.status, await response.text(), response.headers.get('retry-after')]).toEqual([
      503,
      'upstream queryFrontend cannot be reached (ECONNREFUSED)\n',
      '1',
    ]);
    expect(upstreamErrors('queryFrontend', 'connect')).toBe(1);
    const revived = await startBackend({ http: port, grpc: 0 });
    expect((await fetch(`${url}/api/echo`)).status).toBe(200);
    expect((await fetch(`${url}/v1/traces`, { method: 'POST', body: 'spans' })).status).toBe(200);
    await revived.close();
  });

  it('asks another address when one cannot be reached, writes too, and leaves it out for a while', async () => {
    const dead = `127.0.0.1:${await closedPort()}`;
    const { url } = await start('', { http: [dead, backend.http] });
    for (let i = 0; i < 6; i++) expect((await fetch(`${url}/v1/traces`, { method: 'POST', body: `spans ${i}` })).status).toBe(200);
    expect(backend.seen.map(({ bytes }) => bytes)).toEqual([7, 7, 7, 7, 7, 7]);
    expect(upstreamErrors('otlpHttp', 'connect')).toBe(1);
  });

  it('asks another address when a connection breaks under a query, but never under a write', async () => {
    const second = await startBackend();
    const { url } = await start('', { http: [backend.http, second.http] });
    backend.answer = (request) => request.socket.destroy();
    for (let i = 0; i < 4; i++) expect((await fetch(`${url}/api/echo`)).status).toBe(200);
    expect(backend.seen.length).toBeGreaterThan(0);
    const answers: string[] = [];
    for (let i = 0; i < 4; i++) {
      const response = await fetch(`${url}/v1/traces`, { method: 'POST', body: 'spans' });
      answers.push(`${response.status} ${await response.text()}`);
    }
    expect(answers.sort()).toEqual([
      '200 hello',
      '200 hello',
      '502 upstream otlpHttp broke the connection before it answered\n',
      '502 upstream otlpHttp broke the connection before it answered\n',
    ]);
    await second.close();
  });

  it('ends what is silent for too long, and what takes too long', async () => {
    const { url } = await start('timeouts: { read: { idle: 100ms, total: 0s }, write: { idle: 0s, total: 100ms } }');
    backend.answer = () => undefined;
    const read = await fetch(`${url}/api/search`);
    expect([read.status, await read.text()]).toEqual([504, 'upstream queryFrontend was silent for 100 ms\n']);
    const written = await fetch(`${url}/v1/traces`, { method: 'POST', body: 'x' });
    expect([written.status, await written.text()]).toEqual([504, 'upstream otlpHttp took longer than 100 ms\n']);
    backend.answerCall = () => undefined;
    expect(await call(url, EXPORT)).toMatchObject({ code: 4, message: 'upstream otlpGrpc took longer than 100 ms' });
  });

  it('a query that gives signs of life may take as long as it likes', async () => {
    const { url } = await start('timeouts: { read: { idle: 300ms, total: 0s } }');
    backend.answer = (_request, response) => {
      let left = 8;
      const next = (): void => void (left-- > 0 ? (response.write('.'), setTimeout(next, 100)) : response.end());
      next();
    };
    expect(await (await fetch(`${url}/api/search`)).text()).toBe('........');
  });

  it('refuses what would wait behind too much', async () => {
    const { url } = await start('connections: { max_per_address: 1, max_waiting: 0 }');
    const open: http.ServerResponse[] = [];
    let arrived: () => void = () => undefined;
    const first = new Promise<void>((resolve) => (arrived = resolve));
    backend.answer = (_request, response) => {
      open.push(response);
      arrived();
    };
    const waiting = fetch(`${url}/api/search`);
    await first;
    const refused = await fetch(`${url}/api/search`);
    expect([refused.status, await refused.text()]).toEqual([503, expect.stringContaining('gateway.connections.max_waiting')]);
    open[0].end('done');
    expect(await (await waiting).text()).toBe('done');
  });

  it('remembers who waits, although the client has gone', async () => {
    const { url } = await start('connections: { max_per_address: 1, max_waiting: 1 }');
    const open: http.ServerResponse[] = [];
    backend.answer = (_request, response) => void open.push(response);
    const first = fetch(`${url}/api/search`);
    await expect.poll(() => open.length).toBe(1);
    const leaver = http.get(`${url}/api/search`).on('error', () => undefined);
    await expect.poll(() => gateway!.metrics.value('vivace_gateway_requests_in_flight')).toBe(2);
    leaver.destroy();
    await expect.poll(() => gateway!.metrics.value('vivace_gateway_requests_in_flight')).toBe(1);
    expect((await fetch(`${url}/api/search`)).status).toBe(503);
    open[0].end();
    await first;
    backend.answer = undefined;
    await expect.poll(async () => (await fetch(`${url}/api/search`)).status).toBe(200);
    expect(open).toHaveLength(1);
  });

  it('resolves names again, and when there is none', async () => {
    const second = await startBackend();
    const [firstPort, secondPort] = [backend.http, second.http].map((address) => address.split(':')[1]);
    let found: string[] | undefined = [];
    const lookup = async (): Promise<string[]> => {
      if (!found) throw new Error('no such name');
      return found;
    };
    const { url } = await start('connections: { dns_refresh_period: 100ms }', { http: [`somewhere:${firstPort}`, `somewhere:${secondPort}`], lookup });
    const none = await fetch(`${url}/api/echo`);
    expect([none.status, await none.text()]).toEqual([503, 'upstream queryFrontend: no address is known for somewhere, somewhere (gateway.upstreams)\n']);
    found = ['127.0.0.1'];
    await expect.poll(async () => (await fetch(`${url}/api/echo`)).status).toBe(200);
    found = undefined;
    for (let i = 0; i < 4; i++) expect((await fetch(`${url}/api/echo`)).status).toBe(200);
    expect([backend.seen.length > 0, second.seen.length > 0]).toEqual([true, true]);
    await second.close();
  });

  it('asks all ingesters to flush', async () => {
    const dead = `127.0.0.1:${await closedPort()}`;
    const { url } = await start('', { http: [dead, backend.http] });
    backend.answer = (_request, response) => void response.writeHead(204).end();
    const response = await fetch(`${url}/flush`, { method: 'POST' });
    const text = await response.text();
    expect([response.status, text.split('\n').length]).toEqual([502, 3]);
    expect(text).toContain(`${backend.http}: 204\n`);
    expect(text).toContain(`${dead}: 502 connect ECONNREFUSED`);
    const one = await fetch(`${url}/flush?instance=${backend.http}`, { method: 'POST' });
    expect([one.status, await one.text()]).toEqual([200, `${backend.http}: 204\n`]);
  });
});

describe('gRPC', () => {
  it('passes large messages and trailers on', async () => {
    const { url } = await start();
    const body = Buffer.alloc(20 << 20, 7);
    const answer = await call(url, EXPORT, {}, body);
    expect([answer.code, answer.trailers['x-extra'], answer.bytes.equals(body)]).toEqual([0, 'trailer', true]);
  });

  it('passes statuses on that come alone', async () => {
    const { url } = await start();
    backend.answerCall = (stream) =>
      stream.respond({ ':status': 200, 'grpc-status': '8', 'grpc-message': 'rate%20limit', 'grpc-status-details-bin': 'CAg' }, { endStream: true });
    const answer = await call(url, EXPORT);
    expect([answer.code, answer.message, answer.headers['grpc-status-details-bin']]).toEqual([8, 'rate limit', 'CAg']);
  });

  it('says UNAVAILABLE where nobody listens, asks another address, and heals', async () => {
    const port = await closedPort();
    const { url } = await start('', { grpc: [`127.0.0.1:${port}`] });
    expect(await call(url, EXPORT)).toMatchObject({ code: 14, message: 'upstream otlpGrpc cannot be reached (ECONNREFUSED)' });
    const revived = await startBackend({ http: 0, grpc: port });
    expect(await call(url, EXPORT)).toMatchObject({ code: 0 });
    await revived.close();
    await gateway!.stop();
    const { url: both } = await start('', { grpc: [`127.0.0.1:${port}`, backend.grpc] });
    for (let i = 0; i < 3; i++) expect(await call(both, EXPORT)).toMatchObject({ code: 0 });
  });

  it('says UNAVAILABLE when the connection breaks, before and after the headers', async () => {
    const { url } = await start();
    backend.answerCall = (stream) => stream.session!.destroy();
    expect(await call(url, EXPORT)).toMatchObject({ code: 14 });
    backend.answerCall = (stream) => {
      stream.respond({ ':status': 200 });
      stream.write('half', () => stream.session!.destroy());
    };
    expect(await call(url, '/tempopb.StreamingQuerier/Search')).toMatchObject({
      code: 14,
      message: expect.stringMatching(/^upstream queryFrontendGrpc (broke the connection|ended without a status)$/),
    });
  });

  it('tells the upstream when the client cancels', async () => {
    const { url } = await start();
    const session = http2.connect(url);
    const canceled = new Promise<number>((resolve) => {
      backend.answerCall = (stream) => {
        stream.on('close', () => resolve(stream.rstCode ?? -1));
        mine.close(http2.constants.NGHTTP2_CANCEL);
      };
    });
    const mine = session.request({ ':method': 'POST', ':path': EXPORT, 'content-type': 'application/grpc' });
    mine.on('error', () => undefined);
    expect(await canceled).toBe(http2.constants.NGHTTP2_CANCEL);
    session.destroy();
  });

  it('passes messages of a stream on as they come', async () => {
    const { url } = await start();
    const session = http2.connect(url);
    const stream = session.request({ ':method': 'POST', ':path': '/tempopb.StreamingQuerier/Search', 'content-type': 'application/grpc' });
    for (const message of ['one', 'two', 'three']) {
      stream.write(message);
      expect(String((await once(stream, 'data'))[0])).toBe(message);
    }
    stream.end();
    const [trailers] = (await once(stream, 'trailers')) as [http2.IncomingHttpHeaders];
    expect(trailers['grpc-status']).toBe('0');
    session.destroy();
  });
});

describe('stopping', () => {
  it('lets open requests end and takes no others', async () => {
    const { url, gateway: own } = await start();
    let respond: () => void = () => undefined;
    const arrived = new Promise<void>((resolve) => {
      backend.answer = (_request, response) => {
        respond = () => void response.end('late');
        resolve();
      };
    });
    const open = fetch(`${url}/api/search`);
    await arrived;
    const stopped = own.stop(5_000);
    await expect(
      new Promise((resolve, reject) => net.connect(Number(new URL(url).port), '127.0.0.1', () => resolve('connected')).on('error', reject)),
    ).rejects.toThrow('ECONNREFUSED');
    respond();
    expect(await (await open).text()).toBe('late');
    await stopped;
    gateway = undefined;
  });
});
