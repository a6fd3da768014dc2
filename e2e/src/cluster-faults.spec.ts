import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Cluster, HEARTBEAT_TIMEOUT_MS } from './cluster.ts';
import { ClusterLoad } from './cluster-load.ts';
import { FaultyProxy } from './faulty-proxy.ts';
import { BUCKET, S3_KEYS, startS3Server } from './store-servers.ts';
import type { S3Server } from './store-servers.ts';

// A cluster whose blocks are in S3, under load, while the store fails or hangs, and while the disk of an ingester is full.

const HEAL_MS = 3 * HEARTBEAT_TIMEOUT_MS + 10_000;
const FAULT_MS = process.env.VIVACE_E2E_LONG === undefined ? 12_000 : 60_000;
const DISK_BYTES = 48 * 1024 * 1024;
const ON_SMALL_DISK = 'ingester-3';

let server: S3Server;
let proxy: FaultyProxy;
let cluster: Cluster;
let load: ClusterLoad;

beforeAll(async () => {
  server = await startS3Server();
  proxy = await FaultyProxy.start(server.url);
  cluster = await Cluster.create({
    processes: { ingester: 3, distributor: 1, querier: 2, 'query-frontend': 1, compactor: 1 },
    store: {
      backend: 's3',
      s3: { bucket: BUCKET, endpoint: proxy.address, insecure: true, access_key: S3_KEYS.accessKey, secret_key: S3_KEYS.secretKey, forcepathstyle: true },
    },
    disks: { [ON_SMALL_DISK]: DISK_BYTES },
  });
  await cluster.start();
  await cluster.healed(HEAL_MS);
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

/** What holds after everything that happens; what needs blocks cannot be read for `awayMs`. */
async function expectHealed(when: string, awayMs = 0): Promise<void> {
  await cluster.healed(HEAL_MS);
  await load.expectAllFound(when);
  const outages = load.takeOutages();
  console.log(when, JSON.stringify({ acknowledged: load.acknowledged, reads: load.reads, retries: load.retries, longestPushMs: load.longestPushMs, outages }));
  expect(
    outages.filter(({ ms }) => ms > awayMs + HEARTBEAT_TIMEOUT_MS),
    `${when}: longer unreadable than a heartbeat time-out`,
  ).toEqual([]);
}

describe('a cluster under load on S3', () => {
  it('finds everything, copies once', async () => {
    await expectHealed('at rest');
    expect(load.retries).toBe(0);
  });

  it.each(['refuses', 'hangs'] as const)('takes spans while the store %s, and heals', async (fault) => {
    proxy.fault = fault;
    await sleep(FAULT_MS);
    proxy.fault = 'none';
    await expectHealed(`the store ${fault}`, FAULT_MS);
    expect(load.retries, 'no sender notices').toBe(0);
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
