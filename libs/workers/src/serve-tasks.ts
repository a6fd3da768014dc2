import os from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import type { Transferable } from 'node:worker_threads';
import { AppError, assert } from '@vivace/base';
import type { MetricsRegistry } from '@vivace/base';
import { collect } from './collect.ts';
import { encodeError } from './messages.ts';
import type { FromWorker, RunMessage, ToWorker, WorkerStart } from './messages.ts';
import { collectDeltas } from './thread-metrics.ts';
import type { DeltaMetrics } from './thread-metrics.ts';

export interface TaskContext {
  /** Aborted when the caller gave up: an event for code that awaits something, while loops ask its `throwIfAborted`, which is that below. */
  readonly signal: AbortSignal;
  /** Throws `canceled` when the caller gave up. Cheap (one atomic read), for loops that do not await. */
  throwIfAborted(): void;
}

// `never` makes every handler assignable, whatever its input is.
export type TaskHandler = (input: never, context: TaskContext) => unknown;
export type TaskHandlers = Readonly<Record<string, TaskHandler>>;

/** A result together with what of it is moved instead of copied. Shared memory needs neither. */
export class Transfer<T> {
  readonly value: T;
  readonly list: readonly Transferable[];

  constructor(value: T, list: readonly Transferable[]) {
    this.value = value;
    this.list = list;
  }
}

export interface ServeOptions {
  /** Tasks after which garbage is collected, and which: those that get large tables by handle, or leave much behind. */
  readonly collectAfter?: Readonly<Record<string, 'minor' | 'major' | undefined>>;
  /** How much the thread stands back for the threads that serve connections, where the system can tell threads apart (Linux): 0 (not at all, the default) to 19. */
  readonly niceness?: number;
}

/**
 * The whole of a worker script: answers tasks, one at a time, until the thread is ended by its pool.
 * The pool's type parameter is the type of what is given here.
 */
export function serveTasks(handlers: TaskHandlers, options: ServeOptions = {}): void {
  assert(parentPort, 'serveTasks runs in a worker thread');
  // On Linux, 0 is the calling thread (setpriority(2)); elsewhere it is the whole process.
  if (options.niceness && process.platform === 'linux') os.setPriority(0, options.niceness);
  const port = parentPort;
  const { abortedId } = workerData as WorkerStart;
  const controllers = new Map<number, AbortController>();
  const post = (message: FromWorker, transfer: readonly Transferable[] = []): void => port.postMessage(message, transfer);

  const run = async ({ id, task, input }: RunMessage): Promise<void> => {
    const controller = new AbortController();
    controllers.set(id, controller);
    const throwIfAborted = (): void => {
      if (Atomics.load(abortedId, 0) === id) throw new AppError('canceled', `task ${task}: aborted`);
    };
    // No event reaches a thread that is busy: what is only given a signal can ask all the same.
    controller.signal.throwIfAborted = throwIfAborted;
    const context: TaskContext = { signal: controller.signal, throwIfAborted };
    try {
      const handler = Object.hasOwn(handlers, task) ? handlers[task] : undefined;
      if (!handler) throw new AppError('unimplemented', `task ${task}: not served by this worker`);
      const output: unknown = await handler(input as never, context);
      // Before the answer: after its last one the thread may be ended.
      metrics?.flush();
      if (output instanceof Transfer) post({ kind: 'done', id, output: output.value }, output.list);
      else post({ kind: 'done', id, output });
    } catch (error) {
      metrics?.flush();
      post({ kind: 'failed', id, error: encodeError(error) });
    } finally {
      controllers.delete(id);
      // Later, when nothing on the stack holds the input any more.
      const garbage = options.collectAfter?.[task];
      if (garbage) setImmediate(() => collect(garbage));
    }
  };

  port.on('message', (message: ToWorker) => {
    if (message.kind === 'run') void run(message);
    else controllers.get(message.id)?.abort();
  });
  post({ kind: 'ready' });
}

let metrics: DeltaMetrics | undefined;

/** Metrics for the tasks of this thread: counters and histograms, which arrive in the `metrics` of the pool a little later, at the latest before the answer of a task. */
export function threadMetrics(): MetricsRegistry {
  assert(parentPort, 'threadMetrics is for worker threads');
  const port = parentPort;
  return (metrics ??= collectDeltas((deltas) => port.postMessage({ kind: 'metrics', deltas } satisfies FromWorker)));
}

/** What the pool's owner gave as `data`. */
export function workerStartData<T>(): T {
  return (workerData as WorkerStart).data as T;
}
