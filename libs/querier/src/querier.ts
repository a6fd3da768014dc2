import { setTimeout as delay } from 'node:timers/promises';
import { AppError, tenantsOf } from '@vivace/base';
import type { Clock, Counter, Family, Logger, MetricsRegistry, TenantId } from '@vivace/base';
import type { BlockMeta } from '@vivace/block';
import { judgesTraces, mergeTagNames, mergeTagValues, planMetrics, rangeOf } from '@vivace/query';
import type {
  MetricsMode,
  MetricsRequest,
  FindTraceOptions,
  ProgressOptions,
  QueryInstantResponse,
  QueryOptions,
  QueryRangeResponse,
  QueryService,
  SearchRequest,
  SearchResponse,
  TagsRequest,
  TagValuesRequest,
  TimeRange,
  TraceByIdResponse,
} from '@vivace/query';
import { SpanTable } from '@vivace/trace';
import type { SpanTableHandle } from '@vivace/trace';
import type { RunOptions } from '@vivace/workers';
import { cutTagNames, cutTagValues } from './cut-tags.ts';
import { JobQueue } from './job-queue.ts';
import type { JobLimits } from './job-queue.ts';
import { jobWeight } from './job-weight.ts';
import type { JobWeights } from './job-weight.ts';
import { noSources, wholeBlocks } from './jobs.ts';
import type { BlockJob, FindTraceResult, JobSources } from './jobs.ts';
import { MetricsProgress } from './metrics-progress.ts';
import { haveTwins, separateJobs, sharedJobs, unitedJobs } from './plan-jobs.ts';
import type { Job, RunPart, TenantData } from './plan-jobs.ts';
import { QueryBudget } from './query-limits.ts';
import type { Inspected, QueryLimits } from './query-limits.ts';
import { SearchProgress } from './search-progress.ts';
import { TraceCompletion } from './spread/complete-traces.ts';
import { areMany, AROUND_SEC, spreadTraces } from './spread/spread-traces.ts';
import type { TaskRunner } from './task-runner.ts';
import { Teller } from './teller.ts';

/** Recent data of a tenant as the querier borrows it from the ingester. */
export interface RecentSource {
  /** Without what lies in the blocks `covered`, which the query asks too. */
  recent(
    tenant: TenantId,
    covered?: readonly string[],
  ): {
    readonly tables: readonly SpanTableHandle[];
    readonly parts: readonly string[];
    /** Ingesters of other processes have it: see `JobSources`. */
    readonly isElsewhere?: boolean;
    release(ended?: boolean): void;
  };
  /** Blocks in the store whose spans `recent` still has, and will have for `forMs`. Absent where that is known elsewhere, or never so. */
  held?(tenant: TenantId, forMs: number): readonly string[];
}

/** The block list. Read in the same turn as `recent`, so that a span is in one of the two. */
export interface BlockSource {
  blocksInRange(tenant: TenantId, startSec: number, endSec: number): readonly BlockMeta[];
  /** Ids of all blocks whose spans lie in a block known here. */
  coveredBlocks(tenant: TenantId): readonly string[];
  /** Both, without what is to be asked of recent data when that still has all that was in the blocks `held`. */
  withoutHeld(
    tenant: TenantId,
    startSec: number,
    endSec: number,
    held: ReadonlySet<string>,
  ): { readonly blocks: readonly BlockMeta[]; readonly covered: readonly string[] };
}

export interface QuerierDeps {
  readonly recent: RecentSource;
  readonly blocks: BlockSource;
  readonly pool: TaskRunner;
  /** Ingesters and blocks hold copies of spans (the replication factor is above 1): what is counted is compared by trace id first. */
  readonly copies?: boolean;
  /** Of the pool. */
  readonly threads: number;
  /** `query_frontend.search` and `query_frontend.metrics` */
  readonly searchJobs: JobSize;
  readonly metricsJobs: JobSize;
  readonly jobLimits: JobLimits;
  readonly jobWeights: JobWeights;
  /** `querier.metrics.max_series`: counted by a metrics query, in every part and in all. */
  readonly maxMetricsSeries: number;
  readonly queryLimits: QueryLimits;
  /** `overrides.….read.max_bytes_per_tag_values_query`; 0 is no limit. */
  readonly maxTagBytes: (tenant: TenantId) => number;
  /** `max_bytes_per_trace`: of a trace by id; 0 is no limit. */
  readonly maxTraceBytes: (tenant: TenantId) => number;
  /** `overrides.….read.max_blocks_per_tag_values_query` of one tenant; 0 is no limit. */
  readonly maxTagValueBlocks: (tenant: TenantId) => number;
  /** Searches without a range ask for this much (`query_frontend.search.query_backend_after`). */
  readonly recentWindowMs: number;
  /** Tag queries without a range ask for this much (`query_frontend.search.default_tag_range`). */
  readonly tagWindowMs: number;
  /** Searches and tag queries see nothing younger (`query_frontend.query_end_cutoff`). */
  readonly endCutoffMs: number;
  /** `querier.search.query_timeout`, `querier.trace_by_id.query_timeout`. */
  readonly searchTimeoutMs: number;
  readonly traceByIdTimeoutMs: number;
  /** Before each job (`querier.extra_query_delay`): makes queries slow for tests. */
  readonly extraDelayMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: MetricsRegistry;
}

/** How a query is divided. */
export interface JobSize {
  /** `concurrent_jobs`: that run or wait for their turn at a time. */
  readonly maxPerQuery: number;
  /** `target_bytes_per_job` */
  readonly targetBytes: number;
}

export function createQuerier(deps: QuerierDeps): QueryService {
  return new Querier(deps);
}

/** What a query wants besides the results of its jobs. */
interface RunHooks<T> {
  /** `searchJobs` unless said otherwise. */
  readonly size?: JobSize;
  readonly divide?: (blocks: readonly BlockMeta[]) => BlockJob[];
  /** What is found in several places counts once: while blocks cannot be read, recent data is asked for all it has. */
  readonly isUnion?: boolean;
  /** When blocks cannot be read, it may be done without them. */
  readonly inPart?: boolean;
  /** Blocks of a tenant that are read, the newest ones; 0 is all. */
  readonly mostBlocks?: (tenant: TenantId) => number;
  /** Of a job; 1 unless said otherwise. */
  readonly weight?: number;
  /** What is found twice would count twice. */
  readonly counts?: boolean;
  /** A part of a trace says nothing of the whole. */
  readonly isJudgedWhole?: boolean;
  /** Before any job runs; again when all is to be done in another way. */
  readonly onPlan?: (blocks: readonly BlockMeta[], jobs: readonly JobSources[], data: readonly TenantData[], runNow: RunPart) => void;
  /** Each result as it comes, until the query ends. */
  readonly onResult?: (results: readonly T[], sources: JobSources) => void;
  /** Once all jobs are done, before recent data is given back. */
  readonly afterwards?: () => Promise<void>;
}

/** Blocks are wider than the traces in them by rounding to seconds; and the clock of a sender may run ahead. */
const RANGE_SLACK_SEC = 1;

const NOTHING: ReadonlyMap<TenantId, Uint8Array> = new Map();
/** A search is asked again for up to so many times the traces: see `search`. */
const MOST_AGAIN = 8;

class Querier implements QueryService {
  readonly #deps: QuerierDeps;
  readonly #queue: JobQueue;
  readonly #tagsCut: Family<'tenant', Counter>;
  readonly #withoutStore: Counter;

  constructor(deps: QuerierDeps) {
    this.#deps = deps;
    this.#queue = new JobQueue(deps.jobLimits, deps.clock, deps.metrics);
    this.#tagsCut = deps.metrics.counter('vivace_querier_tag_answers_cut_total', 'Answers to tag queries cut at read.max_bytes_per_tag_values_query.', [
      'tenant',
    ]);
    this.#withoutStore = deps.metrics.counter(
      'vivace_querier_queries_without_store_total',
      'Queries answered, or tried, from what ingesters hold because the object store was away.',
    );
  }

  async findTrace(tenant: TenantId, traceId: Uint8Array, range: TimeRange | undefined, options: FindTraceOptions = {}): Promise<TraceByIdResponse> {
    const { inPart = false } = options;
    const maxBytes = this.#deps.maxTraceBytes(tenant);
    const signal = deadline(options.signal, this.#deps.traceByIdTimeoutMs);
    const results = await this.#run(
      tenant,
      range,
      signal,
      'querier.trace_by_id.query_timeout',
      (sources, options) => this.#deps.pool.run('findTrace', { sources, traceId, maxBytes, inPart: inPart && sources.isStoreAway === true }, options),
      { divide: (blocks) => wholeBlocks(blocks, this.#deps.threads), weight: jobWeight('findTrace', undefined, this.#deps.jobWeights), isUnion: true, inPart },
    );
    const pieces = results.map((r) => r.trace).filter((t) => t !== undefined);
    const common = { inspectedBytes: results.reduce((sum, r) => sum + r.inspectedBytes, 0), ...unreadOf(results, pieces.length > 0) };
    const sources: JobSources = { ...noSources(tenant), tables: pieces };
    const run = () => this.#deps.pool.run('findTrace', { sources, traceId, maxBytes }, { signal });
    const whole: Pick<FindTraceResult, 'trace' | 'isCut'> = pieces.length > 1 ? await run() : { trace: pieces[0] };
    const isCut = [whole, ...results].some((result) => result.isCut === true);
    const partialMessage = `Trace exceeds maximum size of ${maxBytes} bytes, a partial trace is returned`;
    return { trace: whole.trace && new SpanTable({}, whole.trace), ...common, ...(isCut && { partialMessage }) };
  }

  async search(tenant: TenantId, request: SearchRequest, { signal: given, onProgress }: ProgressOptions<SearchResponse> = {}) {
    const signal = deadline(given, this.#deps.searchTimeoutMs);
    const range = this.#until(request.range ?? this.#last(this.#deps.recentWindowMs));
    // A trace that is spread may turn out to be older than its part that was found. Others that parts of an answer left out may then be newer.
    for (let limit = request.limit; ; limit *= 2) {
      const { isCertain, ...answer } = await this.#search(tenant, { ...request, limit }, range, signal, limit === request.limit ? onProgress : undefined);
      const traces = answer.traces.slice(0, request.limit);
      if (limit >= request.limit * MOST_AGAIN || isCertain(traces, request.limit)) return { ...answer, traces };
    }
  }

  async #search(
    tenant: TenantId,
    request: SearchRequest,
    range: TimeRange,
    signal: AbortSignal,
    onProgress?: ProgressOptions<SearchResponse>['onProgress'],
  ): Promise<SearchResponse & { isCertain(newest: SearchResponse['traces'], limit: number): boolean }> {
    const { pool, copies = false, queryLimits } = this.#deps;
    let floor = new BigUint64Array(new SharedArrayBuffer(8));
    const progress = new SearchProgress(request);
    // Copies are put together anyway.
    const isJudgedWhole = !copies && judgesTraces(request.query);
    let completion: TraceCompletion | undefined;
    let traces: SearchResponse['traces'] = [];
    const tell = async (): Promise<void> => {
      await completion?.complete(progress.certain().traces);
      if (!progress.isComplete) onProgress?.(() => progress.certain(completion?.isWhole));
    };
    let teller = new Teller(tell);
    await this.#run(
      tenant,
      range,
      signal,
      'querier.search.query_timeout',
      (sources, options) => pool.run('search', { sources, request: { ...request, range }, floor, maxGroups: queryLimits.maxGroups }, options),
      {
        weight: jobWeight('search', request.query, this.#deps.jobWeights),
        counts: true,
        isJudgedWhole,
        onPlan(blocks, jobs, data, runNow) {
          floor = new BigUint64Array(new SharedArrayBuffer(8));
          progress.begin(blocks, jobs);
          teller = new Teller(tell);
          if (isJudgedWhole) return;
          completion = new TraceCompletion(progress, request, data, runNow, { pool, isUnited: copies, maxGroups: queryLimits.maxGroups });
        },
        onResult(partials, sources) {
          progress.add(partials, sources);
          if (onProgress && !progress.isComplete) teller.tell();
        },
        async afterwards() {
          await teller.end();
          traces = progress.traces();
          if (completion) traces = await completion.completeAll(traces);
        },
      },
    ).catch(async (reason: unknown) => {
      await teller.end().catch(() => undefined);
      throw reason;
    });
    const leftOutNs = completion?.hasChanged ? progress.oldestRank() : undefined;
    const isCertain = (newest: SearchResponse['traces'], limit: number): boolean =>
      leftOutNs === undefined || (newest.length === limit && newest.every(({ startTimeUnixNano }) => BigInt(startTimeUnixNano) > leftOutNs));
    return { ...progress.answer(traces), isCertain };
  }

  queryRange(tenant: TenantId, request: MetricsRequest, options: ProgressOptions<QueryRangeResponse> = {}): Promise<QueryRangeResponse> {
    return this.#metrics(tenant, request, 'range', (progress) => progress.range(), options);
  }

  queryInstant(tenant: TenantId, request: MetricsRequest, options: ProgressOptions<QueryInstantResponse> = {}): Promise<QueryInstantResponse> {
    return this.#metrics(tenant, request, 'instant', (progress) => progress.instant(), options);
  }

  async #metrics<R>(
    tenant: TenantId,
    request: MetricsRequest,
    mode: MetricsMode,
    answer: (progress: MetricsProgress) => R,
    { signal: given, onProgress }: ProgressOptions<R>,
  ): Promise<R> {
    const signal = deadline(given, this.#deps.searchTimeoutMs);
    const { maxMetricsSeries: maxSeries, pool } = this.#deps;
    const plan = planMetrics(request, mode);
    const progress = new MetricsProgress(plan, maxSeries, request.maxSeries);
    await this.#run(
      tenant,
      rangeOf(plan),
      signal,
      'querier.search.query_timeout',
      (sources, options) => pool.run('metrics', { sources, request, mode, maxSeries }, options),
      {
        size: this.#deps.metricsJobs,
        weight: jobWeight('metrics', request.query, this.#deps.jobWeights),
        counts: true,
        isJudgedWhole: !this.#deps.copies && judgesTraces(request.query),
        onPlan: (blocks, jobs) => progress.begin(blocks, jobs.length),
        onResult(partials) {
          progress.add(partials);
          if (!progress.isComplete) onProgress?.(() => answer(progress));
        },
      },
    );
    return answer(progress);
  }

  async tags(tenant: TenantId, request: TagsRequest, options: QueryOptions = {}) {
    const signal = deadline(options.signal, this.#deps.searchTimeoutMs);
    const range = this.#until(request.range ?? this.#last(this.#deps.tagWindowMs));
    const partials = await this.#run(tenant, range, signal, 'querier.search.query_timeout', (sources, options) =>
      this.#deps.pool.run('tags', { sources, request: { ...request, range } }, options),
    );
    return this.#fitting(tenant, mergeTagNames(partials, request), cutTagNames);
  }

  async tagValues(tenant: TenantId, request: TagValuesRequest, options: QueryOptions = {}) {
    const signal = deadline(options.signal, this.#deps.searchTimeoutMs);
    const range = this.#until(request.range ?? this.#last(this.#deps.tagWindowMs));
    const { pool, maxTagValueBlocks: mostBlocks } = this.#deps;
    const job = (sources: JobSources, options: RunOptions) => pool.run('tagValues', { sources, request: { ...request, range } }, options);
    const partials = await this.#run(tenant, range, signal, 'querier.search.query_timeout', job, { mostBlocks });
    return this.#fitting(tenant, mergeTagValues(partials, request), cutTagValues);
  }

  #fitting<T>(tenant: TenantId, answer: T, cut: (answer: T, maxBytes: number) => T): T {
    const limit = this.#deps.maxTagBytes(tenant);
    const fitting = limit === 0 ? answer : cut(answer, limit);
    if (fitting !== answer) {
      this.#tagsCut.with({ tenant }).inc();
      this.#deps.logger.warn('answer to a tag query is cut, raise read.max_bytes_per_tag_values_query of the tenant for more', { tenant, limit });
    }
    return fitting;
  }

  /**
   * Runs a query; while blocks cannot be read, over what ingesters still hold of them. The answer is whole then too, since blocks that nobody holds are asked for all the same: in a cache there may be enough
   * of them.
   */
  async #run<T extends Inspected>(
    tenant: TenantId,
    range: TimeRange | undefined,
    signal: AbortSignal,
    timeoutKey: string,
    job: (sources: JobSources, options: Pick<RunOptions, 'signal' | 'affinity'>) => Promise<T>,
    hooks: RunHooks<T> = {},
  ): Promise<T[]> {
    try {
      return await this.#runJobs(tenant, range, signal, timeoutKey, job, hooks);
    } catch (reason) {
      if (!(reason instanceof AppError) || reason.reason !== 'store_away') throw reason;
      const held = await this.#held(tenant, signal);
      if (held.size === 0 && !hooks.inPart) throw reason;
      this.#withoutStore.inc();
      return this.#runJobs(tenant, range, signal, timeoutKey, job, hooks, held);
    }
  }

  /** Blocks of which everything is in recent data too, for as long as a query may take. */
  async #held(tenant: TenantId, signal: AbortSignal): Promise<ReadonlySet<string>> {
    const { recent, pool, searchTimeoutMs, traceByIdTimeoutMs } = this.#deps;
    const forMs = Math.max(searchTimeoutMs, traceByIdTimeoutMs);
    const ids = await Promise.all(
      tenantsOf(tenant).map(async (one) => {
        if (recent.held) return recent.held(one, forMs);
        const sources: JobSources = { ...noSources(one), isElsewhere: true };
        return ((await pool.run('held', { sources, forMs }, { signal })) as unknown as readonly (readonly string[])[]).flat();
      }),
    );
    return new Set(ids.flat());
  }

  /** Divides the data of each tenant into jobs and runs them all. The first failure ends the others. What is in the blocks `held` is asked of recent data. */
  async #runJobs<T extends Inspected>(
    tenant: TenantId,
    range: TimeRange | undefined,
    signal: AbortSignal,
    timeoutKey: string,
    job: (sources: JobSources, options: Pick<RunOptions, 'signal' | 'affinity'>) => Promise<T>,
    {
      size = this.#deps.searchJobs,
      divide,
      weight = 1,
      counts = false,
      isJudgedWhole = false,
      isUnion = false,
      mostBlocks,
      onPlan,
      onResult,
      afterwards,
    }: RunHooks<T>,
    held?: ReadonlySet<string>,
  ): Promise<T[]> {
    const [startSec, endSec] = range ? [range.startSec - RANGE_SLACK_SEC, range.endSec + RANGE_SLACK_SEC] : [0, Number.MAX_SAFE_INTEGER];
    // One turn: see TenantIngester.
    const data = tenantsOf(tenant).map((one) => newestBlocks(this.#dataOf(one, startSec, endSec, { isJudgedWhole, isUnion, held }), mostBlocks?.(one) ?? 0));
    const stop = new AbortController();
    const options = { signal: AbortSignal.any([signal, stop.signal]) };
    const budget = new QueryBudget(this.#deps.queryLimits);
    const queue = this.#queue.query(tenant, size.maxPerQuery, options.signal, weight);
    const run: RunPart = (work) =>
      queue(async () => {
        if (this.#deps.extraDelayMs > 0) await delay(this.#deps.extraDelayMs, undefined, options);
        return work(options);
      });
    try {
      const how = { targetBytes: size.targetBytes, threads: this.#deps.threads };
      const spread = isJudgedWhole ? await spreadTraces(data, run, this.#deps.pool) : NOTHING;
      const isShared = counts && (this.#deps.copies || areMany(spread) || data.some(haveTwins));
      const jobs = isShared ? sharedJobs(data, how, this.#longAgo(range)) : [...unitedJobs(data, spread), ...separateJobs(data, spread, how, divide)];
      onPlan?.(
        data.flatMap(({ blocks }) => blocks),
        jobs.map(({ sources }) => sources),
        data,
        (work) => work(options),
      );
      const answer = async ({ affinity, sources }: Job): Promise<readonly T[]> => {
        const result = await run((options) => job(held ? { ...sources, isStoreAway: true } : sources, { ...options, affinity }));
        // What is elsewhere comes from several processes: see TaskRunner.
        const results = sources.isElsewhere ? (result as unknown as readonly T[]) : [result];
        if (!options.signal.aborted) {
          for (const one of results) budget.spend(one);
          onResult?.(results, sources);
        }
        return results;
      };
      const results = (await Promise.all(jobs.map(answer))).flat();
      await afterwards?.();
      return results;
    } catch (reason) {
      stop.abort();
      throw signal.aborted ? timeoutError(signal, timeoutKey) : reason;
    } finally {
      for (const { recent } of data) recent.release(!signal.aborted);
    }
  }

  #dataOf(
    tenant: TenantId,
    startSec: number,
    endSec: number,
    { isJudgedWhole, isUnion, held }: { readonly isJudgedWhole: boolean; readonly isUnion: boolean; readonly held: ReadonlySet<string> | undefined },
  ): TenantData {
    const { recent, blocks } = this.#deps;
    const stored: TenantData['stored'] = (from, to) =>
      held ? blocks.withoutHeld(tenant, from, to, held) : { blocks: blocks.blocksInRange(tenant, from, to), covered: blocks.coveredBlocks(tenant) };
    const { blocks: asked, ...rest } = stored(startSec, endSec);
    // A block that was merged with older ones may be held, though what became of it is not.
    const covered = held && isUnion ? [] : rest.covered;
    const around = isJudgedWhole && !held ? stored(startSec - AROUND_SEC, endSec + AROUND_SEC).blocks : asked;
    return { tenant, recent: recent.recent(tenant, covered), blocks: asked, around, covered, stored };
  }

  /** The range, if it is over since long. */
  #longAgo(range: TimeRange | undefined): TimeRange | undefined {
    return range && range.endSec * 1_000 < this.#deps.clock.now() - this.#deps.recentWindowMs ? range : undefined;
  }

  /** The range without what is too young. Of one that is too young as a whole its end is left. */
  #until({ startSec, endSec }: TimeRange): TimeRange {
    const { endCutoffMs, clock } = this.#deps;
    const latest = endCutoffMs > 0 ? Math.floor((clock.now() - endCutoffMs) / 1_000) : endSec;
    return { startSec: Math.min(startSec, latest), endSec: Math.min(endSec, latest) };
  }

  #last(ms: number): TimeRange {
    const nowSec = Math.ceil(this.#deps.clock.now() / 1_000);
    return { startSec: nowSec - Math.ceil(ms / 1_000), endSec: nowSec };
  }
}

/** `most` of 0 is all. */
function newestBlocks(data: TenantData, most: number): TenantData {
  if (most === 0 || data.blocks.length <= most) return data;
  const blocks = data.blocks.toSorted((a, b) => b.endMs - a.endMs).slice(0, most);
  return { ...data, blocks, around: blocks };
}

/** Throws where nothing was found: that would say that there is nothing. */
function unreadOf(results: readonly FindTraceResult[], isFound: boolean): { readonly partialMessage?: string } {
  const unread = results.map((result) => result.unread).filter((some) => some !== undefined);
  if (unread.length === 0) return {};
  const blocks = unread.reduce((sum, some) => sum + some.blocks, 0);
  const message = `${blocks} of the stored blocks could not be read: ${unread[0].why}`;
  if (!isFound) throw new AppError('unavailable', message, { retryAfterMs: RETRY_AFTER_MS, reason: 'store_away' });
  return { partialMessage: `the trace may be incomplete, ${message}` };
}

const RETRY_AFTER_MS = 1_000;

function deadline(signal: AbortSignal | undefined, timeoutMs: number): AbortSignal {
  const timeout = AbortSignal.timeout(timeoutMs);
  return signal ? AbortSignal.any([signal, timeout]) : timeout;
}

function timeoutError(signal: AbortSignal, key: string): AppError {
  const reason = signal.reason as unknown;
  return reason instanceof Error && reason.name === 'TimeoutError'
    ? new AppError('deadline_exceeded', `query took too long, raise ${key} to allow more`)
    : AppError.from(reason, 'canceled');
}
