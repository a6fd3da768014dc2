import fs from 'node:fs';
import path from 'node:path';
import { openObjectStore } from '@vivace/object-store';
import type { OpenStore } from '@vivace/object-store';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { newTraceId, tracesOf } from './otlp-json.ts';
import { BUCKET, S3_KEYS, startS3Server } from './store-servers.ts';
import type { S3Server } from './store-servers.ts';
import { findTrace, search } from './trace-answer.ts';
import { Vivace } from './vivace.ts';

// The whole process with its blocks in S3: stored, found, found again without a local disk, and nothing lost while the store is away.

const SPANS_PER_TRACE = 3;
const TENANT = 'single-tenant';
/** No time-out of a query, nor of a request to S3. */
const SOON_MS = 9_000;
const quiet = { request: () => undefined, hedged: () => undefined, refused: () => undefined };

let server: S3Server;
let bucket: OpenStore;
let vivace: Vivace;
let prefix = '';
beforeAll(async () => {
  server = await startS3Server();
});
afterAll(() => server.destroy());
beforeEach(async () => {
  prefix = newTraceId();
  bucket = await openObjectStore({ backend: 's3', s3: { ...server.settings.s3, prefix } }, quiet);
});
afterEach(async () => {
  await vivace.destroy();
  await bucket.close();
  expect(vivace.log).not.toContain(S3_KEYS.secretKey);
});

const inS3 = (more = ''): string => {
  const { endpoint } = server.settings.s3;
  return `backend: s3, s3: { bucket: ${BUCKET}, prefix: ${prefix}, endpoint: '${endpoint}', insecure: true, access_key: ${S3_KEYS.accessKey}, secret_key: ${S3_KEYS.secretKey}${more} }`;
};

async function pushTraces(n: number): Promise<readonly string[]> {
  const ids = Array.from({ length: n }, newTraceId);
  await vivace.push(tracesOf('in-s3', ids, SPANS_PER_TRACE));
  return ids;
}

async function expectFound(ids: readonly string[]): Promise<void> {
  const found = await search(vivace, '{ resource.service.name = "in-s3" }');
  expect(found.map(({ traceID }) => traceID).sort()).toEqual([...ids].sort());
  for (const { spanSets } of found) expect(spanSets[0].matched).toBe(SPANS_PER_TRACE);
  for (const id of ids.slice(0, 3)) expect(await findTrace(vivace, id)).toHaveLength(SPANS_PER_TRACE);
}

/** The files of each block folder. */
async function storedBlocks(): Promise<readonly (readonly string[])[]> {
  const folders = await bucket.listFolders(`${TENANT}/`);
  return Promise.all(folders.map(async (id) => (await bucket.list(`${TENANT}/${id}/`)).map(({ key }) => path.posix.basename(key))));
}

/** The sum of a counter's lines that contain all `labels`. */
async function counted(name: string, ...labels: readonly string[]): Promise<number> {
  const { body } = await vivace.get('/metrics');
  const lines = body.split('\n').filter((line) => line.startsWith(`${name}{`) && labels.every((label) => line.includes(label)));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

it('stores blocks in S3 and finds them, also when the local disk is gone', async () => {
  vivace = await Vivace.create({ store: inS3() });
  await vivace.start();
  const ids = await pushTraces(20);
  await expectFound(ids);
  await vivace.flush();
  expect(await storedBlocks()).toEqual([['bloom-0', 'data.parquet', 'index', 'meta.json']]);
  await expectFound(ids);
  expect(await counted('tempodb_backend_request_duration_seconds_count', 'operation="PUT"', 'status_code="200"')).toBeGreaterThanOrEqual(4);
  // Worker threads read the blocks; what they count arrives a little later.
  await expect.poll(() => counted('tempodb_backend_request_duration_seconds_count', 'operation="GET"', 'status_code="206"')).toBeGreaterThan(0);
  const { body: config } = await vivace.get('/status/config');
  expect(config).toContain(`bucket: ${BUCKET}`);
  expect(config).not.toContain(S3_KEYS.secretKey);

  await vivace.kill('SIGTERM');
  fs.rmSync(path.join(vivace.dir, 'wal'), { recursive: true });
  await vivace.start();
  await expectFound(ids);
  expect(vivace.errors()).toEqual([]);
});

it('takes and finds spans while S3 is away, and stores them once, whole, when it is back', async () => {
  vivace = await Vivace.create({ store: inS3(), ingester: { block_retry_period: '1s' } });
  await vivace.start();
  const ids = [...(await pushTraces(5))];
  await server.stop();
  expect((await fetch(`${vivace.http}/flush`, { method: 'POST' })).status).toBe(503);
  ids.push(...(await pushTraces(5)));
  await expectFound(ids);
  await server.start();
  await vivace.flush();
  const blocks = await storedBlocks();
  expect(blocks.length).toBeGreaterThan(0);
  for (const files of blocks) expect(files).toContain('meta.json');
  await expectFound(ids);
  expect(fs.readdirSync(path.join(vivace.dir, 'wal/blocks', TENANT))).toEqual([]);

  // From the store alone.
  await vivace.kill('SIGKILL');
  await vivace.start();
  await expectFound(ids);
});

it('loses nothing when it dies while S3 is away', async () => {
  vivace = await Vivace.create({ store: inS3() });
  await vivace.start();
  const ids = await pushTraces(5);
  await server.stop();
  expect((await fetch(`${vivace.http}/flush`, { method: 'POST' })).status).toBe(503);
  await vivace.kill('SIGKILL');
  await server.start();
  await vivace.start();
  await expectFound(ids);
  await vivace.flush();
  for (const files of await storedBlocks()) expect(files).toContain('meta.json');
  await expectFound(ids);
});

it('goes on while S3 hangs', async () => {
  vivace = await Vivace.create({ store: inS3() });
  await vivace.start();
  const ids = [...(await pushTraces(5))];
  server.hang();
  try {
    const flushed = vivace.flush();
    ids.push(...(await pushTraces(5)));
    await expectFound(ids);
    server.goOn();
    await flushed;
  } finally {
    server.goOn();
  }
  await vivace.flush();
  await expectFound(ids);
  expect(vivace.errors()).toEqual([]);
});

it('answers for what it still holds while S3 hangs, refuses the rest soon, and goes on when it is back', async () => {
  vivace = await Vivace.create({ store: inS3() });
  await vivace.start();
  const ids = await pushTraces(5);
  await vivace.flush();
  server.hang();
  try {
    await expectFound(ids);
    server.goOn();
    await vivace.kill('SIGTERM');
    // As after `complete_block_timeout`.
    fs.rmSync(path.join(vivace.dir, 'wal/kept'), { recursive: true });
    await vivace.start();
    const later = await pushTraces(1);
    server.hang();
    const ask = async (question: string) => {
      const beganMs = Date.now();
      const { status, body } = await vivace.get(question);
      expect(Date.now() - beganMs, question).toBeLessThan(SOON_MS);
      return { status, body };
    };
    const nowSec = Math.ceil(Date.now() / 1_000);
    for (const path of ['v2/traces', 'traces']) expect(await ask(`/api/${path}/${ids[0]}`)).toEqual({ status: 503, body: expect.stringContaining('is away') });
    expect(await ask(`/api/search?q={}&start=${nowSec - 3_600}&end=${nowSec}`)).toMatchObject({ status: 503 });
    expect(await ask(`/api/traces/${later[0]}`)).toMatchObject({ status: 503 });
    const { status, body } = await ask(`/api/v2/traces/${later[0]}`);
    expect([status, JSON.parse(body)]).toEqual([200, expect.objectContaining({ status: 'PARTIAL', message: expect.stringContaining('may be incomplete') })]);
    expect(await findTrace(vivace, later[0])).toHaveLength(SPANS_PER_TRACE);
    server.goOn();
    await expect.poll(() => vivace.get(`/api/v2/traces/${ids[0]}`), { timeout: SOON_MS }).toMatchObject({ status: 200 });
    await expectFound([...ids, ...later]);
  } finally {
    server.goOn();
  }
});

it('hedges reads when told to', async () => {
  vivace = await Vivace.create({ store: inS3(', hedge_requests_at: 1ms, hedge_requests_up_to: 2') });
  await vivace.start();
  const ids = await pushTraces(5);
  await vivace.flush();
  await expectFound(ids);
  const hedged = async () => Number(/^tempodb_backend_hedged_roundtrips_total (\d+)$/m.exec((await vivace.get('/metrics')).body)?.[1]);
  await expect.poll(hedged).toBeGreaterThan(0);
});

it('runs the file that people have for one process with S3', async () => {
  const file = fs.readFileSync(path.resolve(import.meta.dirname, '../../testdata/config/s3.yaml'), 'utf8');
  vivace = await Vivace.create({
    file: ({ dir, httpPort, grpcPort, otlpGrpcPort, otlpHttpPort }) =>
      [
        ['3200', `${httpPort}\n  grpc_listen_port: ${grpcPort}`],
        ['0.0.0.0:4317', `127.0.0.1:${otlpGrpcPort}`],
        ['0.0.0.0:4318', `127.0.0.1:${otlpHttpPort}`],
        ['minio:9000', server.settings.s3.endpoint],
        ['bucket: tempo', `bucket: ${BUCKET}\n      prefix: ${prefix}`],
        ['/var/tempo/wal', `${dir}/wal`],
      ].reduce((text, [theirs, ours]) => text.replace(theirs, ours), file),
    env: { AWS_ACCESS_KEY_ID: S3_KEYS.accessKey, AWS_SECRET_ACCESS_KEY: S3_KEYS.secretKey },
  });
  await vivace.start('-config.expand-env');
  const ids = await pushTraces(3);
  await vivace.flush();
  expect(await storedBlocks()).toHaveLength(1);
  await expectFound(ids);
});

it('says what is wrong and exits when the credentials are', async () => {
  vivace = await Vivace.create({ store: inS3().replace(S3_KEYS.secretKey, 'wrong-secret') });
  await expect(vivace.start()).rejects.toThrow(/SignatureDoesNotMatch[^]*check the credentials of storage\.trace\.s3/);
  expect(vivace.log).not.toContain('wrong-secret');
});
