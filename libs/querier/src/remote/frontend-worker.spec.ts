import { AppError, createMemoryLogger, createMemoryMetrics, silentLogger } from '@vivace/base';
import { localChannel } from '@vivace/rpc';
import { expect, it } from 'vitest';
import { createDispatcher } from './dispatcher.ts';
import { createFrontendWorker } from './frontend-worker.ts';
import { WORK_PATH } from './wire.ts';

it.each([
  ['its share of what it may do at a time', 4, undefined, 4],
  ['one at least', 1, undefined, 2],
  ['querier.frontend_worker.parallelism', 4, 3, 6],
])('a querier takes of each of two frontends: %s', async (_name, concurrency, perFrontend, streams) => {
  const dispatcher = createDispatcher({
    maxRetries: 0,
    weights: { areUsed: false, ofRetries: false, maxConditions: 0, maxRegexConditions: 0 },
    maxResultBytes: 1_000,
    timers: { after: () => () => undefined },
    clock: { now: () => 0 },
    logger: silentLogger,
    metrics: createMemoryMetrics(),
  });
  const worker = createFrontendWorker({
    querierId: 'q',
    frontends: async () => ['a', 'b'],
    refreshMs: 60_000,
    channel: () => localChannel(dispatcher.methods),
    concurrency,
    perFrontend,
    runner: { run: () => Promise.reject(new Error('no job')) },
    maxJobBytes: 1_000,
    delay: (_ms, signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve())),
    clock: { now: () => 0 },
    logger: silentLogger,
  });
  await worker.start();
  await expect.poll(() => dispatcher.streams).toBe(streams);
  await worker.stop();
});

it('a querier tells of a frontend that it cannot reach, seldom', async () => {
  const logger = createMemoryLogger();
  let attempts = 0;
  let nowMs = 0;
  const worker = createFrontendWorker({
    querierId: 'q',
    frontends: async () => ['a'],
    refreshMs: 60_000,
    channel: () => ({
      ...localChannel([]),
      async *call(path: string) {
        if (path === WORK_PATH) nowMs = ++attempts < 20 ? 0 : 10_000;
        throw new AppError('unavailable', 'a: it wants a certificate');
      },
    }),
    concurrency: 1,
    perFrontend: undefined,
    runner: { run: () => Promise.reject(new Error('no job')) },
    maxJobBytes: 1_000,
    delay: (ms, signal) => new Promise((resolve) => (ms < 1_000 && attempts < 20 ? setImmediate(resolve) : signal.addEventListener('abort', () => resolve()))),
    clock: { now: () => nowMs },
    logger,
  });
  await worker.start();
  const told = () => logger.entries.filter(({ level }) => level === 'warn').map(({ fields }) => fields);
  await expect.poll(() => attempts).toBe(20);
  await worker.stop();
  const err = 'a: it wants a certificate';
  expect(told()).toEqual([
    { frontend: 'a', err, times: 1 },
    { frontend: 'a', err, times: 19 },
  ]);
});
