import { randomInt } from 'node:crypto';
import { createConnection } from 'node:net';
import type { Socket } from 'node:net';
import { silentLogger, systemClock } from '@vivace/base';
import type { Timers } from '@vivace/base';
import { FakeTime } from '@vivace/testkit';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { GOSSIP, joinOptions, MaxMap } from './cluster.fixture.ts';
import { Envelope } from './envelope.ts';
import { Membership } from './membership.ts';
import { NodeTransport } from './node-transport.ts';
import type { TransportHandlers } from './transport.ts';

const host = '127.0.0.1';
const realTimers: Timers = {
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function transport(handlers: Partial<TransportHandlers> = {}, timers = realTimers): Promise<{ transport: NodeTransport; port: number }> {
  const transport = new NodeTransport({ bindHost: host, bindPort: 0, dialTimeoutMs: 2_000, streamTimeoutMs: 2_000, timers });
  const port = await transport.start({ onPacket: () => undefined, mayAccept: () => true, onRequest: (bytes) => bytes, ...handlers });
  cleanups.push(() => transport.stop());
  return { transport, port };
}

function dial(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host, port }, () => resolve(socket));
    socket.on('error', reject);
    cleanups.push(() => socket.destroy());
  });
}

const closed = (socket: Socket): Promise<void> => new Promise((resolve) => socket.resume().once('close', () => resolve()));

describe('NodeTransport', () => {
  it('carries packets, with the address they came from', async () => {
    const packet = Promise.withResolvers<{ port: number; text: string }>();
    const a = await transport();
    const b = await transport({ onPacket: (from, bytes) => packet.resolve({ port: from.port, text: Buffer.from(bytes).toString() }) });
    a.transport.send({ host, port: b.port }, Buffer.from('hello'));
    expect(await packet.promise).toEqual({ port: a.port, text: 'hello' });
    expect(a.transport.stats).toMatchObject({ packetsSent: 1, packetBytesSent: 5 });
    expect(b.transport.stats).toMatchObject({ packetsReceived: 1, packetBytesReceived: 5 });
  });

  it('counts packets for addresses that cannot be', async () => {
    const { transport: sender } = await transport();
    for (const port of [0, 70_000]) sender.send({ host, port }, Buffer.from('x'));
    expect(sender.stats.packetErrors).toBe(2);
  });

  it('carries questions and answers of megabytes', async () => {
    const question = Buffer.alloc(3_000_000, 'question');
    const a = await transport();
    const b = await transport({ onRequest: (bytes) => Buffer.from(bytes).reverse() });
    const answer = await a.transport.exchange({ host, port: b.port }, question, { timeoutMs: 10_000, maxBytes: 4_000_000 });
    expect(Buffer.compare(answer, Buffer.from(question).reverse())).toBe(0);
  });

  it('rejects when nobody listens, when nothing is answered, and when the answer is too large', async () => {
    const a = await transport();
    const mute = await transport({ onRequest: () => undefined });
    const loud = await transport({ onRequest: () => Buffer.alloc(1_000) });
    const { port: gone, transport: stopped } = await transport();
    await stopped.stop();
    const ask = (port: number) => a.transport.exchange({ host, port }, Buffer.from('?'), { timeoutMs: 5_000, maxBytes: 100 });
    await expect(ask(gone)).rejects.toMatchObject({ code: 'unavailable' });
    await expect(ask(mute.port)).rejects.toMatchObject({ code: 'unavailable' });
    await expect(ask(loud.port)).rejects.toThrow('frame of 1000 bytes, limit 100');
    expect(a.transport.stats.streamErrors).toBe(3);
  });

  it('closes what claims too much, what is not of this cluster, and what comes when too many are there', async () => {
    const { transport: server, port } = await transport({ mayAccept: (start) => start[0] !== 71 });
    const claim = await dial(port);
    claim.write(Uint8Array.of(255, 255, 255, 255));
    await closed(claim);
    const http = await dial(port);
    http.write(Uint8Array.of(100, 0, 0, 0));
    http.write('GET / HTTP/1.1');
    await closed(http);
    const idle = await Promise.all(Array.from({ length: 64 }, () => dial(port)));
    await vi.waitFor(() => expect(server.stats.streamsIn).toBe(66));
    await closed(await dial(port));
    expect(idle.every((socket) => !socket.destroyed)).toBe(true);
    expect(server.stats.streamsRefused).toBe(3);
  });

  it('closes a connection that says nothing for too long', async () => {
    const time = new FakeTime();
    const { transport: server, port } = await transport({}, time);
    const silent = await dial(port);
    await vi.waitFor(() => expect(server.stats.streamsIn).toBe(1));
    const end = closed(silent);
    await time.advance(2_001);
    await end;
  });

  it('says which address cannot be listened on', async () => {
    const { port } = await transport();
    const second = new NodeTransport({ bindHost: host, bindPort: port, dialTimeoutMs: 1, streamTimeoutMs: 1, timers: realTimers });
    await expect(second.start({ onPacket: () => undefined, mayAccept: () => true, onRequest: () => undefined })).rejects.toThrow(
      `gossip cannot listen on 127.0.0.1:${port} (memberlist.bind_addr, memberlist.bind_port)`,
    );
  });
});

describe('three nodes on real sockets', () => {
  it('meet, share a value, and notice a leave', async () => {
    const nodes: { membership: Membership; value: MaxMap }[] = [];
    let seeds: { host: string; port: number }[] = [];
    for (const name of ['a', 'b', 'c']) {
      const value = new MaxMap();
      const membership = await Membership.start(
        { ...GOSSIP, name, advertiseHost: host, advertisePort: 0, gossipIntervalMs: 20, probeIntervalMs: 200, probeTimeoutMs: 100, join: joinOptions(seeds) },
        {
          transport: new NodeTransport({ bindHost: host, bindPort: 0, dialTimeoutMs: 2_000, streamTimeoutMs: 2_000, timers: realTimers }),
          envelope: new Envelope({ label: 'loopback', verifyLabel: true, keys: [new Uint8Array(32).fill(7)] }),
          clock: systemClock,
          timers: realTimers,
          random: () => randomInt(2 ** 32),
          logger: silentLogger,
        },
        { value },
      );
      if (seeds.length === 0) seeds = [{ host, port: membership.roster.self.port }];
      nodes.push({ membership, value });
      cleanups.push(() => membership.stop());
    }
    const [a, b, c] = nodes as [(typeof nodes)[0], (typeof nodes)[0], (typeof nodes)[0]];
    await vi.waitFor(() => expect(nodes.map(({ membership }) => membership.roster.size)).toEqual([3, 3, 3]), 10_000);
    b.membership.broadcast('value', b.value.set('answer', 42));
    await vi.waitFor(() => expect([a.value.entries.get('answer'), c.value.entries.get('answer')]).toEqual([42, 42]), 10_000);
    await c.membership.stop();
    await vi.waitFor(() => expect(a.membership.roster.get('c')?.state).toBe('left'), 10_000);
  });
});
