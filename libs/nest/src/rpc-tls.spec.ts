import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import { fileURLToPath } from 'node:url';
import { createMemoryLogger, createMemoryMetrics } from '@vivace/base';
import type { MemoryLogger, RpcMethod } from '@vivace/base';
import type { ClientTlsConfig, ServerTlsConfig } from '@vivace/config';
import { callOnce, openChannel } from '@vivace/rpc';
import type { RpcChannel } from '@vivace/rpc';
import { followClientTls } from '@vivace/sockets';
import type { ClientTls } from '@vivace/sockets';
import { afterEach, describe, expect, it } from 'vitest';
import { GRPC_SERVER } from './grpc-server-config.fixture.ts';
import { createRpcServer } from './index.ts';
import type { RpcServer } from './index.ts';

/** Both are of `localhost` and sign themselves: `first` is known to everybody. */
const FIRST = 'otlp';
const SECOND = 'gateway';
const pem = (name: string, part: 'cert' | 'key'): string => fileURLToPath(new URL(`../../../testdata/${name}/tls/${part}.pem`, import.meta.url));

const SERVER_TLS: ServerTlsConfig = {
  section: 'server.grpc_tls_config',
  cert: { file: pem(FIRST, 'cert') },
  key: { file: pem(FIRST, 'key') },
  clientCa: { file: pem(FIRST, 'cert') },
  minVersion: undefined,
  ciphers: '',
};
const CLIENT_TLS: ClientTlsConfig = {
  certFile: pem(FIRST, 'cert'),
  keyFile: pem(FIRST, 'key'),
  caFile: pem(FIRST, 'cert'),
  serverName: '',
  skipVerify: false,
  minVersion: undefined,
  ciphers: '',
};
const ECHO: RpcMethod = {
  path: '/test.Echo/Echo',
  async handle({ request, send }) {
    await send(request);
    return { code: 0, details: '' };
  },
};

/** Those that wait for a period to be over. */
let waiting: (() => void)[] = [];
let logger: MemoryLogger;
const ended: (() => unknown)[] = [];
const deps = () => ({ logger, clock: { now: () => 0 }, timers: { after: (_ms: number, run: () => void) => (waiting.push(run), () => undefined) } });
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
  waiting = [];
});

async function serve(secure: ServerTlsConfig | undefined): Promise<RpcServer> {
  logger = createMemoryLogger();
  const server = createRpcServer({ ...deps(), methods: [ECHO], metrics: createMemoryMetrics(), tenancy: 'off', config: { ...GRPC_SERVER, tls: secure } });
  await server.listen();
  ended.push(() => server.stop(1_000));
  return server;
}

async function channelTo(
  { port }: Pick<RpcServer, 'port'>,
  secure: ClientTlsConfig | undefined,
  connectTimeoutMs = 5_000,
): Promise<RpcChannel & { readonly tls: ClientTls | undefined }> {
  const section = 'a.client';
  const client = secure && (await followClientTls(secure, section, deps()));
  const limits = { maxReceiveBytes: 1_000, maxSendBytes: 1_000, connectTimeoutMs, minBackoffMs: 1, maxBackoffMs: 1 };
  const channel = openChannel(`localhost:${port}`, { section, ...limits, tls: client });
  ended.push(() => channel.close());
  return { ...channel, tls: client };
}

const DIRECT = async (channel: RpcChannel): Promise<number[]> => [...(await channel.ask(ECHO.path, Uint8Array.of(7)))];
const GRPC = async (channel: RpcChannel): Promise<number[]> => [...(await callOnce(channel, ECHO.path, Uint8Array.of(7)))];

const refused = (): unknown[] =>
  logger.entries.filter(({ msg, level }) => msg === 'a client was refused' && level === 'warn').map(({ fields }) => fields['why']);

describe.each([
  ['direct calls', DIRECT],
  ['gRPC', GRPC],
])('%s over TLS', (_name, ask) => {
  it('take the certificates of both sides', async () => {
    const channel = await channelTo(await serve(SERVER_TLS), CLIENT_TLS);
    expect(await ask(channel)).toEqual([7]);
    expect(refused()).toEqual([]);
  });

  it.each<readonly [string, Partial<ClientTlsConfig> | undefined, RegExp, RegExp | undefined]>([
    [
      'without a certificate',
      { certFile: '', keyFile: '' },
      /it wants a certificate: set a\.client\.tls_cert_path/,
      /no certificate, which server\.grpc_tls_config\.client_auth_type/,
    ],
    [
      'with a certificate that the server does not know',
      { certFile: pem(SECOND, 'cert'), keyFile: pem(SECOND, 'key') },
      /after the TLS handshake: its client_ca_file may not have signed .*gateway.tls.cert\.pem/,
      /not signed by server\.grpc_tls_config\.client_ca_file: DEPTH_ZERO_SELF_SIGNED_CERT/,
    ],
    ['without TLS', undefined, /without a word: where it has server\.grpc_tls_config, set a\.client\.tls_enabled/, /does not speak TLS: set tls_enabled/],
    ['to a server that it does not know', { caFile: pem(SECOND, 'cert') }, /not signed by .*gateway.tls.cert\.pem, see a\.client\.tls_ca_path/, undefined],
    ['to a server that nobody knows', { caFile: '' }, /not signed by an authority that Node knows, see a\.client\.tls_ca_path/, undefined],
    ['to a server of another name', { serverName: 'other' }, /for another name, see a\.client\.tls_server_name: .*DNS:localhost/, undefined],
  ])('%s say what to change', async (_case, changed, says, logs) => {
    const channel = await channelTo(await serve(SERVER_TLS), changed && { ...CLIENT_TLS, ...changed });
    await expect(ask(channel)).rejects.toMatchObject({ code: 'unavailable', message: expect.stringMatching(says) as string });
    if (logs) await expect.poll(refused).toEqual([expect.stringMatching(logs)]);
  });

  it('to a server without it say so on both sides', async () => {
    const channel = await channelTo(await serve(undefined), CLIENT_TLS);
    await expect(ask(channel)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/there is no TLS \(server\.grpc_tls_config\)/) as string,
    });
    expect(refused()).toEqual([expect.stringMatching(/it speaks TLS: set server\.grpc_tls_config here/)]);
  });

  it('give up a server that says nothing', async () => {
    logger = createMemoryLogger();
    const silent = net.createServer((socket) => ended.push(() => socket.destroy()));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    ended.push(() => void silent.close());
    await expect(ask(await channelTo(silent.address() as net.AddressInfo, CLIENT_TLS, 20))).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/within 20 ms, limit a\.client\.connect_timeout/) as string,
    });
  });

  it('check names and signers no more when told not to', async () => {
    const channel = await channelTo(await serve(SERVER_TLS), { ...CLIENT_TLS, caFile: '', serverName: 'other', skipVerify: true });
    expect(await ask(channel)).toEqual([7]);
  });

  it('take up files that change, for new connections, and go on with the old ones', async () => {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'rpc-tls-'));
    ended.push(() => fs.rmSync(dir, { recursive: true }));
    const file = (part: string): string => path.join(dir, `${part}.pem`);
    const copy = (name: string): void => (['cert', 'key'] as const).forEach((part) => fs.copyFileSync(pem(name, part), file(part)));
    copy(FIRST);
    const own = { certFile: file('cert'), keyFile: file('key'), caFile: file('cert') };
    const server = await serve({ ...SERVER_TLS, cert: { file: file('cert') }, key: { file: file('key') }, clientCa: { file: file('cert') } });
    const before = await channelTo(server, { ...CLIENT_TLS, ...own });
    const late = await channelTo(server, { ...CLIENT_TLS, ...own });
    await ask(before);
    copy(SECOND);
    await before.tls?.check();
    for (const run of waiting.splice(0)) run();
    const changed = (): number => logger.entries.filter(({ msg }) => msg === 'files have changed and were read again').length;
    await expect.poll(changed).toBe(3);
    expect(await ask(before)).toEqual([7]);
    expect(await ask(late)).toEqual([7]);
    await expect(ask(await channelTo(server, CLIENT_TLS))).rejects.toMatchObject({ code: 'unavailable' });
  });
});

describe('least version and cipher suites', () => {
  const agreed = (port: number, options: tls.ConnectionOptions): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = tls.connect({ port, host: 'localhost', ca: fs.readFileSync(pem(FIRST, 'cert')), ...options });
      socket.once('error', reject).once('secureConnect', () => {
        resolve(`${socket.getProtocol()} ${socket.getCipher().name}`);
        socket.destroy();
      });
    });

  it('hold for the server', async () => {
    const { port } = await serve({ ...SERVER_TLS, clientCa: undefined, minVersion: 'TLSv1.3' });
    expect(await agreed(port, {})).toMatch(/^TLSv1\.3 /);
    await expect(agreed(port, { maxVersion: 'TLSv1.2' })).rejects.toThrow(/protocol version/);
    const ciphers = 'TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-AES256-SHA';
    const { port: second } = await serve({ ...SERVER_TLS, clientCa: undefined, ciphers });
    expect(await agreed(second, {})).toBe('TLSv1.3 TLS_AES_128_GCM_SHA256');
    expect(await agreed(second, { maxVersion: 'TLSv1.2' })).toBe('TLSv1.2 ECDHE-ECDSA-AES256-SHA');
  });

  it('hold for the client', async () => {
    logger = createMemoryLogger();
    const old = tls.createServer({ cert: fs.readFileSync(pem(FIRST, 'cert')), key: fs.readFileSync(pem(FIRST, 'key')), maxVersion: 'TLSv1.2' });
    old.on('tlsClientError', () => undefined);
    await new Promise<void>((resolve) => old.listen(0, '127.0.0.1', resolve));
    ended.push(() => void old.close());
    const { port } = old.address() as net.AddressInfo;
    await expect(DIRECT(await channelTo({ port }, { ...CLIENT_TLS, minVersion: 'TLSv1.3' }))).rejects.toMatchObject({
      message: expect.stringMatching(/TLS failed: .*, see a\.client\.tls_min_version/) as string,
    });
  });
});

it('names the section and the file that cannot be used', async () => {
  logger = createMemoryLogger();
  await expect(followClientTls({ ...CLIENT_TLS, caFile: '/no/such.pem' }, 'a.client', deps())).rejects.toMatchObject({
    code: 'failed_precondition',
    message: expect.stringMatching(/^a\.client: cannot read "\/no\/such\.pem"/) as string,
  });
  await expect(followClientTls({ ...CLIENT_TLS, keyFile: pem(SECOND, 'key') }, 'a.client', deps())).rejects.toMatchObject({
    code: 'failed_precondition',
    message: expect.stringMatching(/^a\.client: .*mismatch/) as string,
  });
});
