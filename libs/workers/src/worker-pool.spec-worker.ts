// The worker of worker-pool.spec.ts. Gates are shared cells: a task waits in one until the test opens it, so that no test sleeps.
import { threadId } from 'node:worker_threads';
import { AppError } from '@vivace/base';
import { serveTasks, threadMetrics, Transfer, workerStartData } from './serve-tasks.ts';
import type { TaskContext } from './serve-tasks.ts';

const metrics = threadMetrics();
const eaten = metrics.counter('eaten_total', 'Things eaten.', ['what']);
const seconds = metrics.histogram('meal_seconds', 'Time of a meal.', [], { buckets: [1, 2] });

function spin(gate: Int32Array, checkpoint: () => void): never {
  Atomics.add(gate, 1, 1);
  Atomics.notify(gate, 1);
  try {
    for (;;) checkpoint();
  } finally {
    Atomics.store(gate, 2, 1);
    Atomics.notify(gate, 2);
  }
}

const handlers = {
  add: ({ a, b }: { a: number; b: number }) => a + b,
  thread: () => threadId,
  startData: () => workerStartData<{ greeting: string }>().greeting,
  move: ({ bytes }: { bytes: Uint8Array<ArrayBuffer> }) => new Transfer(bytes, [bytes.buffer]),
  async wait({ gate }: { gate: Int32Array }, { signal }: TaskContext) {
    Atomics.add(gate, 1, 1);
    Atomics.notify(gate, 1);
    while (Atomics.load(gate, 0) === 0) {
      await Atomics.waitAsync(gate, 0, 0, 5).value;
      signal.throwIfAborted();
    }
    return 'opened';
  },
  spin: ({ gate }: { gate: Int32Array }, context: TaskContext) => spin(gate, () => context.throwIfAborted()),
  spinOnSignal: ({ gate }: { gate: Int32Array }, { signal }: TaskContext) => spin(gate, () => signal.throwIfAborted()),
  refuse() {
    throw new AppError('resource_exhausted', 'too many cooks', { retryAfterMs: 250 });
  },
  stumble() {
    throw new TypeError('x is not a function');
  },
  eat({ what, times }: { what: string; times: number }) {
    eaten.with({ what }).inc(times);
    seconds.observe(times / 2);
  },
  async eatAndWait({ gate }: { gate: Int32Array }) {
    eaten.with({ what: 'bread' }).inc();
    while (Atomics.load(gate, 0) === 0) await Atomics.waitAsync(gate, 0, 0).value;
  },
  choke() {
    eaten.with({ what: 'stone' }).inc();
    throw new AppError('internal', 'choked');
  },
  unsendable: () => () => undefined,
  die() {
    setImmediate(() => {
      throw new Error('boom');
    });
    return new Promise<never>(() => undefined);
  },
  exit() {
    process.exit(3);
  },
};

export type Handlers = typeof handlers;

serveTasks(handlers);
