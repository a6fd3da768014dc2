import { createMemoryLogger } from '@vivace/base';
import { describe, expect, it } from 'vitest';
import { TestCluster } from './cluster.fixture.ts';
import type { TestNode } from './cluster.fixture.ts';

const sees =
  (size: number) =>
  ({ membership }: TestNode): boolean =>
    membership.roster.size === size;

const stateOf = (node: TestNode, name: string): string => node.membership.roster.get(name)?.state ?? 'unknown';

async function clusterOf(count: number, seed = 1): Promise<TestCluster> {
  const cluster = new TestCluster(seed);
  await cluster.grow(count);
  await cluster.until(60, () => cluster.everyone(sees(count)));
  return cluster;
}

describe('a cluster of 100 nodes', () => {
  it('knows everybody within 15 s of the last join, and stays so', async () => {
    const cluster = new TestCluster();
    await cluster.grow(100);
    expect(await cluster.until(15, () => cluster.everyone(sees(100)))).toBeLessThan(15);
    await cluster.time.advance(60_000);
    expect(cluster.everyone(sees(100))).toBe(true);
    expect(cluster.nodes.every(({ membership }) => membership.healthScore === 0)).toBe(true);
    expect(cluster.network.largestPacket).toBeLessThanOrEqual(1_400);
  });

  it('takes nobody for dead while three of ten packets get lost', async () => {
    const cluster = await clusterOf(100);
    cluster.network.loss = 0.3;
    const deaths = new Set<string>();
    for (let second = 0; second < 120; second++) {
      await cluster.time.advance(1_000);
      for (const { membership } of cluster.nodes) for (const { name, state } of membership.roster.all()) if (state === 'dead') deaths.add(name);
    }
    expect([...deaths]).toEqual([]);
  });

  it('agrees on ten that die at once, within 60 s, and on nobody else', async () => {
    const cluster = await clusterOf(100);
    const dead = cluster.nodes.slice(90);
    for (const { address } of dead) cluster.network.kill(address);
    const living = cluster.nodes.slice(0, 90);
    await cluster.until(60, () => cluster.everyone(sees(90), living));
    await cluster.time.advance(60_000);
    expect(cluster.everyone(sees(90), living)).toBe(true);
  });

  it('has a new value everywhere within 6 s, without an exchange of whole states', async () => {
    const cluster = await clusterOf(100);
    await cluster.time.advance(30_000);
    const { membership, value } = cluster.nodes[42];
    const pulls = (): number => cluster.nodes.reduce((sum, node) => sum + node.membership.stats.pulls, 0);
    const before = pulls();
    membership.broadcast('value', value.set('answer', 42));
    await cluster.until(6, () => cluster.everyone((node) => node.value.entries.get('answer') === 42));
    expect(pulls() - before).toBeLessThan(100); // the ordinary ones meanwhile
    await cluster.time.advance(20_000);
    expect(cluster.nodes.every((node) => node.membership.queued.length === 0)).toBe(true);
  });
});

describe('a cluster', () => {
  it('comes together again after a partition that outlasts its memory', async () => {
    const cluster = await clusterOf(50);
    const side = (host: string): boolean => Number(host.split('.')[3]) < 20;
    cluster.network.connected = (from, to) => side(from) === side(to);
    await cluster.until(180, () => cluster.nodes.every((node) => sees(side(node.address.host) ? 20 : 30)(node)));
    await cluster.time.advance(120_000);
    const [left, right] = [cluster.nodes[0], cluster.nodes[49]];
    left.membership.broadcast('value', left.value.set('left', 1));
    right.membership.broadcast('value', right.value.set('right', 1));
    cluster.network.connected = () => true;
    await cluster.until(60, () => cluster.everyone(sees(50)));
    await cluster.until(60, () => cluster.everyone(({ value }) => value.entries.size === 2));
  });

  it('loses nobody in a partition of 3 s', async () => {
    const cluster = await clusterOf(20);
    cluster.network.connected = (from, to) => (from === '10.0.0.7') === (to === '10.0.0.7');
    await cluster.time.advance(3_000);
    cluster.network.connected = () => true;
    const deaths = new Set<string>();
    for (let second = 0; second < 60; second++) {
      await cluster.time.advance(1_000);
      for (const { membership } of cluster.nodes) for (const { name, state } of membership.roster.all()) if (state === 'dead') deaths.add(name);
    }
    expect([...deaths]).toEqual([]);
    expect(cluster.everyone(sees(20))).toBe(true);
  });

  it('lets a suspected node refute', async () => {
    const cluster = await clusterOf(10);
    const victim = cluster.nodes[3].membership.roster;
    const before = victim.self.incarnation;
    cluster.nodes[0].membership.roster.suspect({ name: 'n3', incarnation: before, from: 'n0' });
    expect(stateOf(cluster.nodes[0], 'n3')).toBe('suspect');
    await cluster.until(15, () => cluster.everyone((node) => stateOf(node, 'n3') === 'alive' && node.membership.roster.get('n3')!.incarnation > before));
    expect(victim.refutations).toBe(1);
  });

  it('does not believe one node that hears nobody', async () => {
    const cluster = await clusterOf(20);
    // Everything n5 is sent is lost, and what it says gets through: it accuses everybody.
    cluster.network.connected = (_from, to) => to !== '10.0.0.5';
    const deaths = new Set<string>();
    let worst = 0;
    for (let second = 0; second < 90; second++) {
      await cluster.time.advance(1_000);
      worst = Math.max(worst, cluster.nodes[5].membership.healthScore);
      for (const { membership } of cluster.nodes.filter((_, i) => i !== 5))
        for (const { name, state } of membership.roster.all()) if (state === 'dead') deaths.add(name);
    }
    expect([...deaths]).toEqual(['n5']);
    expect(worst).toBe(7);
  });

  it('hears of a leave as a leave, at once', async () => {
    const cluster = await clusterOf(30);
    const leaver = cluster.nodes[9];
    let stopped = false;
    void leaver.membership.stop().then(() => (stopped = true));
    await cluster.until(10, () => stopped);
    const rest = cluster.nodes.filter((node) => node !== leaver);
    await cluster.until(10, () => cluster.everyone((node) => stateOf(node, 'n9') === 'left', rest));
    expect(rest.every(({ membership }) => membership.roster.all().every(({ state }) => state === 'alive' || state === 'left'))).toBe(true);
  });

  it('sends what is waiting before it leaves', async () => {
    const cluster = await clusterOf(10);
    const { membership, value } = cluster.nodes[4];
    membership.broadcast('value', value.set('last words', 1));
    let stopped = false;
    void membership.stop().then(() => (stopped = true));
    await cluster.until(10, () => stopped);
    await cluster.until(10, () => cluster.everyone((node) => node.value.entries.get('last words') === 1));
  });

  it('takes a node back that restarts under its name, at another address', async () => {
    const cluster = await clusterOf(5);
    const old = cluster.nodes[4];
    cluster.network.kill(old.address);
    await cluster.until(60, () => cluster.everyone((node) => node === old || stateOf(node, 'n4') === 'dead'));
    await cluster.time.advance(31_000);
    cluster.nodes.pop();
    await cluster.add({ name: 'n4', host: '10.9.9.9' });
    await cluster.until(10, () => cluster.everyone((node) => node.membership.roster.get('n4')?.host === '10.9.9.9'));
  });

  it('tells of two nodes with one name, and keeps the first', async () => {
    const cluster = await clusterOf(3);
    const logger = createMemoryLogger();
    await cluster.add({ name: 'n1', logger });
    await cluster.time.advance(10_000);
    expect(cluster.nodes[0].membership.roster.get('n1')!.host).toBe('10.0.0.1');
    expect(logger.entries.map(({ msg }) => msg)).toContain('another node has the name of this one');
  });

  it('carries values that no packet has room for over streams', async () => {
    const cluster = await clusterOf(10);
    const { membership, value } = cluster.nodes[0];
    value.pad(100_000);
    membership.broadcast('value', value.set('large', 1));
    await cluster.until(20, () => cluster.everyone((node) => node.value.entries.get('large') === 1));
    expect(cluster.network.largestPacket).toBeLessThanOrEqual(1_400);
  });

  it('keeps trying to join when nobody answers at first', async () => {
    const cluster = new TestCluster();
    const failures: number[] = [];
    const seeds = [{ host: '10.0.0.1', port: 7946 }];
    const early = await cluster.add({
      join: {
        seeds: async () => seeds,
        minBackoffMs: 1_000,
        maxBackoffMs: 8_000,
        maxRetries: 3,
        onFailed: () => failures.push(cluster.time.now()),
        rejoinIntervalMs: 0,
      },
    });
    await cluster.time.advance(120_000);
    expect(failures).toHaveLength(1);
    await cluster.add({ join: { ...(await emptyJoin()) } });
    await cluster.until(20, () => cluster.everyone(sees(2)));
    expect(early.membership.roster.size).toBe(2);
  });

  it('does not mix with one of another label, or of another key', async () => {
    const cluster = new TestCluster();
    const key = (fill: number) => new Uint8Array(32).fill(fill);
    const setups = [{ label: 'a' }, { label: 'b' }, { label: 'a', keys: [key(1)] }, { label: 'a', keys: [key(2)] }];
    for (let i = 0; i < 12; i++) await cluster.add({ ...setups[i % 4], join: await joinAll() });
    await cluster.until(30, () => cluster.everyone(sees(3)));
    await cluster.time.advance(120_000);
    cluster.nodes.forEach(({ membership }, i) => {
      const names = membership.roster.all().map(({ name }) => name);
      expect(names.sort()).toEqual([i % 4, (i % 4) + 4, (i % 4) + 8].map((n) => `n${n}`).sort());
      expect(membership.stats.foreignCluster + membership.stats.packetsRefused).toBeGreaterThanOrEqual(0);
    });
  });

  it('reads both keys while one takes the place of the other', async () => {
    const cluster = new TestCluster();
    const [old, fresh] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
    await cluster.add({ keys: [old, fresh] });
    await cluster.add({ keys: [fresh, old] });
    await cluster.until(10, () => cluster.everyone(sees(2)));
  });
});

async function emptyJoin() {
  return { seeds: async () => [], minBackoffMs: 1_000, maxBackoffMs: 8_000, maxRetries: 3, onFailed: () => undefined, rejoinIntervalMs: 0 };
}

async function joinAll() {
  const seeds = Array.from({ length: 12 }, (_, i) => ({ host: `10.0.0.${i}`, port: 7946 }));
  return { seeds: async () => seeds, minBackoffMs: 1_000, maxBackoffMs: 8_000, maxRetries: 3, onFailed: () => undefined, rejoinIntervalMs: 5_000 };
}
