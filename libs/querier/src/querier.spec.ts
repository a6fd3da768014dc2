import { AppError, createMemoryLogger, createMemoryMetrics } from '@vivace/base';
import type { TenantId } from '@vivace/base';
import type { BlockMeta } from '@vivace/block';
import type { MetricsRequest, SearchRequest, SearchResponse, TagValuesRequest, TracePiece } from '@vivace/query';
import { parseQuery } from '@vivace/traceql';
import { describe, expect, it } from 'vitest';
import type { TagValuesJob } from './jobs.ts';
import { QUERIER_SETTINGS } from './querier-settings.fixture.ts';
import { createQuerier } from './querier.ts';
import type { QuerierDeps } from './querier.ts';

const TENANT = 't' as TenantId;
const REQUEST: TagValuesRequest = { tag: { kind: 'attribute', scope: 'span', key: 'x' } as never, query: undefined, range: undefined, limit: 0 };
const MIB = 1_048_576;

interface Call {
  readonly task: string;
  readonly job: TagValuesJob;
  readonly signal: AbortSignal;
}

/** A querier over three blocks of 1 MiB and four row groups; `run` stands for the worker threads. */
function setUp(run: (call: Call, index: number) => Promise<unknown>, overrides: Partial<QuerierDeps> = {}) {
  const calls: Call[] = [];
  const asked: [number, number][] = [];
  const metrics = createMemoryMetrics();
  const logger = createMemoryLogger();
  const querier = createQuerier({
    ...QUERIER_SETTINGS,
    recent: { recent: () => ({ tables: [], parts: [], release: () => undefined }) },
    blocks: {
      blocksInRange(_tenant, startSec, endSec) {
        asked.push([startSec, endSec]);
        return Array.from({ length: 3 }, (_, i) => ({ blockId: String(i), size: MIB, totalRecords: 4 }) as never); // all that dividing looks at
      },
      coveredBlocks: () => [],
      withoutHeld: () => ({ blocks: [], covered: [] }),
    },
    pool: {
      run: ((task: string, job: TagValuesJob, { signal }: { signal: AbortSignal }) => {
        const call = { task, job, signal };
        calls.push(call);
        return run(call, calls.length - 1);
      }) as never,
    },
    threads: 4,
    clock: { now: () => 10_000_000 },
    logger,
    metrics,
    ...overrides,
  });
  return { querier, calls, asked, metrics, logger };
}

const values = (...texts: string[]) => Promise.resolve({ values: texts.map((value) => ({ type: 'string', value })), inspectedBytes: 1 });

describe('createQuerier', () => {
  it('tells of a trace that is cut, whoever cut it', async () => {
    const cut = setUp(() => Promise.resolve({ trace: undefined, inspectedBytes: 0, isCut: true }), { maxTraceBytes: () => 7 });
    const partialMessage = 'Trace exceeds maximum size of 7 bytes, a partial trace is returned';
    expect(await cut.querier.findTrace(TENANT, new Uint8Array(16), undefined)).toEqual({ trace: undefined, inspectedBytes: 0, partialMessage });
    expect(cut.calls[0].job).toMatchObject({ maxBytes: 7 });
    const whole = setUp(() => Promise.resolve({ trace: undefined, inspectedBytes: 0 }), { maxTraceBytes: () => 7 });
    expect(await whole.querier.findTrace(TENANT, new Uint8Array(16), undefined)).toEqual({ trace: undefined, inspectedBytes: 0 });
  });

  const ADVICE = 'ask for a shorter range, or for less in it';
  it.each([
    [{ maxBytes: 1, maxSpans: 0, maxGroups: 0 }, `query read 2 bytes, the limit is 1 (querier.max_bytes_per_query): ${ADVICE}`],
    [{ maxBytes: 2, maxSpans: 9, maxGroups: 0 }, `query read 10 spans, the limit is 9 (querier.max_spans_per_query): ${ADVICE}`],
  ])('ends all jobs of a query that reads more than %o', async (queryLimits, message) => {
    const read = { values: [], inspectedBytes: 1, inspectedSpans: 5 };
    const { querier, calls } = setUp((_, i) => (i < 2 ? Promise.resolve(read) : new Promise(() => undefined)), { queryLimits });
    await expect(querier.tagValues(TENANT, REQUEST)).rejects.toMatchObject({ code: 'invalid_argument', message });
    expect(calls[2].signal.aborted).toBe(true);
    const { querier: enough } = setUp(() => Promise.resolve(read), { queryLimits: { maxBytes: 3, maxSpans: 15, maxGroups: 0 } });
    expect(await enough.tagValues(TENANT, REQUEST)).toMatchObject({ inspectedBytes: 3 });
  });

  it.each([
    [undefined, { startSec: 6_400, endSec: 9_970 }],
    [
      { startSec: 9_000, endSec: 10_001 },
      { startSec: 9_000, endSec: 9_970 },
    ],
    [
      { startSec: 9_000, endSec: 9_950 },
      { startSec: 9_000, endSec: 9_950 },
    ],
    [
      { startSec: 9_980, endSec: 10_000 },
      { startSec: 9_970, endSec: 9_970 },
    ],
  ])('leaves out what is younger than query_frontend.query_end_cutoff: %o', async (range, seen) => {
    const { querier, calls } = setUp(() => values('v'), { endCutoffMs: 30_000 });
    await querier.tagValues(TENANT, { ...REQUEST, range });
    expect(calls[0].job.request.range).toEqual(seen);
  });

  it('reads the values of a tag from the newest blocks only, as many of each tenant as it may', async () => {
    const blocks = {
      blocksInRange: () => [2, 3, 1].map((i) => ({ blockId: String(i), size: MIB, totalRecords: 4, endMs: i })) as unknown as BlockMeta[],
      coveredBlocks: () => [],
      withoutHeld: () => ({ blocks: [], covered: [] }),
    };
    const { querier, calls } = setUp(() => values('v'), { blocks, maxTagValueBlocks: (tenant) => (tenant === 'a' ? 2 : 1) });
    await querier.tagValues('a|b' as TenantId, REQUEST);
    const read = calls.flatMap(({ job }) => job.sources.blocks.map(({ meta }) => job.sources.tenant + meta.blockId));
    expect(read.sort()).toEqual(['a2', 'a3', 'b3']);
    calls.length = 0;
    await querier.tags('a' as TenantId, { scope: undefined, query: undefined, range: undefined, limit: 0 }).catch(() => undefined);
    expect(calls.flatMap(({ job }) => job.sources.blocks)).toHaveLength(3);
  });

  it('divides blocks into jobs by size and merges their answers', async () => {
    const { querier, calls } = setUp((_, i) => values(`v${i}`));
    expect(await querier.tagValues(TENANT, REQUEST)).toEqual({
      values: ['v0', 'v1', 'v2'].map((value) => ({ type: 'string', value })),
      inspectedBytes: 3,
    });
    expect(calls.map(({ job }) => job.sources.blocks.map(({ from, to }) => to - from))).toEqual([[4], [4], [4]]);
    const small = setUp((_, i) => values(`v${i}`), { searchJobs: { maxPerQuery: 100, targetBytes: MIB / 2 } });
    await small.querier.tagValues(TENANT, REQUEST);
    expect(small.calls).toHaveLength(6);
  });

  it('divides metrics queries by their own size, and runs as many of their jobs as they may', async () => {
    const query = parseQuery('{ } | rate()');
    const request: MetricsRequest = { query, startNs: 1_000_000_000n, endNs: 2_000_000_000n, stepNs: 1_000_000_000n, exemplars: 0, maxSeries: 0 };
    const { querier, calls } = setUp(() => new Promise(() => undefined), { metricsJobs: { maxPerQuery: 4, targetBytes: MIB / 2 } });
    void querier.queryRange(TENANT, request);
    void querier.queryInstant(TENANT, request);
    await Promise.resolve();
    expect(calls.map(({ job }) => job.sources.blocks.map(({ from, to }) => to - from))).toEqual(Array.from({ length: 8 }, () => [2]));
  });

  it('asks every tenant of a query, and lets go of the recent data of each', async () => {
    const released: string[] = [];
    const recent = (tenant: TenantId) => ({ tables: [], parts: tenant === 'b' ? ['b/part'] : [], release: () => released.push(tenant) });
    const { querier, calls } = setUp((_, i) => values(`v${i % 4}`), { recent: { recent } });
    const answer = await querier.tagValues('a|b' as TenantId, REQUEST);
    expect(calls.map(({ job: { sources } }) => [sources.tenant, sources.parts.length, sources.blocks.length])).toEqual([
      ['b', 1, 0],
      ...['a', 'a', 'a', 'b', 'b', 'b'].map((tenant) => [tenant, 0, 1]),
    ]);
    expect(answer.values.map(({ value }) => value)).toEqual(['v0', 'v1', 'v2', 'v3']);
    expect(released).toEqual(['a', 'b']);
  });

  it('asks for the last default_tag_range, or query_backend_after, when there is no range', async () => {
    const { querier, calls, asked } = setUp(() => Promise.resolve({ values: [], pieces: [], inspectedBytes: 0 }));
    await querier.tagValues(TENANT, REQUEST);
    expect(calls[0].job.request.range).toEqual({ startSec: 6_400, endSec: 10_000 });
    await querier.search(TENANT, { query: parseQuery('{}'), limit: 1, spansPerSpanSet: 1, range: undefined, legacy: false });
    expect(asked).toEqual([
      [6_399, 10_001],
      [9_099, 10_001],
    ]);
  });

  it('cuts answers to tag queries, logs and counts it', async () => {
    const { querier, metrics, logger } = setUp(() => values('a', 'b', 'c'), { maxTagBytes: () => 14 });
    expect((await querier.tagValues(TENANT, REQUEST)).values).toHaveLength(2);
    expect(metrics.value('vivace_querier_tag_answers_cut_total', { tenant: TENANT })).toBe(1);
    expect(logger.entries.map(({ level, msg }) => `${level} ${msg}`)).toEqual([
      'warn answer to a tag query is cut, raise read.max_bytes_per_tag_values_query of the tenant for more',
    ]);
  });

  it('ends the other jobs of a query when one fails', async () => {
    const broken = new AppError('data_loss', 'block 1: broken');
    const { querier, calls } = setUp(({ signal }, i) =>
      i === 1 ? Promise.reject(broken) : new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
    );
    await expect(querier.tagValues(TENANT, REQUEST)).rejects.toBe(broken);
    expect(calls.map(({ signal }) => signal.aborted)).toEqual([true, true, true]);
  });

  it('names the key of the timeout', async () => {
    const { querier } = setUp(({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))), {
      searchTimeoutMs: 1,
    });
    await expect(querier.tagValues(TENANT, REQUEST)).rejects.toMatchObject({
      code: 'deadline_exceeded',
      message: expect.stringContaining('querier.search.query_timeout'),
    });
  });

  it('reports the traces that are certain as jobs complete, and how far it is', async () => {
    const HOUR_MS = 3_600_000;
    const answers: ((pieces: readonly TracePiece[]) => void)[] = [];
    const blocks = [3, 2, 1].map(
      (hour) => ({ blockId: String(hour), size: MIB, totalRecords: 1, startMs: (hour - 1) * HOUR_MS, endMs: hour * HOUR_MS }) as never,
    );
    const { querier } = setUp(
      () =>
        new Promise((resolve) => {
          answers.push((pieces) => resolve({ pieces, inspectedTraces: 1, inspectedSpans: 2, inspectedBytes: 3 }));
        }),
      {
        blocks: { blocksInRange: () => blocks, coveredBlocks: () => [], withoutHeld: () => ({ blocks, covered: [] }) },
        threads: 1,
        searchJobs: { maxPerQuery: 100, targetBytes: 1 },
      },
    );
    const seen: SearchResponse[] = [];
    let told = Promise.withResolvers<void>();
    const request: SearchRequest = { query: parseQuery('{ }'), limit: 9, spansPerSpanSet: 3, range: { startSec: 0, endSec: 4 * 3_600 }, legacy: false };
    const asked = querier.search(TENANT, request, {
      onProgress(answer) {
        seen.push(answer());
        told.resolve();
      },
    });
    const found = (nr: number, atMs: number): TracePiece => ({
      traceId: String(nr).padStart(32, '0'),
      startNs: BigInt(atMs) * 1_000_000n,
      durationNs: 0,
      rootServiceName: 'a',
      rootTraceName: '',
      serviceStats: [],
      spanSets: [],
    });
    answers[1]([found(2, 1.5 * HOUR_MS)]);
    await told.promise;
    told = Promise.withResolvers();
    answers[0]([found(3, 2.5 * HOUR_MS)]);
    await told.promise;
    answers[2]([found(1, 0.5 * HOUR_MS)]);
    const final = await asked;
    const ids = ({ traces }: SearchResponse) => traces.map(({ traceID }) => Number(traceID));
    // The newest block is open first: anything may come.
    expect(seen.map(ids)).toEqual([[], [3, 2]]);
    expect(seen.map(({ metrics }) => metrics)).toMatchObject([
      { completedJobs: 1, totalJobs: 3, totalBlocks: 3, inspectedTraces: 1, inspectedBytes: '3' },
      { completedJobs: 2, totalJobs: 3, totalBlocks: 3, inspectedTraces: 2, inspectedBytes: '6' },
    ]);
    expect(ids(final)).toEqual([3, 2, 1]);
    expect(final.metrics).toMatchObject({ completedJobs: 3, totalJobs: 3 });
  });

  describe('traces in several places', () => {
    const SECOND = 1_000_000_000n;
    const idOf = (nr: number): string => String(nr).padStart(32, '0');
    const piece = (nr: number, startSec: number, root: string): TracePiece => ({
      traceId: idOf(nr),
      startNs: BigInt(startSec) * SECOND,
      durationNs: 2e9,
      rootServiceName: root,
      rootTraceName: '',
      serviceStats: [{ service: root || 'found', spanCount: root ? 7 : 1, errorCount: 0 }],
      spanSets: [],
    });
    const blocks = [0, 5_000].map(
      (sec) => ({ blockId: String(sec), size: MIB, totalRecords: 1, startMs: sec * 1_000, endMs: (sec + 2_000) * 1_000, totalObjects: 1 }) as BlockMeta,
    );
    const covering = (from: number, to: number) => blocks.filter(({ startMs, endMs }) => startMs <= to * 1_000 && endMs >= from * 1_000);
    /** Answers every search with `pieces`, but that of united traces, and says that trace 1 is spread. */
    const setUpSpread = (
      pieces: readonly TracePiece[],
      united: readonly TracePiece[],
      spread: readonly number[],
      recent: readonly string[] = ['part'],
      before: (blocks: readonly string[]) => Promise<void> = () => Promise.resolve(),
    ) => {
      const partial = (some: readonly TracePiece[]) => ({ pieces: some, inspectedTraces: 0, inspectedSpans: 0, inspectedBytes: 0 });
      return setUp(
        async ({ task, job }) => {
          if (task === 'spread') return Buffer.from(spread.map(idOf).join(''), 'hex');
          await before(job.sources.blocks.map(({ meta }) => meta.blockId));
          return partial(job.sources.united ? united : pieces);
        },
        {
          recent: { recent: () => ({ tables: [], parts: recent, release: () => undefined }) },
          blocks: {
            blocksInRange: (_tenant, from, to) => covering(from, to),
            coveredBlocks: () => [],
            withoutHeld: (_tenant, from, to) => ({ blocks: covering(from, to), covered: [] }),
          },
        },
      );
    };
    const search = ({ querier }: ReturnType<typeof setUp>, text: string, limit = 9) =>
      querier.search(TENANT, { query: parseQuery(text), limit, spansPerSpanSet: 3, range: { startSec: 900, endSec: 1_100 }, legacy: false });
    const tasks = ({ calls }: ReturnType<typeof setUp>) =>
      calls.map(({ task, job: { sources } }) => `${task} parts ${sources.parts.length} blocks ${sources.blocks.length}${sources.united ? ' united' : ''}`);

    it('are looked up among those found, and shown whole', async () => {
      const asked = setUpSpread([piece(1, 1_000, ''), piece(2, 999, 'b'), piece(3, 998, '')], [piece(1, 990, 'a')], [1]);
      expect((await search(asked, '{ name = "x" }')).traces).toMatchObject([
        { traceID: idOf(2), rootServiceName: 'b' },
        { traceID: idOf(3), rootServiceName: '<root span not yet received>', serviceStats: { found: { spanCount: 1 } } },
        { traceID: idOf(1), rootServiceName: 'a', startTimeUnixNano: '990000000000', serviceStats: { a: { spanCount: 7 } } },
      ]);
      expect(tasks(asked)).toEqual(['search parts 1 blocks 0', 'search parts 0 blocks 1', 'spread parts 1 blocks 1', 'search parts 1 blocks 1 united']);
    });

    it('give way to others when they begin earlier than what was found of them', async () => {
      const pieces = [piece(1, 1_000, ''), piece(2, 995, 'b'), piece(3, 994, 'c')];
      const asked = setUpSpread(pieces, [piece(1, 990, 'a')], [1]);
      expect((await search(asked, '{ name = "x" }', 1)).traces).toMatchObject([{ traceID: idOf(2) }]);
    });

    it('are told whole while other jobs run', async () => {
      const told = Promise.withResolvers<void>();
      const asked = setUpSpread([piece(1, 6_000, 'b')], [piece(1, 5_990, 'a')], [1], ['part'], (ids) =>
        ids.length === 1 && ids[0] === '0' ? told.promise : Promise.resolve(),
      );
      const seen: SearchResponse['traces'][number][] = [];
      const { traces } = await asked.querier.search(
        TENANT,
        { query: parseQuery('{ name = "x" }'), limit: 9, spansPerSpanSet: 3, range: { startSec: 0, endSec: 7_000 }, legacy: false },
        {
          onProgress(answer) {
            seen.push(...answer().traces);
            if (seen.length > 0) told.resolve();
          },
        },
      );
      expect(traces).toMatchObject([{ traceID: idOf(1), rootServiceName: 'a' }]);
      expect(seen).toEqual(traces);
    });

    it('are not looked for where there is one place only', async () => {
      const asked = setUpSpread([piece(1, 1_000, '')], [], [1], []);
      await search(asked, '{ name = "x" }');
      await search(asked, '{ name = "x" } >> { }');
      expect(tasks(asked)).toEqual(['search parts 0 blocks 1', 'search parts 0 blocks 1']);
    });

    it('are compared with their copies when they are very many', async () => {
      const asked = setUpSpread(
        [piece(2, 1_000, '')],
        [],
        Array.from({ length: 20_001 }, (_, i) => i),
      );
      await search(asked, '{ name = "x" } >> { }');
      expect(tasks(asked)).toEqual(['spread parts 1 blocks 1', 'search parts 1 blocks 1']);
      expect(asked.calls[1].job.sources.share).toEqual({ part: 0, of: 1 });
    });

    it('are judged whole by a query about traces, and only so', async () => {
      const asked = setUpSpread([piece(2, 1_000, '')], [piece(1, 990, 'a')], [1]);
      expect((await search(asked, '{ name = "x" } >> { }')).traces).toMatchObject([{ traceID: idOf(2) }, { traceID: idOf(1) }]);
      expect(tasks(asked)).toEqual(['spread parts 1 blocks 1', 'search parts 1 blocks 1 united', 'search parts 1 blocks 0', 'search parts 0 blocks 1']);
      expect(asked.calls.map(({ job }) => job.sources.without?.length)).toEqual([undefined, undefined, 16, 16]);
    });
  });
});
