import { randomUUID } from 'node:crypto';
import { AppError, assert } from '@vivace/base';
import type { Logger, MetricsRegistry, RpcCall, RpcMethod, RpcStatus, TenantId, Timers } from '@vivace/base';
import { decode, encode, FrameJoiner, toFrames } from '@vivace/rpc';
import { joinTrace } from '../find-trace.ts';
import type { FindTraceResult, JobSources } from '../jobs.ts';
import type { TaskRunner } from '../task-runner.ts';
import { packJob, RESULT_PATH, unpackResult, WORK_PATH } from './wire.ts';
import type { FrontendMessage, RemoteTasks, ResultPart, TaskName, WorkResult } from './wire.ts';

export interface DispatcherDeps {
  /** `query_frontend.max_retries`: how often a job is given to another querier when one fails it. */
  readonly maxRetries: number;
  /** Of one result. */
  readonly maxResultBytes: number;
  readonly timers: Timers;
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
  /** Takes no more jobs, lets those there are end for so long, then lets the queriers go. */
  stop(timeoutMs: number): Promise<void>;
}

interface Job {
  readonly tenant: TenantId;
  readonly task: TaskName;
  readonly packed: unknown;
  readonly signal: AbortSignal | undefined;
  readonly done: PromiseWithResolvers<unknown>;
  attempts: number;
}

/** One attempt at a job: which querier has it. */
interface Assignment {
  readonly id: string;
  readonly call: RpcCall;
  readonly joiner: FrameJoiner;
  /** Undefined once nobody waits for it any more; the querier is still busy until it has answered. */
  job: Job | undefined;
  readonly answered: () => void;
}

/** So long jobs wait for a querier to come, when none is connected: one that is restarted is back by then. */
const NO_QUERIER_MS = 10_000;
const RETRY_AFTER_MS = 1_000;

/** Failures that another querier may not have. */
const WORTH_A_RETRY: ReadonlySet<string> = new Set(['unavailable', 'internal', 'unimplemented', 'resource_exhausted']);

/**
 * Jobs wait by tenant, and tenants are served in turn, so that one with a thousand jobs does not keep one with a single job waiting. A querier that can do more holds
 * more streams open. A stream that breaks gives its job back.
 */
export function createDispatcher(deps: DispatcherDeps): Dispatcher {
  return new TenantDispatcher(deps);
}

class TenantDispatcher implements Dispatcher {
  readonly #deps: DispatcherDeps;
  /** First in, first out; the tenants in the order they are served. */
  readonly #waiting = new Map<TenantId, Job[]>();
  readonly #assigned = new Map<string, Assignment>();
  /** Streams without a job, as what to call with one. */
  readonly #idle = new Set<(job: Job) => void>();
  #streams = 0;
  /** Jobs that are not done yet. */
  readonly #open = new Set<Job>();
  #cancelGiveUp: (() => void) | undefined;
  #isDraining = false;
  #whenDrained: (() => void) | undefined;
  readonly #stopping = new AbortController();
  readonly runner: TaskRunner;
  readonly methods: readonly RpcMethod[];

  constructor(deps: DispatcherDeps) {
    this.#deps = deps;
    const length = deps.metrics.gauge('tempo_query_frontend_queue_length', 'Jobs that wait for a querier.');
    const clients = deps.metrics.gauge('tempo_query_frontend_connected_clients', 'Streams of queriers that ask for work.');
    deps.metrics.onCollect(() => {
      clients.set(this.#streams);
      length.set([...this.#waiting.values()].reduce((sum, jobs) => sum + jobs.length, 0));
    });
    this.runner = {
      run: async (task, job, options) =>
        (job.sources.tables.length > 0 ? doneHere(task, job.sources) : await this.#submit(task, job, options?.signal)) as never,
    };
    this.methods = [
      { path: WORK_PATH, handle: (call) => this.#work(call) },
      { path: RESULT_PATH, handle: (call) => this.#result(call) },
    ];
  }

  get streams(): number {
    return this.#streams;
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
    this.#stopping.abort();
    for (const job of this.#open) job.done.reject(stoppingError());
  }

  async #submit(task: TaskName, input: RemoteTasks[TaskName], signal: AbortSignal | undefined): Promise<unknown> {
    signal?.throwIfAborted();
    if (this.#isDraining) throw stoppingError();
    const job: Job = { tenant: input.sources.tenant, task, packed: packJob(input), signal, done: Promise.withResolvers(), attempts: 0 };
    const cancel = (): void => this.#cancel(job);
    signal?.addEventListener('abort', cancel, { once: true });
    this.#open.add(job);
    this.#enqueue(job);
    try {
      return await job.done.promise;
    } finally {
      signal?.removeEventListener('abort', cancel);
      this.#open.delete(job);
      if (this.#open.size === 0) this.#whenDrained?.();
    }
  }

  #enqueue(job: Job): void {
    const jobs = this.#waiting.get(job.tenant);
    if (jobs) jobs.push(job);
    else this.#waiting.set(job.tenant, [job]);
    this.#assign();
    if (this.#streams === 0) this.#cancelGiveUp ??= this.#deps.timers.after(NO_QUERIER_MS, () => this.#giveUp());
  }

  /** A question that nobody would answer is not left to its time-out. */
  #giveUp(): void {
    this.#cancelGiveUp = undefined;
    if (this.#streams > 0) return;
    const waiting = [...this.#waiting.values()].flat();
    this.#waiting.clear();
    for (const job of waiting)
      job.done.reject(
        new AppError('unavailable', 'no querier is connected to this query frontend (querier.frontend_worker.frontend_address of the queriers)', {
          retryAfterMs: RETRY_AFTER_MS,
        }),
      );
  }

  #assign(): void {
    for (const take of this.#idle) {
      const job = this.#next();
      if (!job) return;
      this.#idle.delete(take);
      take(job);
    }
  }

  /** Of the tenant whose turn it is; that goes to the end of the turn. */
  #next(): Job | undefined {
    for (const [tenant, jobs] of this.#waiting) {
      const job = jobs.shift();
      this.#waiting.delete(tenant);
      if (jobs.length > 0) this.#waiting.set(tenant, jobs);
      return job;
    }
    return undefined;
  }

  #cancel(job: Job): void {
    job.done.reject(AppError.from(job.signal?.reason, 'canceled'));
    const waiting = this.#waiting.get(job.tenant);
    const at = waiting?.indexOf(job) ?? -1;
    if (waiting && at >= 0) {
      waiting.splice(at, 1);
      if (waiting.length === 0) this.#waiting.delete(job.tenant);
    }
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
    this.#streams++;
    this.#cancelGiveUp?.();
    this.#cancelGiveUp = undefined;
    let current: Assignment | undefined;
    const take = (job: Job): void => {
      const id = randomUUID();
      const answered = (): void => {
        this.#assigned.delete(id);
        current = undefined;
        if (!ended.aborted) this.#idle.add(take);
        this.#assign();
      };
      current = { id, call, job, joiner: new FrameJoiner(this.#deps.maxResultBytes), answered };
      this.#assigned.set(id, current);
      job.attempts++;
      void this.#tell(call, { kind: 'item', id, task: job.task, job: job.packed });
    };
    this.#idle.add(take);
    this.#assign();
    await gone.promise;
    this.#streams--;
    this.#idle.delete(take);
    const left = current;
    if (left) {
      this.#assigned.delete(left.id);
      if (left.job) this.#retry(left.job, new AppError('unavailable', 'the querier that worked on a part of the query has gone'));
    }
    return OK;
  }

  async #result({ request, send }: RpcCall): Promise<RpcStatus> {
    await send(new Uint8Array());
    const { id, frame } = decode(request) as ResultPart;
    const assignment = this.#assigned.get(id);
    if (!assignment) return OK;
    const { job, joiner, answered } = assignment;
    try {
      const bytes = joiner.add(frame);
      if (!bytes) return OK;
      answered();
      if (job) this.#settle(job, decode(bytes) as WorkResult);
    } catch (reason) {
      answered();
      job?.done.reject(reason);
    }
    return OK;
  }

  #settle(job: Job, result: WorkResult): void {
    if ('value' in result) return job.done.resolve(unpackResult(job.task, result.value));
    const error = new AppError(result.code, result.message);
    if (WORTH_A_RETRY.has(error.code)) this.#retry(job, error);
    else job.done.reject(error);
  }

  #retry(job: Job, reason: AppError): void {
    if (job.signal?.aborted) return;
    if (this.#stopping.signal.aborted) return job.done.reject(stoppingError());
    if (job.attempts > this.#deps.maxRetries) return job.done.reject(reason);
    this.#deps.logger.info('a part of a query is given to another querier', { tenant: job.tenant, attempt: job.attempts, err: reason.message });
    this.#enqueue(job);
  }
}

function stoppingError(): AppError {
  return new AppError('unavailable', 'the query frontend is shutting down', { retryAfterMs: RETRY_AFTER_MS });
}

/** What queriers found of a trace is in the memory of this process; there is no other such job. */
function doneHere(task: TaskName, { tables }: JobSources): FindTraceResult {
  assert(task === 'findTrace', `task ${task} over tables in memory cannot be given to a querier`);
  return { trace: joinTrace(tables), inspectedBytes: 0 };
}

const OK: RpcStatus = { code: 0, details: '' };
