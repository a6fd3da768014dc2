import { readFileSync } from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';
import { fileURLToPath } from 'node:url';
import { AppError, rpcStatus, silentLogger } from '@vivace/base';
import type { RpcCall, RpcMethod, RpcStatus, TenantId } from '@vivace/base';
import { followClientTls } from '@vivace/sockets';
import type { ClientTls } from '@vivace/sockets';
import { afterEach, describe, expect, it } from 'vitest';
import { createDirectClient } from './direct-client.ts';
import type { DirectClient, DirectClientOptions } from './direct-client.ts';
import { createDirectServer } from './direct-server.ts';
import type { DirectServer, DirectServerOptions } from './direct-server.ts';
import { bareFrame, CANCEL, failureFrame, hello, HELLO_BYTES, PING, requestPrefix } from './protocol.ts';

const CLIENT: DirectClientOptions = {
  section: 'a.client',
  maxReceiveBytes: 1_000_000,
  maxSendBytes: 1_000_000,
  connectTimeoutMs: 5_000,
  minBackoffMs: 100,
  maxBackoffMs: 500,
};
const bytes = (text: string): Uint8Array => Buffer.from(text);
const textOf = (message: Uint8Array): string => Buffer.from(message).toString();
const pemPath = (name: string): string => fileURLToPath(new URL(`../../../../testdata/otlp/tls/${name}.pem`, import.meta.url));
const pem = (name: string): Buffer => readFileSync(pemPath(name));

let calls: RpcCall[] = [];
let finish: (() => void)[] = [];
const METHODS: RpcMethod[] = [
  {
    path: '/t.T/Echo',
    borrowsRequest: true,
    async handle(call) {
      calls.push(call);
      await call.send(Buffer.concat([bytes(`${call.tenant}:`), call.request]));
      return { code: 0, details: '' };
    },
  },
  {
    path: '/t.T/Wait',
    async handle(call) {
      calls.push(call);
      await new Promise<void>((resolve) => {
        finish.push(resolve);
        call.signal.addEventListener('abort', () => resolve());
      });
      await call.send(bytes('waited'));
      return { code: 0, details: '' };
    },
  },
  { path: '/t.T/Fail', handle: async () => rpcStatus(new AppError('resource_exhausted', 'too much ü: raise x')) },
  { path: '/t.T/Away', handle: async () => rpcStatus(new AppError('unavailable', 'stopping')) },
  { path: '/t.T/Nothing', handle: async () => ({ code: 0, details: '' }) },
  {
    path: '/t.T/Twice',
    async handle({ send }) {
      try {
        await send(bytes('a'));
        await send(bytes('b'));
        return { code: 0, details: '' };
      } catch (reason) {
        return rpcStatus(AppError.from(reason));
      }
    },
  },
];

const ended: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
  calls = [];
  finish = [];
});

interface Served {
  readonly port: number;
  readonly server: DirectServer;
  readonly sockets: net.Socket[];
  readonly observed: (readonly [string, RpcStatus])[];
}

async function serve(options: Partial<DirectServerOptions> & { readonly port?: number; readonly secure?: boolean } = {}): Promise<Served> {
  const sockets: net.Socket[] = [];
  const observed: (readonly [string, RpcStatus])[] = [];
  const server = createDirectServer({
    methods: METHODS,
    maxReceiveBytes: 1_000_000,
    receiveLimitKey: 'x.max_receive',
    maxSendBytes: 1_000_000,
    sendLimitKey: 'x.max_send',
    tenantOf(text) {
      if (text === 'bad') throw new AppError('invalid_argument', 'tenant id is invalid');
      return (text || 'none') as TenantId;
    },
    observe: (path, status) => void observed.push([path, status]),
    ...options,
  });
  const accept = (socket: net.Socket): void => {
    sockets.push(socket);
    server.accept(socket);
  };
  const listener = options.secure ? tls.createServer({ cert: pem('cert'), key: pem('key') }, accept) : net.createServer(accept);
  await new Promise<void>((resolve) => listener.listen(options.port ?? 0, '127.0.0.1', resolve));
  ended.push(async () => {
    listener.close();
    await server.stop(0);
  });
  return { port: (listener.address() as net.AddressInfo).port, server, sockets, observed };
}

function clientOf(port: number, options: Partial<DirectClientOptions> = {}): DirectClient {
  const client = createDirectClient(`localhost:${port}`, { ...CLIENT, ...options });
  ended.push(() => client.close());
  return client;
}

async function trusting(caFile: string): Promise<ClientTls> {
  const config = { certFile: '', keyFile: '', caFile, serverName: '', skipVerify: false, minVersion: undefined, ciphers: '' };
  return followClientTls(config, 'a.client', { timers: { after: () => () => undefined }, clock: { now: () => 0 }, logger: silentLogger });
}

/** A client that says what it likes; resolves when the server has ended the connection, with what it said. */
async function say(port: number, ...parts: readonly Uint8Array[]): Promise<Buffer> {
  const socket = net.connect(port, '127.0.0.1');
  const got: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => void got.push(chunk)).on('error', () => undefined);
  for (const part of parts) socket.write(part);
  await new Promise((resolve) => socket.once('close', resolve));
  return Buffer.concat(got);
}

const tenant = 't1' as TenantId;

describe('direct calls', () => {
  it.each([[false], [true]])('answer (TLS: %s)', async (secure) => {
    const { port, observed, sockets } = await serve({ secure });
    const client = clientOf(port, secure ? { tls: await trusting(pemPath('cert')) } : {});
    expect(textOf(await client.ask('/t.T/Echo', bytes('hello'), { tenant }))).toBe('t1:hello');
    const large = Buffer.alloc(900_000, 'ab');
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => client.ask('/t.T/Echo', i % 2 ? large : bytes(String(i)), { tenant })));
    answers.forEach((answer, i) => expect(textOf(answer) === `t1:${i % 2 ? large.toString() : i}`).toBe(true));
    expect(sockets).toHaveLength(1);
    expect(observed[0]).toEqual(['/t.T/Echo', { code: 0, details: '' }]);
  });

  it('fail with code and text of the other side', async () => {
    const { port } = await serve();
    const client = clientOf(port);
    const failing = (path: string, options = {}) => client.ask(path, bytes('x'), options);
    await expect(failing('/t.T/Fail')).rejects.toMatchObject({ code: 'resource_exhausted', message: 'too much ü: raise x' });
    await expect(failing('/t.T/Away')).rejects.toMatchObject({ code: 'unavailable', message: `localhost:${port}: stopping` });
    await expect(failing('/t.T/None')).rejects.toMatchObject({ code: 'unimplemented' });
    await expect(failing('/t.T/Nothing')).rejects.toMatchObject({ code: 'internal', message: '/t.T/Nothing answered nothing' });
    await expect(failing('/t.T/Twice')).rejects.toMatchObject({ code: 'unimplemented', message: expect.stringContaining('over gRPC') as string });
    await expect(failing('/t.T/Echo', { tenant: 'bad' as TenantId })).rejects.toMatchObject({ code: 'invalid_argument', message: 'tenant id is invalid' });
  });

  it('refuse messages that are too long, either way, and go on', async () => {
    const { port } = await serve({ maxReceiveBytes: 1_000, maxSendBytes: 500 });
    const client = clientOf(port, { maxReceiveBytes: 100, maxSendBytes: 400_000 });
    const echo = (n: number) => client.ask('/t.T/Echo', new Uint8Array(n), { tenant });
    await expect(echo(1_001)).rejects.toMatchObject({ code: 'resource_exhausted', message: 'message has 1001 bytes, limit x.max_receive 1000' });
    await expect(echo(400_001)).rejects.toMatchObject({
      code: 'resource_exhausted',
      message: 'message has 400001 bytes, limit a.client.max_send_msg_size 400000',
    });
    await expect(echo(300_000)).rejects.toMatchObject({ code: 'resource_exhausted', message: expect.stringContaining('x.max_receive') as string });
    await expect(echo(98)).rejects.toMatchObject({ code: 'resource_exhausted', message: 'message has 101 bytes, limit x.max_send 100; ask for less' });
    expect((await echo(97)).length).toBe(100);
  });

  it('end with their deadline and with their signal, on both sides', async () => {
    const { port } = await serve();
    const client = clientOf(port);
    await expect(client.ask('/t.T/Wait', bytes(''), { timeoutMs: 30 })).rejects.toMatchObject({ code: 'deadline_exceeded' });
    const stop = new AbortController();
    const waiting = client.ask('/t.T/Wait', bytes(''), { signal: stop.signal });
    await expect.poll(() => calls.length).toBe(2);
    stop.abort(new AppError('canceled', 'enough'));
    await expect(waiting).rejects.toMatchObject({ code: 'canceled', message: 'enough' });
    await expect.poll(() => calls.map(({ signal }) => signal.aborted)).toEqual([true, true]);
    await expect(client.ask('/t.T/Wait', bytes(''), { signal: stop.signal })).rejects.toMatchObject({ code: 'canceled' });
    expect(calls).toHaveLength(2);
    expect(textOf(await client.ask('/t.T/Echo', bytes('still'), { tenant }))).toBe('t1:still');
  });

  it('fail when nobody listens or the connection breaks, and are made again', async () => {
    const first = await serve();
    const client = clientOf(first.port);
    await client.ask('/t.T/Echo', bytes(''));
    const waiting = client.ask('/t.T/Wait', bytes(''));
    await expect.poll(() => calls.length).toBe(2);
    first.sockets[0].destroy();
    await expect(waiting).rejects.toMatchObject({ code: 'unavailable', message: expect.stringMatching(/^localhost:\d+: /) as string });
    await expect.poll(() => calls[1].signal.aborted).toBe(true);
    expect(textOf(await client.ask('/t.T/Echo', bytes('again')))).toBe('none:again');
    expect(first.sockets).toHaveLength(2);
    await ended.shift()!();
    await expect.poll(() => client.ask('/t.T/Echo', bytes('')).then(String, (e: AppError) => e.code)).toBe('unavailable');
    // While it waits before it tries again it fails at once.
    await expect(client.ask('/t.T/Echo', bytes(''))).rejects.toMatchObject({ code: 'unavailable' });
    await serve({ port: first.port });
    await expect.poll(() => client.ask('/t.T/Echo', bytes('back')).then(textOf, String), { timeout: 5_000 }).toBe('none:back');
  });

  it('move to a new connection when the server stops, open ones end', async () => {
    const { port, server, sockets } = await serve();
    const client = clientOf(port);
    const waiting = client.ask('/t.T/Wait', bytes(''));
    await expect.poll(() => calls.length).toBe(1);
    const stopped = server.stop(5_000);
    await expect.poll(() => client.ask('/t.T/Echo', bytes('')).then(String, (e: AppError) => e.code)).toBe('unavailable');
    finish[0]();
    expect(textOf(await waiting)).toBe('waited');
    await stopped;
    expect(sockets.every(({ destroyed }) => destroyed)).toBe(true);
  });

  it('are cut off when they do not end', async () => {
    const { port, server } = await serve();
    const waiting = clientOf(port).ask('/t.T/Wait', bytes(''));
    waiting.catch(() => undefined);
    await expect.poll(() => calls.length).toBe(1);
    await server.stop(10);
    await expect(waiting).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('outlast the channel when it is closed, but no new ones begin', async () => {
    const { port, sockets } = await serve();
    const client = clientOf(port);
    const waiting = client.ask('/t.T/Wait', bytes(''));
    const late = client.ask('/t.T/Wait', bytes(''), { timeoutMs: 200 });
    late.catch(() => undefined);
    await expect.poll(() => calls.length).toBe(2);
    client.close();
    await expect(client.ask('/t.T/Echo', bytes(''))).rejects.toMatchObject({ code: 'canceled' });
    finish[0]();
    expect(textOf(await waiting)).toBe('waited');
    await expect(late).rejects.toMatchObject({ code: 'deadline_exceeded' });
    await expect.poll(() => sockets[0].destroyed).toBe(true);
  });
});

describe('a client of direct calls', () => {
  /** A server that answers each connection with `answer` and then says no more. */
  async function stranger(answer: Uint8Array): Promise<number> {
    const server = net.createServer((socket) => {
      socket.on('error', () => undefined).write(answer);
      socket.resume();
      ended.push(() => socket.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ended.push(() => void server.close());
    return (server.address() as net.AddressInfo).port;
  }
  const askStranger = async (answer: Uint8Array, options = {}) => clientOf(await stranger(answer), { silenceMs: 20, ...options }).ask('/t.T/Echo', bytes(''));

  it('notices who has fallen silent, also before the first word', async () => {
    await expect(askStranger(hello(1_000))).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining('fallen silent') as string });
    await expect(askStranger(new Uint8Array(0), { connectTimeoutMs: 20 })).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('cannot connect: no answer within 20 ms, limit a.client.connect_timeout') as string,
    });
  });

  it('says what is wrong with the other side', async () => {
    const other = hello(1_000);
    other[3] = 9;
    await expect(askStranger(other)).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining('version 9') as string });
    await expect(askStranger(bytes('HTTP/1.1 400 Bad Request'))).rejects.toMatchObject({ message: expect.stringContaining('does not speak') as string });
    const unknown = Buffer.concat([hello(1_000), bareFrame(99, 1)]);
    await expect(askStranger(unknown)).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining('kind 99') as string });
    const bomb = failureFrame(1, 13, '');
    bomb.writeUInt32LE(0x7fff_ffff, 0);
    await expect(askStranger(Buffer.concat([hello(1), bomb]))).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('keeps a connection that has nothing to say', async () => {
    const { port, sockets } = await serve();
    const client = clientOf(port, { silenceMs: 10 });
    const waiting = client.ask('/t.T/Wait', bytes(''));
    await expect
      .poll(() => sockets[0]?.bytesRead ?? 0)
      .toBeGreaterThan(HELLO_BYTES + requestPrefix(1, { path: '/t.T/Wait', tenant: '', timeoutMs: 0 }, 0).length + 40);
    finish[0]();
    expect(textOf(await waiting)).toBe('waited');
  });

  it('does not pile up requests that cannot be sent, whether or not somebody waits for them still', async () => {
    const server = net.createServer(
      (socket) =>
        void socket
          .pause()
          .on('error', () => undefined)
          .write(hello(1_000)),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ended.push(() => void server.close());
    const client = clientOf((server.address() as net.AddressInfo).port, { maxUnsentBytes: 10_000_000, maxSendBytes: 5_000_000 });
    const message = new Uint8Array(5_000_000);
    const codes: string[] = [];
    for (let i = 0; i < 20; i++) codes.push(await client.ask('/t.T/Echo', message, { timeoutMs: 10 }).then(String, (e: AppError) => e.code));
    expect(codes[0]).toBe('deadline_exceeded');
    expect(codes.at(-1)).toBe('resource_exhausted');
  });

  it('refuses addresses that are none', async () => {
    for (const address of ['', 'host', ':1', 'host:0', 'host:x', 'host:70000']) {
      await expect(createDirectClient(address, CLIENT).ask('/a/B', bytes(''))).rejects.toMatchObject({ code: 'invalid_argument' });
    }
  });
});

describe('a server of direct calls', () => {
  it('ends who says something else, after its own version', async () => {
    const { port } = await serve();
    const other = hello(1_000);
    other[3] = 2;
    for (const said of [bytes('GET / HTTP/1.1\r\n\r\n'), other, Buffer.concat([hello(1), bareFrame(77, 1)])]) {
      expect((await say(port, said)).subarray(0, 4)).toEqual(Buffer.from('VVC\u0001'));
    }
  });

  it('ends who sends frames that are none', async () => {
    const { port } = await serve();
    const cut = bareFrame(1, 1);
    cut.writeUInt32LE(3, 0);
    const bomb = bareFrame(CANCEL, 1);
    bomb.writeUInt32LE(0xffff_ffff, 0);
    await say(port, hello(1), cut, bytes('abc'));
    await say(port, hello(1), bomb);
    const open = requestPrefix(5, { path: '/t.T/Wait', tenant: '', timeoutMs: 0 }, 0);
    await say(port, hello(1), open, open);
    expect(calls.every(({ signal }) => signal.aborted)).toBe(true);
  });

  it('does not read on while a client does not read, and ends the silent', async () => {
    const { port, sockets } = await serve({ silenceMs: 300 });
    const socket = net.connect(port, '127.0.0.1').on('error', () => undefined);
    socket.pause();
    const flood = Buffer.concat(Array.from({ length: 20_000 }, () => bareFrame(PING, 1)));
    socket.write(hello(1));
    let isFull = false;
    for (let i = 0; i < 400 && !isFull; i++)
      isFull = !(await new Promise<boolean>((resolve) => socket.write(flood, () => resolve(true)) || setTimeout(resolve, 100, false)));
    expect(isFull).toBe(true);
    expect(sockets[0].writableLength).toBeLessThan(4 * 1024 * 1024);
    await new Promise((resolve) => socket.once('close', resolve).resume());
  });
});
