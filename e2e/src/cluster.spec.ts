import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Cluster, HEARTBEAT_TIMEOUT_MS } from './cluster.ts';
import type { ClusterMember } from './cluster.ts';
import { ClusterLoad } from './cluster-load.ts';
import { createNetwork } from './network.ts';
import type { Network } from './network.ts';
import { newTraceId, tracesOf } from './otlp-json.ts';

// A cluster under load, every process in a place of its own in a network, in which everything is killed, stopped, cut off, added and removed, one after the other.

/** What is silent so long is forgotten: two heartbeat time-outs, and what a busy machine needs. */
const HEAL_MS = 3 * HEARTBEAT_TIMEOUT_MS + 10_000;
const CUT_MS = longer(12_000, 30_000);

let network: Network;
let cluster: Cluster;
let load: ClusterLoad;

beforeAll(async () => {
  network = await createNetwork();
  cluster = await Cluster.create({ processes: { ingester: 3, distributor: 2, querier: 2, 'query-frontend': 2, compactor: 2, gateway: 1 }, network });
  await cluster.start();
  await cluster.healed(HEAL_MS);
  load = new ClusterLoad(cluster);
  load.start();
});
afterAll(async () => {
  // Undefined when the cluster did not start.
  await (load as ClusterLoad | undefined)?.stop();
  await (cluster as Cluster | undefined)?.destroy();
  await (network as Network | undefined)?.destroy();
});

/** What holds after everything that happens. */
async function expectHealed(when: string): Promise<void> {
  await cluster.healed(HEAL_MS);
  await load.expectAllFound(when);
  const outages = load.takeOutages();
  console.log(when, JSON.stringify({ acknowledged: load.acknowledged, reads: load.reads, retries: load.retries, longestPushMs: load.longestPushMs, outages }));
  expect(
    outages.filter(({ ms }) => ms > HEARTBEAT_TIMEOUT_MS),
    `${when}: longer unreadable than a heartbeat time-out`,
  ).toEqual([]);
}

describe('a cluster under load', () => {
  it('finds everything, copies once', async () => {
    await sleep(8_000);
    await expectHealed('at rest');
    expect(load.retries).toBe(0);
  });

  it('outlives kill -9 of each ingester in turn', async () => {
    for (const ingester of cluster.all('ingester')) {
      await ingester.kill('SIGKILL');
      await sleep(1_000);
      await ingester.start();
      await sleep(1_000);
    }
    await expectHealed('ingesters killed in turn');
  });

  it('outlives kill -9 of a querier and a distributor', async () => {
    const [querier] = cluster.all('querier');
    const [distributor] = cluster.all('distributor');
    await Promise.all([querier.kill('SIGKILL'), distributor.kill('SIGKILL')]);
    await sleep(1_000);
    await Promise.all([querier.start(), distributor.start()]);
    await expectHealed('querier and distributor killed');
  });

  it('outlives an ingester that answers nothing for a while', async () => {
    const [, cut] = cluster.all('ingester');
    cut.pause();
    await sleep(longer(8_000, 30_000));
    cut.resume();
    await expectHealed('ingester cut off');
  });

  it('outlives an ingester that is cut from the network, and a distributor beside it acknowledges nothing', async () => {
    const [, ingester] = cluster.all('ingester');
    const [, distributor] = cluster.all('distributor');
    await network.isolate([ingester.place, distributor.place]);
    const untilMs = Date.now() + CUT_MS;
    const answers = new Map<number | string, number>();
    while (Date.now() < untilMs) {
      const answer = await statusOfPush(distributor);
      answers.set(answer, (answers.get(answer) ?? 0) + 1);
      await sleep(100);
    }
    await network.heal();
    console.log('pushes beside the ingester that is cut off', JSON.stringify([...answers]));
    expect([...answers.keys()], 'one ingester of three is no quorum').toEqual([503]);
    await expectHealed('ingester cut from the network');
  });

  it('outlives a rolling restart of everything', async () => {
    for (const member of cluster.all()) await restartGracefully(member);
    await expectHealed('rolling restart');
  });

  it('takes a fourth ingester, and lets one go', async () => {
    const fourth = await cluster.add('ingester');
    await fourth.start();
    await expectHealed('fourth ingester');
    const [first] = cluster.all('ingester');
    expect(await first.kill('SIGTERM')).toBe(0);
    await expectHealed('one ingester fewer');
  });

  it('outlives kill -9 of one ingester for good', async () => {
    // Four were there, so that three are left; a disk that is lost is a copy that is lost.
    const [, second] = cluster.all('ingester');
    const fifth = await cluster.add('ingester');
    await fifth.start();
    await second.kill('SIGKILL');
    await expectHealed('ingester killed for good');
  });

  const known = new Set<string>();
  afterEach(() => {
    const fresh = cluster.errors().filter((line) => !known.has(line));
    for (const line of fresh) known.add(line);
    expect(fresh).toEqual([]);
  });
});

/** What a sender is told of a push of one trace that nobody looks for later. */
async function statusOfPush({ otlpHttp }: ClusterMember): Promise<number> {
  const body = JSON.stringify(tracesOf('cut-off', [newTraceId()], 1));
  const response = await fetch(`${otlpHttp}/v1/traces`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  await response.text();
  return response.status;
}

async function restartGracefully(member: ClusterMember): Promise<void> {
  expect(await member.kill('SIGTERM'), member.name).toBe(0);
  await member.start();
}

/** The short time, unless the long variants are asked for. */
function longer(shortMs: number, longMs: number): number {
  return process.env.VIVACE_E2E_LONG === undefined ? shortMs : longMs;
}
