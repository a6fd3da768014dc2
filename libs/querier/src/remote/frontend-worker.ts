import { AppError, Seldom, SINGLE_TENANT } from '@vivace/base';
import type { Clock, Logger } from '@vivace/base';
import { callOnce, decode, encode, FrameJoiner, toFrames } from '@vivace/rpc';
import type { RpcChannel } from '@vivace/rpc';
import type { TaskRunner } from '../task-runner.ts';
import { ALIVE_MS, ALIVE_PATH, anyTask, packResult, RESULT_PATH, unpackJob, WORK_PATH } from './wire.ts';
import type { FrontendMessage, WorkItem, WorkResult } from './wire.ts';

export interface FrontendWorkerDeps {
  /** Told to frontends, for their logs. */
  readonly querierId: string;
  /** Addresses of the frontends there are now (`querier.frontend_worker.frontend_address`). */
  readonly frontends: () => Promise<readonly string[]>;
  /** How often that is asked again. */
  readonly refreshMs: number;
  readonly channel: (address: string) => RpcChannel;
  /** Jobs at a time, over all frontends (`querier.max_concurrent_queries`). */
  readonly concurrency: number;
  /** Instead, jobs of each frontend at a time (`querier.frontend_worker.parallelism`). */
  readonly perFrontend?: number | undefined;
  /** Where jobs are done. */
  readonly runner: TaskRunner;
  readonly maxJobBytes: number;
  readonly delay: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Asks every frontend for work, and does it. */
export interface FrontendWorker {
  start(): Promise<void>;
  /** Jobs under way are given back. */
  stop(): Promise<void>;
  /** Frontends that are connected. */
  readonly connected: number;
}

export function createFrontendWorker(deps: FrontendWorkerDeps): FrontendWorker {
  return new PullingWorker(deps);
}

/** Queriers get numbers with gaps, which all threads shall have some of. */
function mixed(affinity: number): number {
  return Math.imul(affinity, 0x9e3779b1) >>> 16;
}

const RECONNECT_MS = 500;
const RESULT_TIMEOUT_MS = 30_000;

class PullingWorker implements FrontendWorker {
  readonly #deps: FrontendWorkerDeps;
  readonly #seldom: Seldom;
  readonly #stopping = new AbortController();
  /** Streams to a frontend, ended one by one when there are too many. */
  readonly #streams = new Map<string, { readonly stop: AbortController; open: boolean }[]>();
  #loops: Promise<unknown> = Promise.resolve();

  constructor(deps: FrontendWorkerDeps) {
    this.#deps = deps;
    this.#seldom = new Seldom(deps.clock);
  }

  async start(): Promise<void> {
    await this.#refresh();
    this.#loops = Promise.all([this.#keepFresh(), this.#sayAlive()]);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const streams of this.#streams.values()) for (const { stop } of streams) stop.abort();
    await this.#loops;
  }

  get connected(): number {
    return [...this.#streams.values()].filter((streams) => streams.some(({ open }) => open)).length;
  }

  async #keepFresh(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await this.#deps.delay(this.#deps.refreshMs, signal).catch(() => undefined);
      if (!signal.aborted) await this.#refresh();
    }
  }

  /** Nothing else tells a frontend of a process that was stopped, or of a machine that vanished: its connections stay. */
  async #sayAlive(): Promise<void> {
    const { signal } = this.#stopping;
    const unanswered = new Set<string>();
    while (!signal.aborted) {
      for (const address of this.#streams.keys()) {
        if (unanswered.has(address)) continue;
        unanswered.add(address);
        void callOnce(this.#deps.channel(address), ALIVE_PATH, encode({ querierId: this.#deps.querierId }), {
          timeoutMs: ALIVE_MS,
          signal,
          tenant: SINGLE_TENANT,
        })
          .catch(() => undefined) // the streams tell
          .finally(() => unanswered.delete(address));
      }
      await this.#deps.delay(ALIVE_MS, signal).catch(() => undefined);
    }
  }

  /** As many streams to each frontend as its share of the jobs at a time; one at least, so that none is without a querier. */
  async #refresh(): Promise<void> {
    const { frontends, concurrency, perFrontend, logger } = this.#deps;
    let addresses: readonly string[];
    try {
      addresses = await frontends();
    } catch (reason) {
      logger.warn('query frontends could not be looked up, the known ones are kept', { err: reason });
      return;
    }
    const share = perFrontend ?? Math.max(1, Math.ceil(concurrency / Math.max(1, addresses.length)));
    for (const address of new Set([...addresses, ...this.#streams.keys()])) {
      const wanted = addresses.includes(address) ? share : 0;
      const streams = this.#streams.get(address) ?? [];
      while (streams.length > wanted) streams.pop()?.stop.abort();
      while (streams.length < wanted) streams.push(this.#open(address));
      if (wanted === 0) this.#streams.delete(address);
      else this.#streams.set(address, streams);
    }
  }

  #open(address: string): { readonly stop: AbortController; open: boolean } {
    const state = { stop: new AbortController(), open: false };
    void this.#pull(address, state);
    return state;
  }

  /** One stream, opened again whenever it breaks. */
  async #pull(address: string, state: { readonly stop: AbortController; open: boolean }): Promise<void> {
    const { logger, delay, channel, querierId } = this.#deps;
    const { signal } = state.stop;
    while (!signal.aborted) {
      const jobs = new Map<string, AbortController>();
      try {
        const joiner = new FrameJoiner(this.#deps.maxJobBytes);
        const way = channel(address);
        for await (const frame of way.call(WORK_PATH, encode({ querierId }), { signal, tenant: SINGLE_TENANT })) {
          state.open = true;
          const bytes = joiner.add(frame);
          if (bytes) this.#take(way, decode(bytes) as FrontendMessage, jobs);
        }
      } catch (reason) {
        const times = signal.aborted || state.open ? 0 : this.#seldom.times(address);
        if (times > 0) logger.warn('a query frontend cannot be asked for work', { frontend: address, err: AppError.from(reason).message, times });
        else if (!signal.aborted) logger.debug('stream to a query frontend ended', { frontend: address, err: reason });
      }
      state.open = false;
      for (const job of jobs.values()) job.abort(new AppError('canceled', 'the query frontend has gone'));
      if (!signal.aborted) await delay(RECONNECT_MS, signal).catch(() => undefined);
    }
  }

  #take(way: RpcChannel, message: FrontendMessage, jobs: Map<string, AbortController>): void {
    if (message.kind === 'cancel') {
      jobs.get(message.id)?.abort(new AppError('canceled', 'the query was cancelled'));
      return;
    }
    const controller = new AbortController();
    jobs.set(message.id, controller);
    void this.#do(message, controller.signal)
      .then((result) => this.#answer(way, message.id, result))
      .catch((reason: unknown) => this.#deps.logger.warn('result could not be given to the query frontend', { err: reason }))
      .finally(() => jobs.delete(message.id));
  }

  async #do({ task, job, affinity }: WorkItem, signal: AbortSignal): Promise<WorkResult> {
    try {
      return {
        value: packResult(
          task,
          await anyTask(this.#deps.runner)(task, unpackJob(job), { signal, ...(affinity !== undefined && { affinity: mixed(affinity) }) }),
        ),
      };
    } catch (reason) {
      const error = AppError.from(reason);
      if (error.code === 'internal') this.#deps.logger.error('part of a query failed', { task, err: reason });
      return { code: error.code, message: error.message, ...(error.reason && { reason: error.reason }) };
    }
  }

  async #answer(way: RpcChannel, id: string, result: WorkResult): Promise<void> {
    for (const frame of toFrames(encode(result)))
      await callOnce(way, RESULT_PATH, encode({ id, frame }), { timeoutMs: RESULT_TIMEOUT_MS, tenant: SINGLE_TENANT });
  }
}
