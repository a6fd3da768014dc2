import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import { fileURLToPath } from 'node:url';
import https from 'node:https';
import { once } from 'node:events';
import type http from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Backend, TestGateway } from './gateway.fixture.ts';
import { basic, call, startBackend, startGateway } from './gateway.fixture.ts';

// What the gateway reads from files, and reads again.

const pem = (name: string): string => fileURLToPath(new URL(`../../../testdata/${name}.pem`, import.meta.url));
const HASH = '$2y$04$.f2.ngslvY96IECInr4FuO2.dYchDMgKgk4zThdxSErZGWxnaf3Fy';
const EXPORT = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';

let dir: string;
let backend: Backend;
let gateway: TestGateway | undefined;
beforeEach(async () => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'gateway-'));
  backend = await startBackend();
});
afterEach(async () => {
  await gateway?.stop();
  gateway = undefined;
  await backend.close();
  fs.rmSync(dir, { recursive: true });
});

async function start(yaml: string): Promise<TestGateway> {
  gateway = await startGateway({ yaml, http: [backend.http], grpc: [backend.grpc] });
  return gateway;
}

const status = async (authorization: string): Promise<number> => (await fetch(`${gateway!.url}/api/echo`, { headers: { authorization } })).status;
const anna = basic('anna', 'open sesame');

describe('users', () => {
  it('come from the htpasswd file, which is read again; what cannot be used changes nothing', async () => {
    const file = path.join(dir, 'htpasswd');
    fs.writeFileSync(file, `anna:${HASH}\n`);
    const { gateway: own, logger, metrics } = await start(`auth: { htpasswd_file: ${file} }`);
    expect([await status(anna), await status(basic('bo', 'open sesame'))]).toEqual([200, 401]);
    expect(backend.seen[0].headers['x-scope-orgid']).toBe('anna');
    fs.appendFileSync(file, `bo:${HASH}\n`);
    await own.reload();
    expect(await status(basic('bo', 'open sesame'))).toBe(200);
    for (const bad of ['anna:$apr1$x$y\n', '', 'nonsense']) {
      fs.writeFileSync(file, bad);
      await own.reload();
      expect(await status(anna)).toBe(200);
    }
    expect(logger.entries.filter(({ level }) => level === 'error')).toHaveLength(3);
    expect(JSON.stringify(logger.entries.map(({ fields }) => String(fields['err'])))).not.toContain(HASH);
    expect([
      metrics.value('vivace_gateway_reloads_total', { outcome: 'success' }),
      metrics.value('vivace_gateway_reloads_total', { outcome: 'failure' }),
    ]).toEqual([1, 3]);
    fs.writeFileSync(file, `bo:${HASH}\n`);
    await own.reload();
    expect(await status(anna)).toBe(401);
  });

  it('come from a file of users and keys', async () => {
    const file = path.join(dir, 'users.yaml');
    fs.writeFileSync(file, `users: [{ name: anna, password_hash: '${HASH}', tenant: '*' }]\napi_keys: [{ name: k, key: key-1, tenant: t }]`);
    const { gateway: own, url } = await start(`auth: { users_file: ${file} }`);
    expect([await status(anna), await status('Bearer key-1'), await status('Bearer key-2')]).toEqual([200, 200, 401]);
    await fetch(`${url}/api/echo`, { headers: { authorization: anna, 'x-scope-orgid': 'mine' } });
    expect(backend.seen.map(({ headers }) => headers['x-scope-orgid'])).toEqual([undefined, 't', 'mine']);
    fs.writeFileSync(file, 'api_keys: [{ name: k, key: key-2 }]');
    await own.reload();
    expect([await status(anna), await status('Bearer key-1'), await status('Bearer key-2')]).toEqual([401, 401, 200]);
  });

  it.each([
    ['htpasswd_file: /no/such/file', 'gateway.auth.htpasswd_file: cannot read "/no/such/file"'],
    ['users_file: /dev/null', 'gateway.auth: its files have no users and no keys'],
  ])('stop the start with %s', async (yaml, message) => {
    await expect(start(`auth: { ${yaml} }`)).rejects.toThrow(message);
  });

  it('are missed loudly', async () => {
    const { logger } = await start('');
    expect(logger.entries.find(({ level }) => level === 'warn')).toMatchObject({
      msg: 'the gateway has no users',
      fields: { explain: expect.stringContaining('STOP ingesters') },
    });
    await gateway!.stop();
    const { logger: tame, url } = await start('admin_enabled: false');
    expect(tame.entries.find(({ level }) => level === 'warn')?.fields['explain']).not.toContain('STOP');
    expect((await fetch(`${url}/flush`)).status).toBe(404);
  });

  it('are told when to come back', async () => {
    const { url } = await start(`auth: { users: [{ name: anna, password: open sesame }], max_failures: 2 }`);
    for (const code of [401, 401, 429]) expect(await status(basic('anna', 'wrong'))).toBe(code);
    const response = await fetch(`${url}/api/echo`, { headers: { authorization: basic('bo', 'x') } });
    expect([response.status, Number(response.headers.get('retry-after')) > 50, await response.text()]).toEqual([
      429,
      true,
      expect.stringContaining('gateway.auth.max_failures'),
    ]);
    expect(await call(url, EXPORT, { authorization: basic('bo', 'x') })).toMatchObject({ code: 8 });
  });
});

describe('the access log', () => {
  it('has what failed, and never credentials or queries', async () => {
    const { url, logger } = await start('auth: { users: [{ name: anna, password: open sesame, tenant: t }] }');
    await fetch(`${url}/api/search?q=secret-query`, { headers: { authorization: anna } });
    await fetch(`${url}/api/search?q=secret-query`, { headers: { authorization: basic('anna', 'wrong-one') } });
    await call(url, '/x.Y/Z', { authorization: 'Bearer wrong-key' });
    await gateway!.stop();
    const requests = logger.entries.filter(({ msg }) => msg === 'request').map(({ fields }) => fields);
    expect(requests).toMatchObject([
      { method: 'GET', path: '/api/search', route: 'api_search', status: 401, client: '127.0.0.1', user: '', reason: 'wrong user name or password' },
      { path: '/x.Y/Z', route: 'other', grpcCode: 12 },
    ]);
    const text = JSON.stringify(logger.entries);
    for (const secret of ['secret-query', 'wrong-one', 'wrong-key', 'open sesame', anna]) expect(text).not.toContain(secret);
  });
});

describe('TLS', () => {
  const copy = (from: string): void => {
    for (const name of ['cert', 'key']) fs.copyFileSync(pem(`${from}/tls/${name}`), path.join(dir, `${name}.pem`));
  };
  const subject = async (port: number): Promise<string> => {
    const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    const { CN } = socket.getPeerCertificate().subject;
    socket.destroy();
    return String(CN);
  };

  it('serves HTTP/1.1, HTTP/2 and gRPC, on both ports', async () => {
    copy('otlp');
    const { url, otlpUrl } = await start(`tls: { cert_file: ${dir}/cert.pem, key_file: ${dir}/key.pem }`);
    const [response] = (await once(https.get(`${url}/api/echo`, { rejectUnauthorized: false }), 'response')) as [http.IncomingMessage];
    response.resume();
    expect(response.statusCode).toBe(200);
    expect(backend.seen[0].headers['x-forwarded-proto']).toBe('https');
    expect([(await call(url, EXPORT)).code, (await call(otlpUrl, EXPORT)).code]).toEqual([0, 0]);
  });

  it('takes a new certificate without a restart, and keeps the old one when the new one is no good', async () => {
    copy('otlp');
    const { gateway: own, logger } = await start(`tls: { cert_file: ${dir}/cert.pem, key_file: ${dir}/key.pem }`);
    const ports = Object.values(own.ports);
    const first = await subject(ports[0]);
    copy('gateway');
    await own.reload();
    expect([first, ...(await Promise.all(ports.map(subject)))]).toEqual([expect.not.stringMatching('second'), 'second', 'second']);
    fs.copyFileSync(pem('otlp/tls/cert'), path.join(dir, 'cert.pem'));
    await own.reload();
    expect(await subject(ports[0])).toBe('second');
    expect(String(logger.entries.findLast(({ level }) => level === 'error')?.fields['err'])).toContain('gateway.tls');
  });

  it('asks clients for certificates', async () => {
    copy('gateway');
    const { url } = await start(
      `tls: { cert_file: ${dir}/cert.pem, key_file: ${dir}/key.pem, client_ca_file: ${dir}/cert.pem, client_auth_type: RequireAndVerifyClientCert }`,
    );
    const ask = async (options: https.RequestOptions): Promise<number | undefined> => {
      const [response] = (await once(https.get(`${url}/api/echo`, { rejectUnauthorized: false, ...options }), 'response')) as [http.IncomingMessage];
      response.resume();
      return response.statusCode;
    };
    const of = (name: string) => ({ cert: fs.readFileSync(pem(`${name}/tls/cert`)), key: fs.readFileSync(pem(`${name}/tls/key`)) });
    expect(await ask(of('gateway'))).toBe(200);
    await expect(ask({})).rejects.toThrow();
    await expect(ask(of('otlp'))).rejects.toThrow();
  });

  it('speaks to components that have it, and checks who they are', async () => {
    const of = (name: string) => ({ cert: fs.readFileSync(pem(`${name}/tls/cert`)), key: fs.readFileSync(pem(`${name}/tls/key`)) });
    const secure = await startBackend({ http: 0, grpc: 0 }, of('otlp'));
    const at = (address: string): string => `https://localhost:${address.split(':')[1]}`;
    const ca = path.join(dir, 'ca.pem');
    fs.copyFileSync(pem('gateway/tls/cert'), ca);
    gateway = await startGateway({
      yaml: `connections: { tls: { ca_file: ${ca} } }`,
      http: [at(secure.http)],
      grpc: [at(secure.grpc)],
      lookup: async () => ['127.0.0.1'],
    });
    const { url, gateway: own } = gateway;
    const ask = async (): Promise<number[]> => [(await fetch(`${url}/api/echo`)).status, (await fetch(`${url}/flush`)).status, (await call(url, EXPORT)).code];
    expect(await ask()).toEqual([502, 502, 14]);
    expect(await (await fetch(`${url}/api/echo`)).text()).toBe('upstream queryFrontend has a certificate that is not trusted (DEPTH_ZERO_SELF_SIGNED_CERT)\n');
    fs.copyFileSync(pem('otlp/tls/cert'), ca);
    await own.reload();
    expect(await ask()).toEqual([200, 200, 0]);
    await secure.close();
  });
});
