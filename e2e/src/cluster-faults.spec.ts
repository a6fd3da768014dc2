import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Cluster, HEARTBEAT_TIMEOUT_MS } from './cluster.ts';
import { ClusterLoad } from './cluster-load.ts';
import { FaultyProxy } from './faulty-proxy.ts';
import { newTraceId, tracesOf } from './otlp-json.ts';
import { BUCKET, S3_KEYS, startS3Server } from './store-servers.ts';
import type { S3Server } from './store-servers.ts';
import { findTrace, search } from './trace-answer.ts';

// A cluster whose blocks are in S3, under load, while the store fails or hangs, and while the disk of an ingester is full.

const HEAL_MS = 3 * HEARTBEAT_TIMEOUT_MS + 10_000;
const FAULT_MS = process.env.VIVACE_E2E_LONG === undefined ? 12_000 : 60_000;
/** Requests to the store at a time. */
const MOST_OPEN = 200;
const DISK_BYTES = 48 * 1024 * 1024;
const ON_SMALL_DISK = 'ingester-3';
/** Longer than the test: ingesters still hold what is in blocks. */
const COMPLETE_BLOCK_TIMEOUT_MS = 3_600_000;
const OLD = 'long-ago';

let server: S3Server;
let proxy: FaultyProxy;
let cluster: Cluster;
let load: ClusterLoad;
/** Traces of which ingesters hold nothing any more. */
const old = Array.from({ length: 20 }, newTraceId);

beforeAll(async () => {
  server = await startS3Server();
  proxy = await FaultyProxy.start(server.url);
  cluster = await Cluster.create({
    processes: { ingester: 3, distributor: 2, querier: 2, 'query-frontend': 2, compactor: 2, gateway: 1 },
    store: {
      backend: 's3',
      s3: { bucket: BUCKET, endpoint: proxy.address, insecure: true, access_key: S3_KEYS.accessKey, secret_key: S3_KEYS.secretKey, forcepathstyle: true },
    },
    disks: { [ON_SMALL_DISK]: DISK_BYTES },
    completeBlockTimeoutMs: COMPLETE_BLOCK_TIMEOUT_MS,
  });
  await cluster.start();
  await cluster.healed(HEAL_MS);
  await storeOld();
  load = new ClusterLoad(cluster);
  load.start();
  await sleep(8_000);
});
afterAll(async () => {
  // Undefined when the cluster did not start.
  await (load as ClusterLoad | undefined)?.stop();
  await cluster.destroy();
  await proxy.stop();
  await server.destroy();
});

/** Stores the old traces, and lets ingesters forget them: they lose what they keep of blocks. */
async function storeOld(): Promise<void> {
  const [{ otlpHttp }] = cluster.all('distributor');
  const body = JSON.stringify(tracesOf(OLD, old, 2));
  expect((await fetch(`${otlpHttp}/v1/traces`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })).status).toBe(200);
  const ingesters = cluster.all('ingester');
  await Promise.all(ingesters.map(async ({ http }) => expect((await fetch(`${http}/flush`, { method: 'POST' })).status).toBe(204)));
  await Promise.all(ingesters.map((ingester) => ingester.kill('SIGKILL')));
  for (const { dataDir } of ingesters) fs.rmSync(path.join(dataDir, 'kept'), { recursive: true, force: true });
  await Promise.all(ingesters.map((ingester) => ingester.start()));
  await cluster.healed(HEAL_MS);
}

async function expectOldFound(): Promise<void> {
  for (const frontend of cluster.all('query-frontend')) {
    expect((await search(frontend, `{ resource.service.name = "${OLD}" }`)).map(({ traceID }) => traceID).sort()).toEqual([...old].sort());
    for (const id of old.slice(-3)) expect(await findTrace(frontend, id)).toHaveLength(2);
  }
}

/** Without the store an answer is whole, or says that it is not; soon in any case. */
async function expectNoGaps(when: string): Promise<void> {
  await load.expectAllFound(when);
  const nowSec = Math.ceil(Date.now() / 1_000);
  const [id] = old;
  // What an answer that is whole has; a cache may have made it so.
  const asked = new Map([
    [`/api/v2/traces/${id}`, 'step-1'],
    [`/api/traces/${id}`, 'step-1'],
    [`/api/search?q={}&limit=100000&start=${nowSec - 3_600}&end=${nowSec}`, id],
    [`/api/v2/traces/${newTraceId()}`, '{"trace":{}'],
  ]);
  for (const frontend of cluster.all('query-frontend')) {
    for (const [question, whole] of asked) {
      const beganMs = Date.now();
      const { status, body } = await frontend.get(question);
      const took = Date.now() - beganMs;
      console.log(when, question.replace(/\?.*/, ''), status, took, body.slice(0, 200));
      expect([200, 503]).toContain(status);
      if (status === 200 && !body.includes('"PARTIAL"')) expect(body, `${when}: ${question}`).toContain(whole);
      expect(took, `${when}: ${question}`).toBeLessThan(HEARTBEAT_TIMEOUT_MS);
    }
  }
}

/** What holds after everything that happens. */
async function expectHealed(when: string): Promise<void> {
  await cluster.healed(HEAL_MS);
  await load.expectAllFound(when);
  const { acknowledged, reads, retries, longestPushMs, longestReadMs } = load;
  const outages = load.takeOutages();
  console.log(when, JSON.stringify({ acknowledged, reads, retries, longestPushMs, longestReadMs, mostOpen: proxy.mostOpen, outages }));
  expect(
    outages.filter(({ ms }) => ms > HEARTBEAT_TIMEOUT_MS),
    `${when}: longer unreadable than a heartbeat time-out`,
  ).toEqual([]);
}

describe('a cluster under load on S3', () => {
  afterEach(() => {
    proxy.fault = 'none';
  });

  it('finds everything, copies once', async () => {
    await expectHealed('at rest');
    expect(load.retries).toBe(0);
  });

  it.each(['refuses', 'hangs'] as const)('takes spans and answers from ingesters while the store %s, and heals', async (fault) => {
    const untilMs = Date.now() + FAULT_MS;
    proxy.fault = fault;
    while (Date.now() < untilMs) {
      await sleep(FAULT_MS / 3);
      await expectNoGaps(`while the store ${fault}`);
    }
    proxy.fault = 'none';
    await expectHealed(`the store ${fault}`);
    await expectOldFound();
    expect(load.retries, 'no sender notices').toBe(0);
    expect(proxy.mostOpen, 'requests do not pile up').toBeLessThan(MOST_OPEN);
  });

  it('takes spans while the disk of one ingester is full, and heals', async () => {
    const [ingester] = cluster.all('ingester').filter(({ name }) => name === ON_SMALL_DISK);
    const filler = path.join(ingester.dataDirInside, 'filler');
    fill(filler);
    const stop = setInterval(() => fill(filler), 200);
    await sleep(FAULT_MS);
    clearInterval(stop);
    expect(ingester.log).toMatch(/ENOSPC/);
    fs.rmSync(filler);
    await expectHealed('the disk was full');
    expect(load.retries, 'no sender notices').toBe(0);
  });
});

/** Makes the file as large as the disk allows. */
function fill(file: string): void {
  const block = Buffer.alloc(64 * 1024, 1);
  const fd = fs.openSync(file, 'a');
  try {
    for (;;) fs.writeSync(fd, block);
  } catch (reason) {
    if ((reason as NodeJS.ErrnoException).code !== 'ENOSPC') throw reason;
  } finally {
    fs.closeSync(fd);
  }
}
