import { AppError, createMemoryMetrics, silentLogger } from '@vivace/base';
import type { TenantId, Timers } from '@vivace/base';
import type { BlockMeta } from '@vivace/block';
import { legacyQuery } from '@vivace/query';
import { callOnce, decode, encode, localChannel } from '@vivace/rpc';
import { plainTraces, searchTexts, tableOf } from '@vivace/testkit';
import { orderByTrace, sortedTable, SpanTable } from '@vivace/trace';
import { parseQuery, printQuery } from '@vivace/traceql';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { FindTraceJob, SearchJob } from '../jobs.ts';
import type { TaskRunner } from '../task-runner.ts';
import { CacheOwners } from './cache-owners.ts';
import { createDispatcher } from './dispatcher.ts';
import { createFrontendWorker } from './frontend-worker.ts';
import type { FrontendWorker } from './frontend-worker.ts';
import { ALIVE_MS, ALIVE_PATH, packJob, packResult, unpackJob, unpackResult } from './wire.ts';

const WEIGHTS = { areUsed: true, ofRetries: true, maxConditions: 4, maxRegexConditions: 1 };
const T1 = 't1' as TenantId;
const T2 = 't2' as TenantId;

function searchJob(tenant: TenantId, text = '{}', limit = 1, blocks: SearchJob['sources']['blocks'] = []): SearchJob {
  return {
    sources: { tenant, tables: [], parts: [], blocks },
    request: { query: parseQuery(text), limit, spansPerSpanSet: 3, range: { startSec: 1, endSec: 2 }, legacy: false },
    floor: new BigUint64Array(1),
    maxGroups: 0,
  };
}

/** Answers with the limit that was asked for, as its count of traces. */
class FakeRunner {
  readonly taken: string[] = [];
  readonly affinities: (number | undefined)[] = [];
  fail: ((attempt: number) => Error | undefined) | undefined;
  hold: Promise<void> | undefined;
  running = 0;
  mostRunning = 0;
  aborted = 0;

  readonly run = (async (task: string, job: SearchJob, options: { signal?: AbortSignal; affinity?: number } = {}) => {
    this.affinities.push(options.affinity);
    this.taken.push(`${job.sources.tenant} ${task} ${job.request.limit}`);
    this.mostRunning = Math.max(this.mostRunning, ++this.running);
    options.signal?.addEventListener('abort', () => this.aborted++);
    try {
      await this.hold;
      const error = this.fail?.(this.taken.length);
      if (error) throw error;
      return { pieces: [], inspectedTraces: job.request.limit, inspectedSpans: 0, inspectedBytes: 0 };
    } finally {
      this.running--;
    }
  }) as unknown as TaskRunner['run'];
}

const workers: FrontendWorker[] = [];
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.stop()));
});

function setup(queriers: number, concurrency = 2, weights = WEIGHTS) {
  const waiting = new Set<() => void>();
  const timers: Timers = {
    after(_ms, run) {
      waiting.add(run);
      return () => waiting.delete(run);
    },
  };
  /** Lets all times pass. */
  const late = (): void => {
    for (const run of [...waiting]) {
      waiting.delete(run);
      run();
    }
  };
  let nowMs = 0;
  const metrics = createMemoryMetrics();
  const clock = { now: () => nowMs };
  const dispatcher = createDispatcher({ maxRetries: 2, weights, maxResultBytes: 10_000_000, timers, clock, logger: silentLogger, metrics });
  const runners = Array.from({ length: queriers }, () => new FakeRunner());
  const connect = async (runner: FakeRunner): Promise<FrontendWorker> => {
    const worker = createFrontendWorker({
      querierId: `q${runners.indexOf(runner)}`,
      frontends: async () => ['frontend'],
      refreshMs: 60_000,
      channel: () => localChannel(dispatcher.methods),
      concurrency,
      runner,
      maxJobBytes: 10_000_000,
      delay: (_ms, signal) => new Promise((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true }))),
      clock: { now: () => 0 },
      logger: silentLogger,
    });
    workers.push(worker);
    await worker.start();
    return worker;
  };
  const search = (tenant: TenantId, limit = 1, signal?: AbortSignal) =>
    dispatcher.runner.run('search', searchJob(tenant, '{}', limit), signal ? { signal } : {});
  const { signal: query } = new AbortController();
  /** A job of one query, over a block that belongs in the cache of one querier. */
  const read = (affinity: number, limit = 1) =>
    dispatcher.runner.run('search', searchJob(T1, '{}', limit, [{ meta: { blockId: 'b' } as BlockMeta, from: 0, to: 1 }]), { affinity, signal: query });
  const isAlive = (i: number) => callOnce(localChannel(dispatcher.methods), ALIVE_PATH, encode({ querierId: `q${i}` }));
  return { dispatcher, runners, metrics, connect, search, read, late, isAlive, pass: (ms: number) => void (nowMs += ms) };
}

describe('a dispatcher and its queriers', () => {
  it('do jobs, each once, as many at a time as there are streams', async () => {
    const { dispatcher, runners, connect, search } = setup(2, 3);
    for (const runner of runners) await connect(runner);
    await expect.poll(() => dispatcher.streams).toBe(6);
    const results = await Promise.all(Array.from({ length: 40 }, (_, i) => search(T1, i)));
    expect(results.map((r) => r.inspectedTraces)).toEqual(Array.from({ length: 40 }, (_, i) => i));
    expect(runners.flatMap((r) => r.taken)).toHaveLength(40);
    for (const runner of runners) expect(runner.mostRunning).toBeLessThanOrEqual(3);
  });

  it('wait for a querier to come', async () => {
    const { runners, connect, search } = setup(1);
    const result = search(T1, 7);
    await connect(runners[0]);
    expect((await result).inspectedTraces).toBe(7);
  });

  it('serve tenants in turn', async () => {
    const { runners, connect, search } = setup(1, 1);
    const many = Array.from({ length: 10 }, () => search(T1));
    const one = search(T2, 5);
    await connect(runners[0]);
    await one;
    expect(runners[0].taken.indexOf('t2 search 5')).toBeLessThanOrEqual(1);
    await Promise.all(many);
  });

  it('serve queries of a tenant in turn', async () => {
    const { runners, connect, search } = setup(1, 1);
    const month = new AbortController();
    const many = Array.from({ length: 10 }, () => search(T1, 1, month.signal));
    const one = search(T1, 5, new AbortController().signal);
    await connect(runners[0]);
    await one;
    expect(runners[0].taken.indexOf('t1 search 5')).toBeLessThanOrEqual(1);
    await Promise.all(many);
  });

  it('give a job to another querier when one fails or goes away', async () => {
    const { dispatcher, runners, connect, search } = setup(2, 1);
    const never = Promise.withResolvers<void>();
    runners[0].hold = never.promise;
    const first = await connect(runners[0]);
    const result = search(T1, 3);
    await expect.poll(() => runners[0].running).toBe(1);
    await connect(runners[1]);
    await first.stop();
    expect((await result).inspectedTraces).toBe(3);
    expect(runners[1].taken).toEqual(['t1 search 3']);
    expect(runners[0].aborted).toBe(1);
    await expect.poll(() => dispatcher.streams).toBe(1);
  });

  it('give what a silent querier has to another, and nothing new to it until it is heard of again', async () => {
    const { dispatcher, runners, connect, search, late, isAlive } = setup(3, 2);
    const stopped = Promise.withResolvers<void>();
    runners[0].hold = stopped.promise;
    await connect(runners[0]);
    await isAlive(0);
    const alone = search(T1, 1);
    await expect.poll(() => runners[0].running).toBe(1);
    for (let i = 0; i < 10; i++) late();
    expect(runners[0].aborted, 'there is no other').toBe(0);
    // One that never says so, as one of an older version, is not taken for silent.
    await connect(runners[1]);
    await expect.poll(() => dispatcher.streams).toBe(4);
    late();
    expect((await alone).inspectedTraces).toBe(1);
    expect(runners[1].taken).toEqual(['t1 search 1']);
    await expect.poll(() => runners[0].aborted).toBe(1);
    await Promise.all(Array.from({ length: 6 }, () => search(T1, 2)));
    expect(runners[0].taken).toEqual(['t1 search 1']);
    stopped.resolve();
    await isAlive(0);
    const held = Promise.withResolvers<void>();
    runners[1].hold = held.promise;
    const more = Array.from({ length: 3 }, () => search(T1, 3));
    await expect.poll(() => runners[0].taken.length).toBeGreaterThan(1);
    held.resolve();
    await Promise.all(more);
  });

  it('leave with a silent querier what may not be tried once more', async () => {
    const { dispatcher, runners, connect, search, late, isAlive } = setup(4, 1);
    const away = (): Error => new AppError('unavailable', 'store is away');
    [runners[1].fail, runners[2].fail] = [away, away];
    const stopped = Promise.withResolvers<void>();
    runners[0].hold = stopped.promise;
    for (const i of [1, 2, 0]) await connect(runners[i]);
    await expect.poll(() => dispatcher.streams).toBe(3);
    await isAlive(0);
    const result = search(T1, 7);
    await expect.poll(() => runners[0].running).toBe(1);
    await connect(runners[3]);
    await expect.poll(() => dispatcher.streams).toBe(4);
    for (let i = 0; i < 5; i++) {
      late();
      await isAlive(3);
    }
    stopped.resolve();
    expect((await result).inspectedTraces).toBe(7);
    expect(runners[0].aborted).toBe(0);
    expect(runners[3].taken).toEqual([]);
  });

  it('hear of a querier again and again, one call at a time', async () => {
    const next: (() => void)[] = [];
    const answers: (() => void)[] = [];
    const worker = createFrontendWorker({
      querierId: 'q',
      frontends: async () => ['frontend'],
      refreshMs: 60_000,
      channel: () =>
        localChannel([
          {
            path: ALIVE_PATH,
            async handle({ request, send }) {
              expect(decode(request)).toEqual({ querierId: 'q' });
              await new Promise<void>((resolve) => answers.push(resolve));
              await send(new Uint8Array());
              return { code: 0, details: '' };
            },
          },
        ]),
      concurrency: 1,
      runner: new FakeRunner(),
      maxJobBytes: 1,
      delay: (ms, signal) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => resolve(), { once: true });
          if (ms === ALIVE_MS) next.push(resolve);
        }),
      clock: { now: () => 0 },
      logger: silentLogger,
    });
    workers.push(worker);
    const second = (): void => {
      for (const resolve of next.splice(0)) resolve();
    };
    await worker.start();
    await expect.poll(() => answers.length).toBe(1);
    second();
    await expect.poll(() => next.length).toBe(1);
    expect(answers, 'the first waits still').toHaveLength(1);
    answers[0]();
    await expect
      .poll(() => {
        second();
        return answers.length;
      })
      .toBe(2);
    answers[1]();
  });

  it('retry what may go well elsewhere, so often, and nothing else', async () => {
    const { runners, connect, search } = setup(1);
    await connect(runners[0]);
    runners[0].fail = (attempt) => (attempt < 3 ? new AppError('unavailable', 'store is away') : undefined);
    expect((await search(T1, 4)).inspectedTraces).toBe(4);
    runners[0].taken.length = 0;
    runners[0].fail = () => new AppError('unavailable', 'store is away');
    await expect(search(T1)).rejects.toMatchObject({ code: 'unavailable', message: 'store is away' });
    expect(runners[0].taken).toHaveLength(3);
    runners[0].taken.length = 0;
    runners[0].fail = () => new AppError('invalid_argument', 'no such thing');
    await expect(search(T1)).rejects.toMatchObject({ code: 'invalid_argument', message: 'no such thing' });
    expect(runners[0].taken).toHaveLength(1);
  });

  it('have the blocks of a job in one cache: the same querier does it, or another when that is busy or gone', async () => {
    const { dispatcher, runners, connect, read } = setup(3, 2);
    const workers = await Promise.all(runners.map(connect));
    await expect.poll(() => dispatcher.streams).toBe(6);
    expect(dispatcher.queriers).toBe(3);
    const doneBy = (limit: number): number => runners.findIndex(({ taken }) => taken.includes(`t1 search ${limit}`));
    for (let affinity = 0; affinity < 30; affinity++) for (const turn of [0, 100]) await read(affinity, affinity + turn);
    const owners = Array.from({ length: 30 }, (_, affinity) => doneBy(affinity));
    expect(Array.from({ length: 30 }, (_, affinity) => doneBy(affinity + 100))).toEqual(owners);
    expect(new Set(owners).size).toBe(3);
    for (const { affinities } of runners) {
      const threads = affinities.map((affinity) => affinity! % 2);
      expect(
        threads.filter((_, i) => i % 2 === 0),
        'the same thread both times',
      ).toEqual(threads.filter((_, i) => i % 2 === 1));
      expect(new Set(threads).size, 'all threads have some').toBe(2);
    }

    const [owner] = owners;
    const busy = Promise.withResolvers<void>();
    runners[owner].hold = busy.promise;
    const held = [read(0, 200), read(0, 201)];
    await expect.poll(() => runners[owner].running).toBe(2);
    await read(0, 202);
    expect(doneBy(202), 'nobody waits while somebody could work').not.toBe(owner);
    busy.resolve();
    await Promise.all(held);

    await workers[owner].stop();
    await expect.poll(() => dispatcher.queriers).toBe(2);
    await read(0, 300);
    const heir = doneBy(300);
    for (let turn = 1; turn < 5; turn++) await read(0, 300 + turn);
    expect([1, 2, 3, 4].map((turn) => doneBy(300 + turn))).toEqual([heir, heir, heir, heir]);
  });

  it('take of what waits rather what they have in their caches', async () => {
    const { dispatcher, runners, connect, read } = setup(2, 1);
    const gates = runners.map((runner) => {
      const gate = Promise.withResolvers<void>();
      runner.hold = gate.promise;
      return gate;
    });
    for (const runner of runners) await connect(runner);
    await expect.poll(() => dispatcher.streams).toBe(2);
    const first = [read(0, 1_000), read(1, 1_001)];
    await expect.poll(() => runners.map(({ running }) => running)).toEqual([1, 1]);
    const waiting = Array.from({ length: 24 }, (_, i) => read(i % 12, i));
    for (const gate of gates) gate.resolve();
    await Promise.all([...first, ...waiting]);
    const owners = new CacheOwners();
    runners.forEach((_, i) => owners.add(`q${i}`));
    runners.forEach(({ taken }, i) => {
      const areOwn = taken.slice(1).map((one) => owners.ownerOf(`t1\0${Number(one.split(' ')[2]) % 12}`) === `q${i}`);
      expect(areOwn, 'own ones first, then the rest of the other').toEqual(areOwn.toSorted((a, b) => Number(b) - Number(a)));
      expect(areOwn[0]).toBe(true);
    });
  });

  it('give a failed job to another querier, be it busy, as long as there is one that has not failed it', async () => {
    const { dispatcher, runners, metrics, connect, search } = setup(2, 2);
    const [bad, good] = runners;
    bad.fail = () => new AppError('unavailable', 'store is away');
    await connect(bad);
    await connect(good);
    await expect.poll(() => dispatcher.streams).toBe(4);
    const busy = Promise.withResolvers<void>();
    good.hold = busy.promise;
    const results = Array.from({ length: 6 }, (_, i) => search(T1, i));
    await expect.poll(() => bad.taken.length + good.taken.length).toBe(6);
    expect(bad.taken.length, 'once each, and not again').toBe(4);
    expect(new Set(bad.taken).size).toBe(4);
    busy.resolve();
    expect((await Promise.all(results)).map((r) => r.inspectedTraces)).toEqual([0, 1, 2, 3, 4, 5]);
    expect([...good.taken].sort()).toEqual(Array.from({ length: 6 }, (_, i) => `t1 search ${i}`));
    expect([metrics.value('tempo_query_frontend_retries'), metrics.sum('tempo_query_frontend_retries')]).toEqual([6, 4]);
  });

  it('give a failed job back to the only one there is', async () => {
    const { dispatcher, runners, connect, search } = setup(2, 1);
    const [bad, other] = runners;
    bad.fail = (attempt) => (attempt === 1 ? new AppError('unavailable', 'store is away') : undefined);
    await connect(bad);
    const worker = await connect(other);
    await expect.poll(() => dispatcher.streams).toBe(2);
    const busy = Promise.withResolvers<void>();
    other.hold = busy.promise;
    const results = [search(T1, 1), search(T1, 2)];
    await expect.poll(() => [bad.taken.length, other.taken.length]).toEqual([1, 1]);
    await worker.stop();
    expect((await Promise.all(results)).map((r) => r.inspectedTraces)).toEqual([1, 2]);
    busy.resolve();
  });

  it.each([true, false])('let a tenant wait longer after a repeated job, if so wanted: %s', async (ofRetries) => {
    const { runners, connect, search } = setup(1, 1, { ...WEIGHTS, ofRetries });
    runners[0].fail = (attempt) => (attempt === 1 || attempt === 3 ? new AppError('unavailable', 'store is away') : undefined);
    const results = [1, 2].map((n) => search(T1, n)).concat([4, 5, 6, 7, 8, 9].map((n) => search(T2, n)));
    await connect(runners[0]);
    await Promise.all(results);
    const order = runners[0].taken.map((one) => one.split(' ')[2]).join('');
    expect(order).toBe(ofRetries ? '1425167289' : '1425162789');
  });

  it('show what waits by tenant, and for how long', async () => {
    const { runners, metrics, connect, search, pass } = setup(1, 1);
    const length = (user: string) => (metrics.collect(), metrics.value('tempo_query_frontend_queue_length', { user }));
    const results = [search(T1), search(T1), search(T2)];
    expect([length('t1'), length('t2')]).toEqual([2, 1]);
    pass(3_000);
    await connect(runners[0]);
    await Promise.all(results);
    expect([length('t1'), length('t2')]).toEqual([0, 0]);
    const durations = 'tempo_query_frontend_queue_duration_seconds';
    expect([metrics.value(durations), metrics.sum(durations)]).toEqual([3, 9]);
  });

  it('let go of a cancelled job, and the querier takes the next', async () => {
    const { runners, connect, search } = setup(1, 1);
    await connect(runners[0]);
    const release = Promise.withResolvers<void>();
    runners[0].hold = release.promise;
    const stop = new AbortController();
    const running = search(T1, 1, stop.signal);
    const waiting = search(T1, 2, stop.signal);
    await expect.poll(() => runners[0].running).toBe(1);
    stop.abort();
    await expect(running).rejects.toMatchObject({ code: 'canceled' });
    await expect(waiting).rejects.toMatchObject({ code: 'canceled' });
    await expect.poll(() => runners[0].aborted).toBe(1);
    release.resolve();
    expect((await search(T1, 3)).inspectedTraces).toBe(3);
    expect(runners[0].taken).toEqual(['t1 search 1', 't1 search 3']);
  });
});

describe('a dispatcher without queriers', () => {
  it('says so after a while', async () => {
    const { runners, connect, search, late } = setup(1);
    const lost = search(T1);
    late();
    await expect(lost).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining('no querier is connected') as string });
    const found = search(T1, 3);
    await connect(runners[0]);
    await expect.poll(() => runners[0].taken).toEqual(['t1 search 3']);
    late();
    expect((await found).inspectedTraces).toBe(3);
  });
});

describe('a dispatcher that stops', () => {
  it('lets the jobs under way end, takes no more, and lets the queriers go', async () => {
    const { dispatcher, runners, connect, search } = setup(1, 1);
    await connect(runners[0]);
    const release = Promise.withResolvers<void>();
    runners[0].hold = release.promise;
    const running = search(T1, 1);
    const waiting = search(T1, 2);
    await expect.poll(() => runners[0].running).toBe(1);
    const stopped = dispatcher.stop(60_000);
    await expect(search(T1, 3)).rejects.toMatchObject({ code: 'unavailable' });
    release.resolve();
    expect((await Promise.all([running, waiting])).map(({ inspectedTraces }) => inspectedTraces)).toEqual([1, 2]);
    await stopped;
    await expect.poll(() => dispatcher.streams).toBe(0);
  });

  it('gives up what takes too long', async () => {
    const { dispatcher, runners, connect, search, late } = setup(1, 1);
    await connect(runners[0]);
    const release = Promise.withResolvers<void>();
    runners[0].hold = release.promise;
    const running = expect(search(T1, 1)).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining('shutting down') as string });
    const waiting = expect(search(T1, 2)).rejects.toMatchObject({ code: 'unavailable' });
    await expect.poll(() => runners[0].running).toBe(1);
    const stopped = dispatcher.stop(60_000);
    late();
    await Promise.all([stopped, running, waiting]);
    release.resolve();
  });
});

describe('what queriers found of a trace', () => {
  it('is joined where it was asked for, copies once', async () => {
    const [[trace]] = fc.sample(plainTraces(), { numRuns: 1, seed: 5 });
    const table = tableOf([trace]);
    const piece = sortedTable(table, orderByTrace(table)).handle();
    const { dispatcher } = setup(0);
    const job: FindTraceJob = { sources: { tenant: T1, tables: [piece, piece], parts: [], blocks: [] }, traceId: new Uint8Array(16) };
    const { trace: whole } = await dispatcher.runner.run('findTrace', job);
    expect(new SpanTable({}, whole).spanCount).toBe(new SpanTable({}, piece).spanCount);
    expect(whole).not.toBe(piece);
  });
});

describe('the wire', () => {
  it('carries queries as their text, tag searches too', () => {
    fc.assert(
      fc.property(searchTexts, (text) => {
        const job = searchJob(T1, text, 9);
        const { request, sources } = unpackJob(packJob(job)) as SearchJob;
        expect(printQuery(request.query)).toBe(printQuery(job.request.query));
        expect(request).toMatchObject({ limit: 9, spansPerSpanSet: 3, range: { startSec: 1, endSec: 2 } });
        expect(sources).toMatchObject({ tenant: T1, blocks: [] });
      }),
    );
    const legacy = legacyQuery(
      new Map([
        ['service.name', 'a"b\\c.*'],
        ['http.status_code', '500'],
      ]),
      5n,
      10n,
    );
    expect(printQuery(parseQuery(printQuery(legacy)))).toBe(printQuery(legacy));
  });

  it('carries a found trace', () => {
    const [[trace]] = fc.sample(plainTraces(), { numRuns: 1, seed: 5 });
    const table = tableOf([trace]);
    const handle = sortedTable(table, orderByTrace(table)).handle();
    const { trace: got, inspectedBytes } = unpackResult('findTrace', packResult('findTrace', { trace: handle, inspectedBytes: 5 })) as {
      trace: typeof handle;
      inspectedBytes: number;
    };
    expect(inspectedBytes).toBe(5);
    expect(new SpanTable({}, got).spanCount).toBe(new Set(trace.spans.map(({ spanId, kind }) => `${spanId} ${kind}`)).size);
    expect(unpackResult('findTrace', packResult('findTrace', { trace: undefined, inspectedBytes: 1 }))).toEqual({ trace: undefined, inspectedBytes: 1 });
    const several = [
      { trace: undefined, inspectedBytes: 1 },
      { trace: undefined, inspectedBytes: 2 },
    ];
    expect(unpackResult('findTrace', decode(encode(packResult('findTrace', several))))).toEqual(several);
    const job: FindTraceJob = { sources: { tenant: T1, tables: [], parts: [], blocks: [] }, traceId: new Uint8Array(16).fill(3) };
    expect((unpackJob(packJob(job)) as FindTraceJob).traceId).toEqual(job.traceId);
  });
});
