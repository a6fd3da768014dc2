import { randomUUID } from 'node:crypto';
import { AppError, assert } from '@vivace/base';
import type { Clock, Histogram, Logger, MetricsRegistry, RpcCall, RpcMethod, RpcStatus, TenantId, Timers } from '@vivace/base';
import { decode, encode, FrameJoiner, toFrames } from '@vivace/rpc';
import { joinTrace } from '../find-trace.ts';
import { FairQueue } from '../fair-queue.ts';
import { jobWeight } from '../job-weight.ts';
import type { JobWeights } from '../job-weight.ts';
import type { FindTraceJob, FindTraceResult, SearchJob } from '../jobs.ts';
import { queueDuration, showQueueLengths } from '../queue-metrics.ts';
import type { TaskOptions, TaskRunner } from '../task-runner.ts';
import { CacheOwners } from './cache-owners.ts';
import { ALIVE_MS, ALIVE_PATH, packJob, RESULT_PATH, unpackResult, WORK_PATH } from './wire.ts';
import type { FrontendMessage, RemoteTasks, ResultPart, TaskName, WorkResult } from './wire.ts';

export interface DispatcherDeps {
  /** `query_frontend.max_retries`: how often a job is given to another querier when one fails it. */
  readonly maxRetries: number;
  readonly weights: JobWeights;
  /** Of one result. */
  readonly maxResultBytes: number;
  readonly timers: Timers;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: MetricsRegistry;
}

/** Gives jobs to queriers that ask for work. */
export interface Dispatcher {
  readonly runner: TaskRunner;
  /** To be served over gRPC. */
  readonly methods: readonly RpcMethod[];
  /** Streams of queriers, each one job at a time. */
  readonly streams: number;
  readonly queriers: number;
  /** Takes no more jobs, lets those there are end for so long, then lets the queriers go. */
  stop(timeoutMs: number): Promise<void>;
}

interface Job {
  readonly tenant: TenantId;
  /** The signal of its query, which all its parts share; a job without one is a query of its own. */
  readonly query: object;
  readonly task: TaskName;
  readonly packed: unknown;
  readonly signal: AbortSignal | undefined;
  readonly done: PromiseWithResolvers<unknown>;
  /** What it reads, for `CacheOwners`; undefined when no querier has anything of it. */
  readonly cacheKey: string | undefined;
  readonly affinity: number | undefined;
  weight: number;
  readonly isFirst: boolean;
  attempts: number;
  /** Queriers that failed it. */
  readonly failedAt: Set<string>;
  waitsSinceMs: number;
}

/** What a querier takes one job at a time with. */
interface Stream {
  readonly querier: string;
  give(job: Job): void;
}

interface Querier {
  streams: number;
  /** Those without a job. */
  readonly idle: Stream[];
  /** Times in a row it has not said that it is there; undefined until it does for the first time, for one that cannot. */
  missed: number | undefined;
}

/** One attempt at a job: which querier has it. */
interface Assignment {
  readonly id: string;
  readonly call: RpcCall;
  readonly querier: string;
  readonly joiner: FrameJoiner;
  /** Undefined once nobody waits for it any more; the querier is still busy until it has answered. */
  job: Job | undefined;
  readonly answered: () => void;
}

/** So long jobs wait for a querier to come, when none is connected: one that is restarted is back by then. */
const NO_QUERIER_MS = 10_000;
const RETRY_AFTER_MS = 1_000;
/** After so many a querier gets no jobs until it is heard of again, and others do what it had. Counted rather than timed: while this process stands still, nobody is silent. */
const MAX_MISSED = 4;

/** Failures that another querier may not have. */
const WORTH_A_RETRY: ReadonlySet<string> = new Set(['unavailable', 'internal', 'unimplemented', 'resource_exhausted']);

/**
 * Jobs wait in a `FairQueue`. A querier that can do more holds more streams open. A job goes to the querier that has its blocks in its caches, or to any other when that is busy: nobody waits
 * while somebody could work. A stream that breaks, or a querier that falls silent, gives its job back; one that was failed goes to a querier that has not failed it, if there is one.
 */
export function createDispatcher(deps: DispatcherDeps): Dispatcher {
  return new TenantDispatcher(deps);
}

class TenantDispatcher implements Dispatcher {
  readonly #deps: DispatcherDeps;
  readonly #waiting = new FairQueue<Job>();
  readonly #assigned = new Map<string, Assignment>();
  readonly #queriers = new Map<string, Querier>();
  readonly #owners = new CacheOwners();
  readonly #metrics: { readonly waited: Histogram; readonly retries: Histogram };
  #streams = 0;
  /** Jobs that are not done yet. */
  readonly #open = new Set<Job>();
  #cancelGiveUp: (() => void) | undefined;
  #cancelListen: (() => void) | undefined;
  #isDraining = false;
  #whenDrained: (() => void) | undefined;
  readonly #stopping = new AbortController();
  readonly runner: TaskRunner;
  readonly methods: readonly RpcMethod[];

  constructor(deps: DispatcherDeps) {
    this.#deps = deps;
    const { metrics } = deps;
    const clients = metrics.gauge('tempo_query_frontend_connected_clients', 'Streams of queriers that ask for work.');
    metrics.onCollect(() => clients.set(this.#streams));
    showQueueLengths(metrics, () => this.#waiting.lengths());
    this.#metrics = {
      waited: queueDuration(metrics),
      retries: metrics.histogram('tempo_query_frontend_retries', 'How often jobs were given to another querier.', [], { buckets: [0, 1, 2, 3, 4, 5] }),
    };
    this.runner = {
      run: async (task, job, options) => (job.sources.tables.length > 0 ? doneHere(task, job) : await this.#submit(task, job, options ?? {})) as never,
    };
    this.methods = [
      { path: WORK_PATH, handle: (call) => this.#work(call) },
      { path: RESULT_PATH, handle: (call) => this.#result(call) },
      { path: ALIVE_PATH, handle: (call) => this.#alive(call) },
    ];
  }

  get streams(): number {
    return this.#streams;
  }

  get queriers(): number {
    return this.#queriers.size;
  }

  async stop(timeoutMs: number): Promise<void> {
    const drained = Promise.withResolvers<void>();
    this.#isDraining = true;
    this.#whenDrained = drained.resolve;
    if (this.#open.size === 0) drained.resolve();
    const cancelTimer = this.#deps.timers.after(timeoutMs, drained.resolve);
    await drained.promise;
    cancelTimer();
    this.#cancelGiveUp?.();
    this.#cancelListen?.();
    this.#stopping.abort();
    for (const job of this.#open) job.done.reject(stoppingError());
  }

  async #submit(task: TaskName, input: RemoteTasks[TaskName], { signal, affinity }: TaskOptions): Promise<unknown> {
    signal?.throwIfAborted();
    if (this.#isDraining) throw stoppingError();
    const { tenant, blocks } = input.sources;
    const job: Job = {
      tenant,
      query: signal ?? input,
      task,
      packed: packJob(input),
      signal,
      done: Promise.withResolvers(),
      cacheKey: affinity === undefined || blocks.length === 0 ? undefined : `${tenant}\0${affinity}`,
      affinity,
      weight: jobWeight(task, 'request' in input ? (input as SearchJob).request.query : undefined, this.#deps.weights),
      isFirst: task === 'spread' || input.sources.united !== undefined,
      attempts: 0,
      failedAt: new Set(),
      waitsSinceMs: 0,
    };
    const cancel = (): void => this.#cancel(job);
    signal?.addEventListener('abort', cancel, { once: true });
    this.#open.add(job);
    this.#begin(job);
    try {
      return await job.done.promise;
    } finally {
      signal?.removeEventListener('abort', cancel);
      this.#open.delete(job);
      if (job.attempts > 0) this.#metrics.retries.observe(job.attempts - 1);
      if (this.#open.size === 0) this.#whenDrained?.();
    }
  }

  /** Whoever is idle is so because nothing waits that it may take. */
  #begin(job: Job): void {
    job.waitsSinceMs = this.#deps.clock.now();
    const stream = this.#idleFor(job);
    if (!stream) return this.#wait(job);
    this.#waiting.count(job);
    this.#give(stream, job);
  }

  #wait(job: Job): void {
    job.waitsSinceMs = this.#deps.clock.now();
    this.#waiting.push(job);
    if (this.#streams === 0) this.#cancelGiveUp ??= this.#deps.timers.after(NO_QUERIER_MS, () => this.#giveUp());
  }

  /** A question that nobody would answer is not left to its time-out. */
  #giveUp(): void {
    this.#cancelGiveUp = undefined;
    if (this.#streams > 0) return;
    for (const job of this.#waiting.clear())
      job.done.reject(
        new AppError('unavailable', 'no querier is connected to this query frontend (querier.frontend_worker.frontend_address of the queriers)', {
          retryAfterMs: RETRY_AFTER_MS,
        }),
      );
  }

  /** Of the querier that has its blocks, or else of the one with most to spare. */
  #idleFor(job: Job): Stream | undefined {
    const owner = job.cacheKey === undefined ? undefined : this.#queriers.get(this.#owners.ownerOf(job.cacheKey) ?? '');
    const isFree = ({ idle }: Querier): boolean => idle.length > 0 && this.#mayTake(idle[0].querier, job);
    if (owner && isFree(owner)) return owner.idle[0];
    let most: Querier | undefined;
    for (const querier of this.#queriers.values()) if (querier.idle.length > (most?.idle.length ?? 0) && isFree(querier)) most = querier;
    return most?.idle[0];
  }

  /** Not one that has failed it, as long as there are others; not one that is silent. */
  #mayTake(id: string, job: Job): boolean {
    const querier = this.#queriers.get(id);
    return querier !== undefined && !isSilent(querier) && (!job.failedAt.has(id) || !this.#hasOther(job));
  }

  /** Whether there is a querier that has not failed it. */
  #hasOther({ failedAt }: Job): boolean {
    for (const [id, querier] of this.#queriers) if (!failedAt.has(id) && !isSilent(querier)) return true;
    return false;
  }

  /** Gives idle streams what waits for one: they have none because nothing did, or only what they may not take. */
  #assign(): void {
    for (const [querier, { idle }] of this.#queriers) {
      while (idle.length > 0) {
        const job = this.#waiting.take(
          (one) => this.#mayTake(querier, one),
          ({ cacheKey }) => cacheKey === undefined || this.#owners.ownerOf(cacheKey) === querier,
        );
        if (!job) break;
        this.#give(idle[0], job);
      }
    }
  }

  #give(stream: Stream, job: Job): void {
    const { idle } = this.#queriers.get(stream.querier)!; // it has an idle stream
    idle.splice(idle.indexOf(stream), 1);
    this.#metrics.waited.observe((this.#deps.clock.now() - job.waitsSinceMs) / 1_000);
    job.attempts++;
    stream.give(job);
  }

  #cancel(job: Job): void {
    job.done.reject(AppError.from(job.signal?.reason, 'canceled'));
    if (this.#waiting.remove(job)) return;
    for (const assignment of this.#assigned.values()) {
      if (assignment.job !== job) continue;
      assignment.job = undefined;
      void this.#tell(assignment.call, { kind: 'cancel', id: assignment.id });
    }
  }

  /** A connection that is broken is noticed by its handler. */
  async #tell(call: RpcCall, message: FrontendMessage): Promise<void> {
    try {
      for (const frame of toFrames(encode(message))) await call.send(frame);
    } catch (reason) {
      this.#deps.logger.debug('querier could not be told', { err: reason });
    }
  }

  /** Holds until the querier goes away. */
  async #work(call: RpcCall): Promise<RpcStatus> {
    const gone = Promise.withResolvers<void>();
    const ended = AbortSignal.any([call.signal, this.#stopping.signal]);
    ended.addEventListener('abort', () => gone.resolve(), { once: true });
    if (ended.aborted) return OK;
    const querier = querierOf(call.request);
    const known = this.#comes(querier);
    let current: Assignment | undefined;
    const stream: Stream = {
      querier,
      give: (job) => {
        const id = randomUUID();
        const answered = (): void => {
          this.#assigned.delete(id);
          current = undefined;
          if (!ended.aborted) known.idle.push(stream);
        };
        current = { id, call, job, querier, joiner: new FrameJoiner(this.#deps.maxResultBytes), answered };
        this.#assigned.set(id, current);
        void this.#tell(call, { kind: 'item', id, task: job.task, job: job.packed, ...(job.affinity !== undefined && { affinity: job.affinity }) });
      },
    };
    known.idle.push(stream);
    this.#assign();
    await gone.promise;
    this.#goes(querier, known, stream);
    const left = current;
    if (left) {
      this.#assigned.delete(left.id);
      if (left.job) this.#retry(left.job, querier, new AppError('unavailable', 'the querier that worked on a part of the query has gone'));
    }
    this.#assign();
    return OK;
  }

  #comes(id: string): Querier {
    this.#streams++;
    this.#cancelGiveUp?.();
    this.#cancelGiveUp = undefined;
    let querier = this.#queriers.get(id);
    if (!querier) {
      this.#queriers.set(id, (querier = { streams: 0, idle: [], missed: undefined }));
      this.#owners.add(id);
    }
    querier.streams++;
    return querier;
  }

  #goes(id: string, querier: Querier, stream: Stream): void {
    this.#streams--;
    const at = querier.idle.indexOf(stream);
    if (at >= 0) querier.idle.splice(at, 1);
    if (--querier.streams > 0) return;
    this.#queriers.delete(id);
    this.#owners.remove(id);
  }

  async #alive({ request, send }: RpcCall): Promise<RpcStatus> {
    await send(new Uint8Array());
    const querier = this.#queriers.get(querierOf(request));
    if (!querier) return OK;
    const isBack = isSilent(querier);
    querier.missed = 0;
    this.#listen();
    if (isBack) this.#assign();
    return OK;
  }

  /** As long as there is somebody to hear of. */
  #listen(): void {
    this.#cancelListen ??= this.#deps.timers.after(ALIVE_MS, () => {
      this.#cancelListen = undefined;
      if (this.#queriers.size > 0) this.#listen();
      for (const [id, querier] of this.#queriers) {
        if (querier.missed === undefined) continue;
        if (++querier.missed === MAX_MISSED) this.#deps.logger.warn('a querier has fallen silent', { querier: id });
        if (isSilent(querier)) this.#takeBack(id);
      }
    });
  }

  /** What others can do. What no other can is left where it is: it may yet come. */
  #takeBack(querier: string): void {
    for (const assignment of this.#assigned.values()) {
      const { job, id, call } = assignment;
      if (assignment.querier !== querier || !job || !this.#hasOther(job) || job.attempts > this.#deps.maxRetries) continue;
      assignment.job = undefined;
      void this.#tell(call, { kind: 'cancel', id });
      this.#retry(job, querier, new AppError('unavailable', 'the querier that worked on a part of the query has fallen silent'));
    }
    this.#assign();
  }

  async #result({ request, send }: RpcCall): Promise<RpcStatus> {
    await send(new Uint8Array());
    const { id, frame } = decode(request) as ResultPart;
    const assignment = this.#assigned.get(id);
    if (!assignment) return OK;
    const { job, querier, joiner, answered } = assignment;
    try {
      const bytes = joiner.add(frame);
      if (!bytes) return OK;
      answered();
      if (job) this.#settle(job, querier, decode(bytes) as WorkResult);
    } catch (reason) {
      answered();
      job?.done.reject(reason);
    }
    this.#assign();
    return OK;
  }

  #settle(job: Job, querier: string, result: WorkResult): void {
    if ('value' in result) return job.done.resolve(unpackResult(job.task, result.value));
    const error = new AppError(result.code, result.message, { reason: result.reason });
    if (WORTH_A_RETRY.has(error.code)) this.#retry(job, querier, error);
    else job.done.reject(error);
  }

  /** In turn, as others of its query; whoever calls this assigns then. */
  #retry(job: Job, querier: string, reason: AppError): void {
    if (job.signal?.aborted) return;
    if (this.#stopping.signal.aborted) return job.done.reject(stoppingError());
    // It is seldom one querier alone that cannot reach the store, and there may be a way without it.
    const maxRetries = reason.reason === 'store_away' ? Math.min(1, this.#deps.maxRetries) : this.#deps.maxRetries;
    if (job.attempts > maxRetries) return job.done.reject(reason);
    this.#deps.logger.info('a part of a query is given to another querier', { tenant: job.tenant, attempt: job.attempts, querier, err: reason.message });
    job.failedAt.add(querier);
    if (this.#deps.weights.areUsed && this.#deps.weights.ofRetries) job.weight++;
    this.#wait(job);
  }
}

function isSilent({ missed = 0 }: Querier): boolean {
  return missed >= MAX_MISSED;
}

/** A querier without a name is one of its own. */
function querierOf(request: Uint8Array): string {
  const { querierId } = decode(request) as { readonly querierId?: unknown };
  return typeof querierId === 'string' && querierId !== '' ? querierId : randomUUID();
}

function stoppingError(): AppError {
  return new AppError('unavailable', 'the query frontend is shutting down', { retryAfterMs: RETRY_AFTER_MS });
}

/** What queriers found of a trace is in the memory of this process; there is no other such job. */
function doneHere(task: TaskName, job: RemoteTasks[TaskName]): FindTraceResult {
  assert(task === 'findTrace', `task ${task} over tables in memory cannot be given to a querier`);
  const { sources, maxBytes = 0 } = job as FindTraceJob;
  return { ...joinTrace(sources.tables, maxBytes), inspectedBytes: 0 };
}

const OK: RpcStatus = { code: 0, details: '' };
