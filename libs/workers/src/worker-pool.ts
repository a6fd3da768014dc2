import { Worker } from 'node:worker_threads';
import type { ResourceLimits, Transferable } from 'node:worker_threads';
import { AppError } from '@vivace/base';
import type { MetricsRegistry } from '@vivace/base';
import { execArgvFor } from './exec-argv.ts';
import { decodeError } from './messages.ts';
import type { FromWorker, ToWorker, WorkerStart } from './messages.ts';
import type { TaskHandlers, Transfer } from './serve-tasks.ts';
import { addDeltas } from './thread-metrics.ts';

export interface WorkerPoolOptions {
  /** Module that calls `serveTasks`; see `workerScript`. */
  readonly script: URL;
  /** Names the threads and begins error messages. */
  readonly name: string;
  /** Threads, at least 1. */
  readonly size: number;
  /** Tasks that may wait, per priority. */
  readonly maxQueued: number;
  /** The configuration key behind `maxQueued`, for the message of a refusal. */
  readonly maxQueuedKey?: string;
  /** Handed to every worker (structured clone); read there with `workerStartData`. */
  readonly data?: unknown;
  readonly resourceLimits?: ResourceLimits;
  /** What threads count with `threadMetrics` is added here. */
  readonly metrics?: MetricsRegistry;
  /** A thread died; its task, if any, was rejected and it is replaced. */
  readonly onCrash?: (error: AppError) => void;
}

/**
 * A quarter of the threads, at least one, serves background tasks first: what was received must reach the disk however many queries there are. For the
 * others interactive tasks go first, and when there are two threads or more one is kept for them.
 */
export type Priority = 'interactive' | 'background';

export interface RunOptions {
  /** Default `interactive`. */
  readonly priority?: Priority;
  readonly signal?: AbortSignal;
  /**
   * Tasks of one number (modulo the threads) go to one thread, which may have kept what they need. One waits while it works on another of
   * them; any further, and those it has no time for because of other work, are taken by threads with nothing else to do. Without a number
   * any free thread will do.
   */
  readonly affinity?: number;
  /** Parts of the input that are moved instead of copied. */
  readonly transfer?: readonly Transferable[];
}

export interface PoolStats {
  readonly size: number;
  readonly running: Readonly<Record<Priority, number>>;
  readonly queued: Readonly<Record<Priority, number>>;
}

type Input<H> = H extends (input: infer I, ...rest: never[]) => unknown ? I : never;
type Output<H> = H extends (...args: never[]) => infer O ? (Awaited<O> extends Transfer<infer T> ? T : Awaited<O>) : never;

/** `H` is the type of the handlers its script serves. */
export interface WorkerPool<H extends TaskHandlers> {
  /**
   * Runs a task on a thread of its own. Rejects with the handler's AppError (code and message), with `internal` when the thread died,
   * with `resource_exhausted` when too many tasks wait, and with `canceled` as soon as the signal aborts: the task may then
   * still be running, until it looks at its context, so what it reads or writes must stay valid.
   */
  run<K extends keyof H & string>(task: K, input: Input<H[K]>, options?: RunOptions): Promise<Output<H[K]>>;
  stats(): PoolStats;
  /** Takes no more tasks, finishes those it has, and ends the threads; once `signal` aborts it ends them at once, rejecting what is left with `unavailable`. */
  stop(signal?: AbortSignal): Promise<void>;
}

export function createWorkerPool<H extends TaskHandlers>(options: WorkerPoolOptions): WorkerPool<H> {
  return new ThreadPool(options) as WorkerPool<H>;
}

interface Job {
  readonly id: number;
  readonly task: string;
  readonly input: unknown;
  readonly priority: Priority;
  readonly slot: number | undefined;
  readonly transfer: readonly Transferable[];
  readonly resolve: (output: unknown) => void;
  readonly reject: (error: AppError) => void;
}

interface Thread {
  readonly worker: Worker;
  readonly abortedId: Int32Array;
  ready: boolean;
  job: Job | undefined;
  /** What `error` said; `exit` follows it. */
  failure: unknown;
}

class ThreadPool implements WorkerPool<TaskHandlers> {
  readonly #options: WorkerPoolOptions;
  readonly #maxBackground: number;
  /** So many background tasks go before interactive ones. */
  readonly #backgroundFirst: number;
  /** By slot; a thread that died while loading leaves its slot empty until a task needs it. */
  readonly #threads: (Thread | undefined)[];
  readonly #queued: Record<Priority, Job[]> = { interactive: [], background: [] };
  readonly #running: Record<Priority, number> = { interactive: 0, background: 0 };
  #lastId = 0;
  #state: 'running' | 'stopping' | 'stopped' = 'running';
  readonly #drained = Promise.withResolvers<void>();

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
    this.#maxBackground = Math.max(1, options.size - 1);
    this.#backgroundFirst = Math.max(1, options.size >> 2);
    this.#threads = Array.from({ length: options.size }, (_, slot) => this.#spawn(slot));
  }

  run(task: string, input: unknown, { priority = 'interactive', signal, affinity, transfer = [] }: RunOptions = {}): Promise<never> {
    const { name, maxQueued, maxQueuedKey = 'maxQueued' } = this.#options;
    if (this.#state !== 'running') return Promise.reject(new AppError('unavailable', `workers ${name}: stopped`));
    if (signal?.aborted) return Promise.reject(aborted(signal));
    const queue = this.#queued[priority];
    if (queue.length >= maxQueued && !this.#hasRoom(priority)) {
      const message = `workers ${name}: ${queue.length} ${priority} tasks are waiting, the limit is ${maxQueued} (${maxQueuedKey})`;
      return Promise.reject(new AppError('resource_exhausted', message, { retryAfterMs: 1_000 }));
    }
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#abort(job);
        job.reject(aborted(signal!));
      };
      const job: Job = {
        id: (this.#lastId = (this.#lastId + 1) | 0),
        task,
        input,
        priority,
        slot: affinity === undefined ? undefined : affinity % this.#options.size,
        transfer,
        resolve: (output) => {
          signal?.removeEventListener('abort', onAbort);
          // The caller's type says what the handler of this task returns.
          resolve(output as never);
        },
        reject: (error) => {
          signal?.removeEventListener('abort', onAbort);
          reject(error);
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      queue.push(job);
      this.#dispatch();
    });
  }

  stats(): PoolStats {
    return {
      size: this.#options.size,
      running: { ...this.#running },
      queued: { interactive: this.#queued.interactive.length, background: this.#queued.background.length },
    };
  }

  async stop(signal?: AbortSignal): Promise<void> {
    if (this.#state === 'running') this.#state = 'stopping';
    if (signal?.aborted || this.#isIdle()) this.#drained.resolve();
    signal?.addEventListener('abort', () => this.#drained.resolve(), { once: true });
    await this.#drained.promise;
    this.#state = 'stopped';
    const error = new AppError('unavailable', `workers ${this.#options.name}: stopped`);
    for (const job of [...this.#queued.interactive.splice(0), ...this.#queued.background.splice(0)]) job.reject(error);
    const threads = this.#threads.filter((thread) => thread !== undefined);
    for (const thread of threads) thread.job?.reject(error);
    await Promise.all(threads.map((thread) => thread.worker.terminate()));
  }

  #isIdle(): boolean {
    const { running, queued } = this.stats();
    return running.interactive + running.background + queued.interactive + queued.background === 0;
  }

  #hasRoom(priority: Priority): boolean {
    const total = this.#running.interactive + this.#running.background;
    return total < this.#options.size && (priority === 'interactive' || this.#running.background < this.#maxBackground);
  }

  #dispatch(): void {
    const { interactive, background } = this.#queued;
    while (background.length > 0 && this.#running.background < this.#backgroundFirst && this.#hasRoom('background') && this.#startNext(background));
    while (interactive.length > 0 && this.#hasRoom('interactive') && this.#startNext(interactive));
    while (background.length > 0 && this.#hasRoom('background') && this.#startNext(background));
    if (this.#state === 'stopping' && this.#isIdle()) this.#drained.resolve();
  }

  /** Starts the first task whose own thread is free, or that another may take. A thread must be free. False when all had better wait. */
  #startNext(queue: Job[]): boolean {
    const isFree = (slot: number): boolean => this.#threads[slot]?.job === undefined;
    let index = queue.findIndex(({ slot }) => slot === undefined || isFree(slot));
    if (index < 0) {
      const soon = new Set<number | undefined>(this.#threads.flatMap((thread, slot) => (thread?.job?.slot === slot ? slot : [])));
      // The first of a thread that will be free for it soon is left to it: what it needs is there.
      index = queue.findIndex(({ slot }) => !soon.delete(slot));
    }
    if (index < 0) return false;
    const [job] = queue.splice(index, 1);
    const anyFree = this.#threads.findLastIndex((_, slot) => isFree(slot));
    this.#start(job, job.slot !== undefined && isFree(job.slot) ? job.slot : anyFree);
    return true;
  }

  #start(job: Job, slot: number): void {
    const thread = (this.#threads[slot] ??= this.#spawn(slot));
    thread.job = job;
    this.#running[job.priority]++;
    try {
      post(thread, { kind: 'run', id: job.id, task: job.task, input: job.input }, job.transfer);
    } catch (cause) {
      this.#finish(thread);
      job.reject(new AppError('internal', `workers ${this.#options.name}: input of task ${job.task} cannot be sent: ${messageOf(cause)}`, { cause }));
    }
  }

  /** Frees the thread; returns the job it had. */
  #finish(thread: Thread): Job | undefined {
    const job = thread.job;
    thread.job = undefined;
    if (job) this.#running[job.priority]--;
    return job;
  }

  #abort(job: Job): void {
    const queue = this.#queued[job.priority];
    const index = queue.indexOf(job);
    if (index >= 0) {
      queue.splice(index, 1);
      this.#dispatch();
      return;
    }
    for (const thread of this.#threads) {
      if (thread?.job !== job) continue;
      Atomics.store(thread.abortedId, 0, job.id);
      post(thread, { kind: 'abort', id: job.id });
    }
  }

  #spawn(slot: number): Thread {
    const { script, name, data, resourceLimits } = this.#options;
    const abortedId = new Int32Array(new SharedArrayBuffer(4));
    const workerData: WorkerStart = { abortedId, data };
    const worker = new Worker(script, { name, workerData, execArgv: execArgvFor(script), ...(resourceLimits && { resourceLimits }) });
    const thread: Thread = { worker, abortedId, ready: false, job: undefined, failure: undefined };
    worker.on('message', (message: FromWorker) => this.#receive(thread, message));
    worker.on('error', (error) => {
      thread.failure = error;
    });
    worker.on('messageerror', (error) => {
      thread.failure = error;
      void worker.terminate();
    });
    worker.on('exit', (exitCode) => this.#exited(thread, slot, exitCode));
    return thread;
  }

  #receive(thread: Thread, message: FromWorker): void {
    if (message.kind === 'ready') {
      thread.ready = true;
      return;
    }
    if (message.kind === 'metrics') {
      if (this.#options.metrics) addDeltas(this.#options.metrics, message.deltas);
      return;
    }
    const job = this.#finish(thread);
    if (message.kind === 'done') job?.resolve(message.output);
    else job?.reject(decodeError(message.error));
    this.#dispatch();
  }

  #exited(thread: Thread, slot: number, exitCode: number): void {
    this.#threads[slot] = undefined;
    if (this.#state === 'stopped') return;
    const job = this.#finish(thread);
    const what = job ? `thread died in task ${job.task}` : 'thread died';
    const why = thread.failure === undefined ? `exit code ${exitCode}` : messageOf(thread.failure);
    const error = new AppError('internal', `workers ${this.#options.name}: ${what}: ${why}`, { cause: thread.failure });
    job?.reject(error);
    this.#options.onCrash?.(error);
    // A script that dies while it loads would die again: such a thread is replaced only when a task needs it.
    if (thread.ready) this.#threads[slot] = this.#spawn(slot);
    this.#dispatch();
  }
}

function post(thread: Thread, message: ToWorker, transfer: readonly Transferable[] = []): void {
  thread.worker.postMessage(message, transfer);
}

function aborted(signal: AbortSignal): AppError {
  return AppError.from(signal.reason, 'canceled');
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
