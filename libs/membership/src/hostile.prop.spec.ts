import { silentLogger } from '@vivace/base';
import { FakeTime } from '@vivace/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GOSSIP, joinOptions, MaxMap, seeded, TestCluster } from './cluster.fixture.ts';
import { Envelope } from './envelope.ts';
import { Membership } from './membership.ts';
import type { Message } from './message.ts';
import { encodeMessage, encodeRequest } from './message.ts';
import { VirtualNetwork } from './virtual-network.fixture.ts';

const envelope = new Envelope({ label: 'test', verifyLabel: true, keys: [] });
const from = { host: '192.0.2.1', port: 9 };

async function victim(): Promise<{ membership: Membership; time: FakeTime; network: VirtualNetwork; value: MaxMap }> {
  const time = new FakeTime();
  const network = new VirtualNetwork(time, seeded(1));
  const value = new MaxMap();
  const membership = await Membership.start(
    { ...GOSSIP, name: 'victim', advertiseHost: '10.0.0.1', advertisePort: 7946, join: joinOptions([]) },
    { transport: network.transport({ host: '10.0.0.1', port: 7946 }), envelope, clock: time, timers: time, random: seeded(2), logger: silentLogger },
    { value },
  );
  return { membership, time, network, value };
}

/** Real traffic of all kinds, to be damaged. */
function samples(nowSeconds: number): Uint8Array[] {
  const node = { name: 'n1', host: '10.0.0.2', port: 7946, incarnation: nowSeconds };
  const messages: Message[] = [
    { kind: 'ping', seq: 1, target: 'victim' },
    { kind: 'ack', seq: 7 },
    { kind: 'indirect-ping', seq: 3, target: 'n1' },
    { kind: 'alive', ...node },
    { kind: 'suspect', name: 'n1', incarnation: nowSeconds, from: 'n2' },
    { kind: 'suspect', name: 'victim', incarnation: nowSeconds, from: 'n2' },
    { kind: 'dead', name: 'victim', incarnation: nowSeconds, from: 'n2' },
    { kind: 'value', key: 'value', bytes: Buffer.from('[["a",1]]') },
  ];
  const all = messages.map(encodeMessage);
  return [...all, Buffer.concat(all)];
}

const damage = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('set' as const), at: fc.nat(), value: fc.nat(255) }),
    fc.record({ kind: fc.constant('cut' as const), at: fc.nat(), value: fc.constant(0) }),
    fc.record({ kind: fc.constant('insert' as const), at: fc.nat(), value: fc.nat(255) }),
  ),
  { minLength: 1, maxLength: 6 },
);

function apply(bytes: Uint8Array, changes: readonly { kind: 'set' | 'cut' | 'insert'; at: number; value: number }[]): Uint8Array {
  let list = [...bytes];
  for (const { kind, at, value } of changes) {
    const i = at % (list.length + 1);
    if (kind === 'set') list[i] = value;
    else if (kind === 'cut') list = list.slice(0, i);
    else list.splice(i, 0, value);
  }
  return Uint8Array.from(list);
}

describe('a node under damaged traffic', () => {
  it('goes on after 20,000 damaged packets and requests, whether the damage is inside or outside of the envelope', async () => {
    const { membership, time, value } = await victim();
    const originals = samples(Math.floor(time.now() / 1_000));
    const requests = [
      ...originals.map((messages) => encodeRequest({ kind: 'news', messages })),
      encodeRequest({ kind: 'ping', target: 'victim' }),
      encodeRequest({ kind: 'sync', nodes: membership.roster.all(), values: [{ key: 'value', bytes: Buffer.from('[["b",1]]') }] }),
    ];
    fc.assert(
      fc.property(fc.nat(), damage, fc.boolean(), (which, changes, inside) => {
        const wrap = (bytes: Uint8Array): Uint8Array => (inside ? envelope.seal(apply(bytes, changes)) : apply(envelope.seal(bytes), changes));
        membership.onPacket(from, wrap(originals[which % originals.length]));
        membership.onRequest(wrap(requests[which % requests.length]));
      }),
      { numRuns: 10_000 },
    );
    await time.advance(60_000);
    expect(membership.stats.packetsRefused).toBeGreaterThan(5_000);
    expect(membership.roster.self.state).toBe('alive');
    value.set('still', 1);
    membership.onPacket(from, envelope.seal(encodeMessage({ kind: 'value', key: 'value', bytes: Buffer.from('[["here",1]]') })));
    expect(value.entries.get('here')).toBe(1);
  });

  it('holds a bounded number of nodes, broadcasts and bytes, whatever it is told', async () => {
    const { membership, time } = await victim();
    const incarnation = Math.floor(time.now() / 1_000);
    for (let i = 0; i < 20_000; i++) {
      const bytes = Buffer.from(JSON.stringify([[`key ${i}`, 1]]) + ' '.repeat(4_000));
      const node: Message = { kind: 'alive', name: `n${i}`, host: `10.1.${(i >> 8) & 255}.${i & 255}`, port: 7946, incarnation };
      membership.onPacket(from, envelope.seal(Buffer.concat([encodeMessage(node), encodeMessage({ kind: 'value', key: 'value', bytes })])));
      membership.onPacket(from, envelope.seal(encodeMessage({ kind: 'value', key: `unknown ${i}`, bytes })));
    }
    expect(membership.roster.all()).toHaveLength(4_096);
    expect(membership.roster.refused).toBe(20_000 - 4_095);
    expect(membership.queued.length).toBeLessThanOrEqual(2 * 8_192);
    expect(membership.queued.bytes).toBeLessThanOrEqual(2 * 16 * 1_048_576);
    expect(membership.stats.valuesUnknown).toBe(20_000);
  });

  it('pings nobody it does not know on behalf of a stranger', async () => {
    const { membership, time, network } = await victim();
    const before = network.packets;
    for (let seq = 0; seq < 1_000; seq++) membership.onPacket(from, envelope.seal(encodeMessage({ kind: 'indirect-ping', seq, target: `n${seq}` })));
    await time.advance(5_000);
    expect(network.packets).toBe(before);
  });

  it('answers a stranger with no more than the answer, and keeps its news for the nodes', async () => {
    const { membership, network } = await victim();
    for (let i = 0; i < 50; i++) membership.broadcast('value', { name: `n${i}`, bytes: Buffer.alloc(100), once: i % 2 === 0 });
    const before = membership.queued.length;
    for (let seq = 0; seq < 100; seq++) membership.onPacket(from, envelope.seal(encodeMessage({ kind: 'ping', seq, target: 'victim' })));
    expect(network.packets).toBe(100);
    expect(network.largestPacket).toBeLessThan(30);
    expect(membership.queued.length).toBe(before);
  });

  it('can refute what is forged, even with an incarnation from the future', async () => {
    const cluster = new TestCluster();
    await cluster.grow(5);
    const ahead = Math.floor(cluster.time.now() / 1_000);
    for (const incarnation of [ahead + 1_000_000, ahead + 2 ** 25, ahead + 2 ** 26, 2 ** 40])
      for (const { membership } of cluster.nodes)
        membership.onPacket(from, envelope.seal(encodeMessage({ kind: 'dead', name: 'n3', incarnation, from: 'n0' })));
    await cluster.until(60, () => cluster.everyone(({ membership }) => membership.roster.get('n3')?.state === 'alive'));
    await cluster.time.advance(60_000);
    expect(cluster.everyone(({ membership }) => membership.roster.size === 5)).toBe(true);
  });
});
