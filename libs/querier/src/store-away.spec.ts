import { AppError, createMemoryMetrics, silentLogger } from '@vivace/base';
import type { TenantId } from '@vivace/base';
import type { BlockMeta } from '@vivace/block';
import { plainTraces, tableOf } from '@vivace/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findTrace } from './find-trace.ts';
import type { FindTraceJob, FindTraceResult, HeldJob, JobSources } from './jobs.ts';
import type { BlockReaders } from './open-sources.ts';
import { QUERIER_SETTINGS } from './querier-settings.fixture.ts';
import { createQuerier } from './querier.ts';
import type { QuerierDeps } from './querier.ts';

// What queries do while blocks cannot be read. Searches: `copies/copies.prop.spec.ts`.

const T = 't' as TenantId;
const [TRACE] = fc.sample(
  plainTraces().filter(({ length }) => length > 0),
  { numRuns: 1, seed: 3 },
)[0];
const ID = Uint8Array.from(Buffer.from(TRACE.traceId, 'hex'));
const away = () => new AppError('unavailable', 's3 bucket traces is away', { reason: 'store_away' });
const block = (blockId: string) => ({ blockId, size: 10, totalRecords: 1 }) as BlockMeta; // all that dividing looks at
const signal = new AbortController().signal;

type Run = (task: string, job: FindTraceJob | HeldJob) => Promise<unknown>;

/** A query frontend over blocks `b1` and `b2`. */
function frontend(run: Run) {
  const jobs: [string, JobSources][] = [];
  const blocks = [block('b1'), block('b2')];
  const deps = {
    ...QUERIER_SETTINGS,
    recent: { recent: () => ({ tables: [], parts: [], isElsewhere: true, release: () => undefined }) },
    blocks: {
      blocksInRange: () => blocks,
      coveredBlocks: () => ['b1', 'b2'],
      withoutHeld: (_tenant, _startSec, _endSec, held) => {
        const left = blocks.filter(({ blockId }) => !held.has(blockId));
        return { blocks: left, covered: left.map(({ blockId }) => blockId) };
      },
    },
    pool: {
      run: (async (task: string, job: FindTraceJob | HeldJob) => {
        jobs.push([task, job.sources]);
        return run(task, job);
      }) as never,
    },
    threads: 1,
    traceByIdTimeoutMs: 10_000,
    clock: { now: () => 0 },
    logger: silentLogger,
    metrics: createMemoryMetrics(),
  } satisfies Partial<QuerierDeps>;
  return { querier: createQuerier(deps), jobs };
}

const trace = (): FindTraceResult => ({ trace: tableOf([TRACE]).handle(), inspectedBytes: 1 });
const nothing: FindTraceResult = { trace: undefined, inspectedBytes: 0 };

describe('a trace that is asked for while blocks cannot be read', () => {
  /** Ingesters hold the trace, and the blocks `held`. */
  const answer =
    (held: readonly string[], found: FindTraceResult): Run =>
    async (task, job) => {
      if (task === 'held') return [held, []];
      const { isElsewhere, blocks } = job.sources;
      if (isElsewhere) return [found];
      if (!(job as FindTraceJob).inPart) throw away();
      return { ...nothing, unread: { blocks: blocks.length, why: away().message } };
    };

  it('is whole when ingesters still hold what is in the blocks', async () => {
    const { querier, jobs } = frontend(answer(['b1', 'b2'], trace()));
    const found = await querier.findTrace(T, ID, undefined);
    expect([found.trace?.traceCount, found.partialMessage]).toEqual([1, undefined]);
    const last = jobs.at(-1)![1];
    expect([last.covered, last.isStoreAway]).toEqual([[], true]);
  });

  it('is not there when they do and do not have it', async () => {
    const { querier } = frontend(answer(['b1', 'b2'], nothing));
    expect((await querier.findTrace(T, ID, undefined)).trace).toBeUndefined();
  });

  it('is answered in part, with the reason, where the caller can be told', async () => {
    const { querier, jobs } = frontend(answer(['b1'], trace()));
    const found = await querier.findTrace(T, ID, undefined, { inPart: true });
    expect(found.trace?.traceCount).toBe(1);
    const [recent, stored] = jobs.slice(-2).map(([, sources]) => sources);
    expect([recent.covered, stored.blocks.map(({ meta }) => meta.blockId)], 'all that ingesters have, and what they have not').toEqual([[], ['b2']]);
    expect(found.partialMessage).toBe('the trace may be incomplete, 1 of the stored blocks could not be read: s3 bucket traces is away');
    await expect(querier.findTrace(T, ID, undefined)).rejects.toMatchObject({ code: 'unavailable', reason: 'store_away' });
  });

  it('is not said to be absent', async () => {
    const { querier } = frontend(answer([], nothing));
    await expect(querier.findTrace(T, ID, undefined, { inPart: true })).rejects.toMatchObject({
      code: 'unavailable',
      message: '2 of the stored blocks could not be read: s3 bucket traces is away',
    });
  });

  it('fails as before when something else is wrong', async () => {
    const { querier, jobs } = frontend(() => Promise.reject(new AppError('unavailable', 'recent data is not complete')));
    await expect(querier.findTrace(T, ID, undefined, { inPart: true })).rejects.toThrow('recent data is not complete');
    expect(jobs.map(([task]) => task)).not.toContain('held');
  });
});

describe('findTrace', () => {
  const sources: JobSources = { tenant: T, tables: [], parts: [], blocks: ['b1', 'b2', 'b3'].map((id) => ({ meta: block(id), from: 0, to: 1 })) };
  const readers = (reason: Error): BlockReaders => ({
    parts: new Map(),
    open: async (_, { meta }) => {
      if (meta.blockId !== 'b2') throw reason;
      return { findTrace: async () => undefined } as never;
    },
  });

  it('counts blocks that cannot be read when it may', async () => {
    expect(await findTrace({ sources, traceId: ID, inPart: true }, readers(away()), signal)).toEqual({
      ...nothing,
      unread: { blocks: 2, why: 's3 bucket traces is away' },
    });
    await expect(findTrace({ sources, traceId: ID }, readers(away()), signal)).rejects.toMatchObject({ reason: 'store_away' });
  });

  it('never does without a block that is damaged', async () => {
    const damaged = new AppError('data_loss', 'bad page');
    await expect(findTrace({ sources, traceId: ID, inPart: true }, readers(damaged), signal)).rejects.toBe(damaged);
  });
});
