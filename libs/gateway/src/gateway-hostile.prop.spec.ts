import { once } from 'node:events';
import net from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend, TestGateway } from './gateway.fixture.ts';
import { basic, startBackend, startGateway } from './gateway.fixture.ts';

// Whatever a stranger sends, the gateway serves others afterwards, and the components have heard nothing of it.

let backend: Backend;
let gateway: TestGateway;
beforeAll(async () => {
  backend = await startBackend();
  gateway = await startGateway({ yaml: 'auth: { users: [{ name: anna, password: a }], max_failures: 1000000 }', http: [backend.http], grpc: [backend.grpc] });
});
afterAll(async () => {
  await gateway.stop();
  await backend.close();
});

/** Sends pieces, ends, and waits until the other side has closed or answered. */
async function send(port: number, pieces: readonly Uint8Array[]): Promise<void> {
  const socket = net.connect(port, '127.0.0.1').on('error', () => undefined);
  await once(socket, 'connect');
  for (const piece of pieces) socket.write(piece);
  socket.end();
  socket.resume();
  // What waits for more of a request is ended by us.
  if (!socket.closed) await Promise.race([once(socket, 'close'), once(socket, 'end'), new Promise((resolve) => setTimeout(resolve, 50))]);
  socket.destroy();
}

const text = (...options: string[]) => fc.constantFrom(...options).map((one) => Buffer.from(one, 'latin1'));
const frame = fc
  .record({ length: fc.nat(64), type: fc.nat(12), flags: fc.nat(255), stream: fc.nat(9), payload: fc.uint8Array({ maxLength: 64 }) })
  .map(({ length, type, flags, stream, payload }) => Buffer.from([0, 0, length, type, flags, 0, 0, 0, stream, ...payload]));
const piece = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  frame,
  text('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', '\0\0\0\x04\0\0\0\0\0'),
  text('GET /api/echo HTTP/1.1\r\n', 'POST /v1/traces HTTP/1.1\r\n', 'GET http://x/flush HTTP/1.0\r\n', 'CONNECT x:1 HTTP/1.1\r\n'),
  text(
    'Host: x\r\n',
    'Content-Length: 5\r\n',
    'Transfer-Encoding: chunked\r\n',
    'Expect: 100-continue\r\n',
    'Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n',
  ),
  text('Authorization: Basic \xff\r\n', 'Authorization: Basic Og==\r\n', 'X-API-Key: \r\n', 'X-Forwarded-For: ,,,\r\n'),
  text('\r\n', '5\r\nhello\r\n', '0\r\n\r\n', 'ffffffffffffffff\r\n'),
);

describe('strangers', () => {
  it('harm nobody', async () => {
    await fc.assert(fc.asyncProperty(fc.constantFrom(...Object.values(gateway.gateway.ports)), fc.array(piece, { minLength: 1, maxLength: 12 }), send), {
      numRuns: 150,
    });
    expect(backend.seen).toEqual([]);
    const response = await fetch(`${gateway.url}/api/echo`, { headers: { authorization: basic('anna', 'a') } });
    expect(response.status).toBe(200);
    await expect.poll(() => gateway.metrics.value('vivace_gateway_requests_in_flight')).toBe(0);
  });
});
