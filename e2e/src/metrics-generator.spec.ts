import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Cluster, HEARTBEAT_TIMEOUT_MS, NO_LIMITS } from './cluster.ts';
import type { ClusterMember } from './cluster.ts';
import { newTraceId, requestOf, spanOf, tracesOf } from './otlp-json.ts';

// Two metrics-generators behind two distributors: what is acknowledged of a tenant with processors is counted once, wherever it came in, and senders notice nothing of what happens to generators.

const METERED = 'metered';
const PLAIN = 'plain';
const SPANS_PER_TRACE = 3;
const TRACES_PER_REQUEST = 5;
const SPANS_PER_REQUEST = SPANS_PER_TRACE * TRACES_PER_REQUEST;
/** Of `metrics_generator.forwarder.queue_size`: what Tempo has by default. */
const QUEUE_SIZE = 100;
const HOUR_MS = 3_600_000;
/** What is silent so long is forgotten: two heartbeat time-outs, and what a busy machine needs. */
const HEAL_MS = 3 * HEARTBEAT_TIMEOUT_MS + 10_000;
const ARRIVE_MS = 30_000;

let cluster: Cluster;
let distributors: readonly ClusterMember[];
let droppedOnPurpose = 0;
beforeAll(async () => {
  cluster = await Cluster.create({
    processes: { ingester: 1, distributor: 2, 'metrics-generator': 2 },
    replicationFactor: 1,
    tenants: {
      [METERED]: { ingestion: NO_LIMITS, metrics_generator: { processors: ['span-metrics'] } },
      [PLAIN]: { ingestion: NO_LIMITS },
    },
  });
  await cluster.start();
  await Promise.all([cluster.healed(HEAL_MS), cluster.healed(HEAL_MS, 'metrics-generator')]);
  distributors = cluster.all('distributor');
});
afterAll(async () => {
  await cluster.destroy();
  expect(cluster.errors()).toEqual([]);
});

async function push(tenant: string, { otlpHttp }: ClusterMember, request: object): Promise<void> {
  const headers = { 'content-type': 'application/json', 'x-scope-orgid': tenant };
  const response = await fetch(`${otlpHttp}/v1/traces`, { method: 'POST', headers, body: JSON.stringify(request) });
  expect([response.status, await response.text()]).toEqual([200, '{"partialSuccess":{}}']);
}

const someTraces = (): object =>
  tracesOf(
    'shop',
    Array.from({ length: TRACES_PER_REQUEST }, () => newTraceId()),
    SPANS_PER_TRACE,
  );

/** Through all distributors alike, four requests at a time. Returns how many spans were acknowledged. */
async function pushMany(tenant: string, requests: number): Promise<number> {
  let next = 0;
  const sender = async (): Promise<void> => {
    while (next < requests) await push(tenant, distributors[next++ % distributors.length], someTraces());
  };
  await Promise.all(Array.from({ length: 4 }, sender));
  return requests * SPANS_PER_REQUEST;
}

/** The sum of a metric over all its series that have these labels. */
async function metricOf(member: ClusterMember, name: string, ...labels: string[]): Promise<number> {
  const { body } = await member.get('/metrics');
  const lines = body.split('\n').filter((line) => line.startsWith(`${name}{`) && labels.every((label) => line.includes(label)));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

const sumOf = async (members: readonly ClusterMember[], name: string, ...labels: string[]): Promise<number> =>
  (await Promise.all(members.map((member) => metricOf(member, name, ...labels)))).reduce((a, b) => a + b, 0);

const receivedBy = (member: ClusterMember): Promise<number> => metricOf(member, 'tempo_metrics_generator_spans_received_total', `tenant="${METERED}"`);
const received = async (): Promise<number> => (await Promise.all(cluster.running('metrics-generator').map(receivedBy))).reduce((a, b) => a + b, 0);
const failures = (): Promise<number> => sumOf(distributors, 'tempo_distributor_metrics_generator_pushes_failures_total');
const drops = (): Promise<number> => sumOf(distributors, 'tempo_distributor_forwarder_pushes_failures_total');

/** Resolves once so many spans were counted since there were `before`; more, or a wait too long, is an error. */
async function expectCounted(spans: number, before = 0): Promise<void> {
  for (const deadline = Date.now() + ARRIVE_MS; Date.now() < deadline && (await received()) < before + spans; ) await sleep(50);
  expect(await received()).toBe(before + spans);
}

/** What is sent from now on is counted once. */
async function expectAllCounted(): Promise<void> {
  const before = await received();
  await expectCounted(await pushMany(METERED, 50), before);
}

/** Sends until `during` has ended. Returns how many spans were acknowledged. */
async function pushDuring(during: Promise<unknown>): Promise<number> {
  let isOver = false;
  const ended = during.finally(() => (isOver = true));
  let spans = 0;
  while (!isOver) {
    spans += await pushMany(METERED, 4);
    await sleep(20);
  }
  await ended;
  return spans;
}

describe('two metrics-generators', () => {
  it('count every acknowledged span of a tenant with processors once, each a part', async () => {
    await expectCounted(await pushMany(METERED, 200));
    for (const generator of cluster.all('metrics-generator')) expect(await receivedBy(generator), generator.name).toBeGreaterThan(0);
    expect(await sumOf(cluster.all('metrics-generator'), 'tempo_metrics_generator_bytes_received_total', `tenant="${METERED}"`)).toBeGreaterThan(0);
    expect([await failures(), await drops()]).toEqual([0, 0]);
  });

  it('hear nothing of a tenant without processors', async () => {
    await pushMany(PLAIN, 20);
    await pushMany(METERED, 1);
    expect(await sumOf(distributors, 'tempo_distributor_spans_received_total', `tenant="${PLAIN}"`)).toBe(20 * SPANS_PER_REQUEST);
    for (const member of [...distributors, ...cluster.all('metrics-generator')]) {
      const { body } = await member.get('/metrics');
      expect(body.split('\n').filter((line) => /generator|forwarder|queue/.test(line) && line.includes(PLAIN))).toEqual([]);
    }
  });

  it('count spans that ended too long ago, and that nothing is made of them', async () => {
    const before = await received();
    const old = String(BigInt(Date.now() - HOUR_MS) * 1_000_000n);
    const spans = [spanOf({ traceId: newTraceId() }), spanOf({ traceId: newTraceId(), startTimeUnixNano: old, endTimeUnixNano: old })];
    await push(METERED, distributors[0], requestOf('shop', spans));
    await expectCounted(2, before);
    const labels = [`tenant="${METERED}"`, 'reason="outside_metrics_ingestion_slack"', 'processor="all"'];
    expect(await sumOf(cluster.all('metrics-generator'), 'tempo_metrics_generator_spans_discarded_total', ...labels)).toBe(1);
  });

  it('are not waited for: while they answer nothing every push is, and what their queue has no room for is dropped and counted', async () => {
    const before = await received();
    for (const generator of cluster.all('metrics-generator')) generator.pause();
    const requests = 2 * distributors.length * QUEUE_SIZE;
    const spans = await pushMany(METERED, requests);
    for (const generator of cluster.all('metrics-generator')) generator.resume();
    const dropped = await drops();
    expect(dropped).toBeGreaterThan(0);
    expect(dropped).toBeLessThanOrEqual(requests - distributors.length * QUEUE_SIZE);
    await expectCounted(spans - dropped * SPANS_PER_REQUEST, before);
    expect(await failures()).toBe(0);
    droppedOnPurpose = dropped;
  });

  it('stop and start again without the loss of a span: one that leaves gets none any more, and counts what it has', async () => {
    const [leaving, staying] = cluster.all('metrics-generator');
    const before = await receivedBy(staying);
    let last = await receivedBy(leaving);
    const first = last;
    const spans = await pushDuring(
      (async () => {
        const stopped = leaving.kill('SIGTERM');
        // Its last word: the page is served until everything else has stopped.
        for (let isOver = false; !isOver; ) {
          await sleep(20);
          await receivedBy(leaving).then(
            (count) => (last = count),
            () => (isOver = true),
          );
        }
        expect(await stopped).toBe(0);
      })(),
    );
    await cluster.healed(HEAL_MS, 'metrics-generator');
    await expectCounted(spans - (last - first), before);
    expect([await failures(), await drops()]).toEqual([0, droppedOnPurpose]);
    await leaving.start();
    await cluster.healed(HEAL_MS, 'metrics-generator');
    await expectAllCounted();
    expect(await receivedBy(leaving)).toBeGreaterThan(0);
  });

  it('are one when the other is dead: senders notice nothing, the ring heals, and nothing more is lost', async () => {
    const [, killed] = cluster.all('metrics-generator');
    await killed.kill('SIGKILL');
    const healed = cluster.healed(HEAL_MS, 'metrics-generator');
    await pushDuring(healed);
    await expectQuiet();
    const lost = await failures();
    await expectAllCounted();
    expect([await failures(), await drops()]).toEqual([lost, droppedOnPurpose]);
    await killed.start();
    await cluster.healed(HEAL_MS, 'metrics-generator');
    await expectAllCounted();
    expect(await receivedBy(killed)).toBeGreaterThan(0);
  });
});

/** Resolves when distributors have nothing to send any more. */
async function expectQuiet(): Promise<void> {
  const sent = (): Promise<number> => sumOf(distributors, 'tempo_distributor_metrics_generator_pushes_total');
  for (let [before, now] = [-1, await sent()]; before !== now; [before, now] = [now, await sent()]) await sleep(500);
  expect(await sumOf(distributors, 'tempo_distributor_queue_length')).toBe(0);
}
