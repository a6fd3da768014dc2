import { silentLogger } from '@vivace/base';
import { Lifecycler, Ring } from '@vivace/ring';
import { describe, expect, it } from 'vitest';
import { seeded, TestCluster } from './cluster.fixture.ts';
import type { TestNode } from './cluster.fixture.ts';

interface Ingester extends TestNode {
  readonly ring: Ring;
  readonly member: Lifecycler;
}

/** Wired as a process wires them. */
async function addIngester(cluster: TestCluster, ingesters: Ingester[], id: string): Promise<Ingester> {
  const { time } = cluster;
  let node: TestNode | undefined = undefined;
  const ring = new Ring({
    name: 'ingester',
    replicationFactor: 3,
    zoneAware: true,
    extendWrites: true,
    heartbeatTimeoutMs: 300_000,
    forgetAfterMs: 600_000,
    leftTimeoutMs: 300_000,
    isNodeDead: (name) => node?.membership.isDead(name) ?? false,
    clock: time,
    logger: silentLogger,
  });
  node = await cluster.add({ values: { 'ring/ingester': ring } });
  ring.onDelta((delta) => node.membership.broadcast('ring/ingester', delta));
  const member = new Lifecycler({
    ring,
    id,
    address: `${node.address.host}:9095`,
    zone: `zone-${ingesters.length % 3}`,
    node: node.membership.roster.self.name,
    tokenCount: 128,
    heartbeatPeriodMs: 5_000,
    joinAfterMs: 0,
    observePeriodMs: 2_000,
    unregisterOnShutdown: true,
    random: seeded(ingesters.length + 1),
    clock: time,
    timers: time,
    logger: silentLogger,
  });
  member.start();
  const ingester = { ...node, ring, member };
  ingesters.push(ingester);
  return ingester;
}

async function ringOf(count: number): Promise<{ cluster: TestCluster; ingesters: Ingester[] }> {
  const cluster = new TestCluster();
  const ingesters: Ingester[] = [];
  for (let i = 0; i < count; i++) await addIngester(cluster, ingesters, `ingester-${i}`);
  await cluster.until(12, () => ingesters.every(({ ring }) => usable(ring) === count));
  return { cluster, ingesters };
}

/** Members that can be written to. */
const usable = (ring: Ring): number => ring.view().members.filter(({ state }, i) => state === 'ACTIVE' && ring.view().healthy[i] === 1).length;

const placement = (ring: Ring): string => {
  const keys = Uint32Array.from({ length: 200 }, seeded(99));
  const out = new Uint16Array(600);
  ring.view().locate(keys, 200, out);
  return [...out].map((i) => ring.view().members[i].id).join(' ');
};

describe('a ring shared by gossip', () => {
  it('is the same in every process', async () => {
    const { ingesters } = await ringOf(12);
    expect(new Set(ingesters.map(({ ring }) => placement(ring))).size).toBe(1);
  });

  it('writes around an ingester that died within 20 s, though heartbeats may be missing for minutes', async () => {
    const { cluster, ingesters } = await ringOf(9);
    const victim = ingesters.pop()!;
    cluster.network.kill(victim.address);
    await cluster.until(20, () => ingesters.every(({ ring }) => usable(ring) === 8));
    expect(placement(ingesters[0].ring)).not.toContain('ingester-8');
    expect(ingesters[0].ring.view().readSet()).toMatchObject({ complete: true, spare: 0, missing: [{ id: 'ingester-8' }] });
  });

  it('takes a restarted ingester back at once, with its tokens', async () => {
    const { cluster, ingesters } = await ringOf(6);
    const before = placement(ingesters[0].ring);
    const old = ingesters.pop()!;
    cluster.network.kill(old.address);
    old.member.stop();
    await cluster.until(20, () => ingesters.every(({ ring }) => usable(ring) === 5));
    const back = await addIngester(cluster, ingesters, 'ingester-5'); // the seed of its tokens is the same
    await cluster.until(30, () => ingesters.every(({ ring }) => usable(ring) === 6));
    expect(back.member.tokens).toEqual(old.member.tokens);
    expect(placement(ingesters[0].ring)).toBe(before);
  });

  it('forgets an ingester that never comes back', async () => {
    const { cluster, ingesters } = await ringOf(4);
    const victim = ingesters.pop()!;
    cluster.network.kill(victim.address);
    await cluster.time.advance(590_000);
    expect(ingesters[0].ring.view().members).toHaveLength(4);
    await cluster.until(60, () => ingesters.every(({ ring }) => ring.view().members.length === 3));
  });

  it('is whole again after a partition', async () => {
    const { cluster, ingesters } = await ringOf(9);
    const side = (host: string): boolean => Number(host.split('.')[3]) < 3;
    const before = placement(ingesters[0].ring);
    cluster.network.connected = (from, to) => side(from) === side(to);
    await cluster.until(120, () => ingesters.every(({ ring, address }) => usable(ring) === (side(address.host) ? 3 : 6)));
    cluster.network.connected = () => true;
    await cluster.until(90, () => ingesters.every(({ ring }) => usable(ring) === 9));
    expect(new Set(ingesters.map(({ ring }) => placement(ring)))).toEqual(new Set([before]));
  });
});
