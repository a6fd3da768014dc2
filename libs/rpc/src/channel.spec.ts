import grpc from '@grpc/grpc-js';
import type { ServerWritableStream } from '@grpc/grpc-js';
import { AppError, rpcStatus } from '@vivace/base';
import type { RpcMethod, TenantId } from '@vivace/base';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callOnce, localChannel, openChannel } from './channel.ts';
import type { RpcChannel } from './channel.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);
const asIs = (b: Buffer): Buffer => b;
const OPTIONS = { section: 'a.client', maxReceiveBytes: 1_000, maxSendBytes: 1_000, connectTimeoutMs: 5_000, minBackoffMs: 100, maxBackoffMs: 500 };
const events: string[] = [];

const METHODS: RpcMethod[] = [
  {
    path: '/test.Test/Repeat',
    async handle({ request, tenant, send }) {
      for (let i = 0; i < 3; i++) await send(bytes(`${tenant}:${Buffer.from(request).toString()}${i}`));
      return { code: 0, details: '' };
    },
  },
  { path: '/test.Test/Fail', handle: async () => rpcStatus(new AppError('resource_exhausted', 'too much: raise x')) },
  {
    path: '/test.Test/Endless',
    async handle({ signal, send }) {
      while (!signal.aborted) {
        void send(bytes('x'));
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      events.push('cancelled');
      return { code: 1, details: 'cancelled' };
    },
  },
];

let server: grpc.Server;
let remote: RpcChannel;

beforeAll(async () => {
  server = new grpc.Server();
  for (const { path, handle } of METHODS) {
    const definition = {
      path,
      requestStream: false,
      responseStream: true,
      requestSerialize: asIs,
      requestDeserialize: asIs,
      responseSerialize: asIs,
      responseDeserialize: asIs,
    };
    server.addService(
      { call: definition },
      {
        call(call: ServerWritableStream<Buffer, Buffer>) {
          const gone = new AbortController();
          call.on('cancelled', () => gone.abort());
          const send = async (message: Uint8Array): Promise<void> => void call.write(Buffer.from(message));
          void handle({ request: call.request, tenant: String(call.metadata.get('x-scope-orgid')[0]) as TenantId, signal: gone.signal, send }).then((status) =>
            status.code === 0 ? call.end() : call.emit('error', status),
          );
        },
      },
    );
  }
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  remote = openChannel(`127.0.0.1:${port}`, OPTIONS);
});

afterAll(() => {
  remote.close();
  server.forceShutdown();
});

describe.each([
  ['over a socket', () => remote],
  ['in the process', () => localChannel(METHODS)],
])('a channel %s', (_, open) => {
  const tenant = 't1' as TenantId;

  it('gives all messages', async () => {
    const got: string[] = [];
    for await (const message of open().call('/test.Test/Repeat', bytes('m'), { tenant })) got.push(Buffer.from(message).toString());
    expect(got).toEqual(['t1:m0', 't1:m1', 't1:m2']);
  });

  it('gives the error of the other side', async () => {
    const call = callOnce(open(), '/test.Test/Fail', bytes(''), { tenant });
    await expect(call).rejects.toMatchObject({ code: 'resource_exhausted', message: expect.stringContaining('raise x') as string });
    await expect(callOnce(open(), '/test.Test/Nothing', bytes(''), { tenant })).rejects.toMatchObject({ code: 'unimplemented' });
  });

  it('tells the other side when nobody reads on, and when the caller gives up', async () => {
    events.length = 0;
    for await (const _message of open().call('/test.Test/Endless', bytes(''), { tenant })) break;
    await expect.poll(() => events).toEqual(['cancelled']);
    const stop = new AbortController();
    const reading = (async () => {
      for await (const _message of open().call('/test.Test/Endless', bytes(''), { tenant, signal: stop.signal })) stop.abort();
    })();
    await reading.catch((error: unknown) => expect(error).toMatchObject({ code: 'canceled' }));
    await expect.poll(() => events).toEqual(['cancelled', 'cancelled']);
  });
});

describe('sizes of messages', () => {
  it('are bounded either way, and name their keys', async () => {
    await expect(callOnce(remote, '/test.Test/Repeat', new Uint8Array(1_001))).rejects.toMatchObject({
      code: 'resource_exhausted',
      message: 'message has 1001 bytes, limit a.client.max_send_msg_size 1000',
    });
    await expect(callOnce(remote, '/test.Test/Repeat', new Uint8Array(1_000))).rejects.toMatchObject({
      code: 'resource_exhausted',
      message: expect.stringMatching(/, limit a\.client\.max_recv_msg_size$/) as string,
    });
  });
});

describe('a channel in the process', () => {
  it('does not wait for a method that ends too late', async () => {
    const channel = localChannel([{ path: '/a/B', handle: () => new Promise(() => undefined) }]);
    await expect(callOnce(channel, '/a/B', bytes(''), { timeoutMs: 20 })).rejects.toMatchObject({ code: 'deadline_exceeded' });
  });
});

describe('a channel to nobody', () => {
  it('is unavailable, and says where', async () => {
    const channel = openChannel('127.0.0.1:1', OPTIONS);
    await expect(callOnce(channel, '/test.Test/Repeat', bytes(''))).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/^127.0.0.1:1: /) as string,
    });
    channel.close();
  });

  it('ends with the deadline', async () => {
    await expect(callOnce(remote, '/test.Test/Endless', bytes(''), { timeoutMs: 50 })).rejects.toMatchObject({ code: 'deadline_exceeded' });
  });
});
