import { createMemoryMetrics } from '@vivace/base';
import { afterEach, describe, expect, it } from 'vitest';
import { createWorkerPool } from './worker-pool.ts';
import type { WorkerPool, WorkerPoolOptions } from './worker-pool.ts';
import type { Handlers } from './worker-pool.spec-worker.ts';
import { workerScript } from './worker-script.ts';

const pools: WorkerPool<Handlers>[] = [];
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.stop(AbortSignal.abort())));
});

function createTestPool(options: Partial<WorkerPoolOptions> = {}): WorkerPool<Handlers> {
  const pool = createWorkerPool<Handlers>({
    script: workerScript(import.meta.url, './worker-pool.spec-worker'),
    name: 'test',
    size: 2,
    maxQueued: 10,
    data: { greeting: 'hello' },
    ...options,
  });
  pools.push(pool);
  return pool;
}

/** Cell 0 opens the gate, cell 1 counts the tasks that reached it, cell 2 says that one left it. */
function createGate(): { gate: Int32Array; open(): void; reached(n: number): Promise<void>; left(): Promise<void> } {
  const gate = new Int32Array(new SharedArrayBuffer(12));
  const until = async (cell: number, n: number): Promise<void> => {
    for (let seen = Atomics.load(gate, cell); seen < n; seen = Atomics.load(gate, cell)) await Atomics.waitAsync(gate, cell, seen).value;
  };
  return {
    gate,
    open() {
      Atomics.store(gate, 0, 1);
      Atomics.notify(gate, 0);
    },
    reached: (n) => until(1, n),
    left: () => until(2, 1),
  };
}

describe('metrics', () => {
  it('of threads are added to those of the process', async () => {
    const metrics = createMemoryMetrics();
    const pool = createTestPool({ metrics });
    await Promise.all([1, 2, 3].map((times) => pool.run('eat', { what: 'apple', times })));
    await pool.run('eat', { what: 'pear', times: 4 });
    expect([metrics.value('eaten_total', { what: 'apple' }), metrics.value('eaten_total', { what: 'pear' })]).toEqual([6, 4]);
    expect([metrics.value('meal_seconds'), metrics.sum('meal_seconds')]).toEqual([4, 5]);
  });

  it('of a task are told while it is under way, and when it fails', async () => {
    const metrics = createMemoryMetrics();
    const pool = createTestPool({ metrics, size: 1 });
    const { gate, open } = createGate();
    const waiting = pool.run('eatAndWait', { gate });
    await expect.poll(() => metrics.value('eaten_total', { what: 'bread' })).toBe(1);
    open();
    await waiting;
    await expect(pool.run('choke', undefined)).rejects.toThrow('choked');
    expect(metrics.value('eaten_total', { what: 'stone' })).toBe(1);
  });
});

describe('run', () => {
  it('returns what the handler returns', async () => {
    const pool = createTestPool();
    expect(await Promise.all(Array.from({ length: 10 }, (_, i) => pool.run('add', { a: i, b: 1 })))).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(await pool.run('startData', undefined)).toBe('hello');
    expect(pool.stats()).toEqual({ size: 2, running: { interactive: 0, background: 0 }, queued: { interactive: 0, background: 0 } });
  });

  it('gives tasks of one affinity to one thread, where one waits for another, and more to any', async () => {
    const pool = createTestPool();
    const threadOf = (affinity: number) => pool.run('thread', undefined, { affinity });
    const even = await threadOf(4);
    const odd = await threadOf(7);
    expect([await threadOf(0), await threadOf(1), await threadOf(3), await threadOf(2)]).toEqual([even, odd, odd, even]);
    expect(odd).not.toBe(even);
    const { gate, open, reached } = createGate();
    const busy = pool.run('wait', { gate }, { affinity: 0 });
    await reached(1);
    const [first, second] = [threadOf(0), threadOf(0)];
    expect(await second).toBe(odd);
    open();
    await busy;
    expect(await first).toBe(even);
  });

  it('gives tasks to another thread while their own does other work', async () => {
    const pool = createTestPool();
    const { gate, open, reached } = createGate();
    const busy = pool.run('wait', { gate }, { priority: 'background' });
    await reached(1);
    const threads = await Promise.all([0, 1, 2, 3].map((affinity) => pool.run('thread', undefined, { affinity })));
    expect(new Set(threads).size).toBe(1);
    open();
    await busy;
  });

  it('moves transferred buffers both ways', async () => {
    const pool = createTestPool();
    const bytes = Uint8Array.of(1, 2, 3);
    const moved = await pool.run('move', { bytes }, { transfer: [bytes.buffer] });
    expect(bytes.length).toBe(0);
    expect([...moved]).toEqual([1, 2, 3]);
  });

  it('keeps code, message and delay of an AppError, and calls any other error internal', async () => {
    const pool = createTestPool();
    await expect(pool.run('refuse', undefined)).rejects.toMatchObject({
      name: 'AppError',
      code: 'resource_exhausted',
      message: 'too many cooks',
      retryAfterMs: 250,
    });
    const error = await pool.run('stumble', undefined).catch((reason: Error) => reason);
    expect(error).toMatchObject({ code: 'internal', message: 'x is not a function' });
    expect(((error as Error).cause as Error).stack).toContain('spec-worker');
  });

  it('rejects inputs and outputs that cannot be sent, and unknown tasks, and goes on', async () => {
    const pool = createTestPool({ size: 1 });
    await expect(pool.run('add', { a: 1, b: (() => 1) as never })).rejects.toMatchObject({
      code: 'internal',
      message: /^workers test: input of task add cannot be sent: /,
    });
    await expect(pool.run('unsendable', undefined)).rejects.toMatchObject({ code: 'internal' });
    await expect(pool.run('toString' as 'add', { a: 1, b: 1 })).rejects.toMatchObject({
      code: 'unimplemented',
      message: 'task toString: not served by this worker',
    });
    expect(await pool.run('add', { a: 1, b: 1 })).toBe(2);
  });
});

describe('queue', () => {
  it('refuses a task beyond the limit, naming it, and counts each priority by itself', async () => {
    const pool = createTestPool({ size: 1, maxQueued: 2, maxQueuedKey: 'query_workers.max_queued' });
    const { gate, open } = createGate();
    const running = [1, 2, 3].map(() => pool.run('wait', { gate }, { priority: 'background' }));
    await expect(pool.run('wait', { gate }, { priority: 'background' })).rejects.toMatchObject({
      code: 'resource_exhausted',
      message: 'workers test: 2 background tasks are waiting, the limit is 2 (query_workers.max_queued)',
      retryAfterMs: 1_000,
    });
    const interactive = pool.run('add', { a: 1, b: 1 });
    expect(pool.stats()).toEqual({ size: 1, running: { interactive: 0, background: 1 }, queued: { interactive: 1, background: 2 } });
    open();
    expect(await interactive).toBe(2);
    expect(await Promise.all(running)).toEqual(['opened', 'opened', 'opened']);
  });

  it('keeps a thread free of background work', async () => {
    const pool = createTestPool({ size: 3 });
    const { gate, open, reached } = createGate();
    const background = Array.from({ length: 5 }, () => pool.run('wait', { gate }, { priority: 'background' }));
    await reached(2);
    expect(pool.stats()).toMatchObject({ running: { background: 2 }, queued: { background: 3 } });
    expect(await pool.run('add', { a: 20, b: 3 })).toBe(23);
    open();
    await Promise.all(background);
  });

  it('runs background tasks first on one thread in four, interactive ones on the others', async () => {
    const pool = createTestPool({ size: 8 });
    const { gate, open, reached } = createGate();
    const first = Array.from({ length: 8 }, () => pool.run('wait', { gate }));
    await reached(8);
    const later = createGate();
    const rest = [1, 2, 3].flatMap(() => [pool.run('wait', { gate: later.gate }), pool.run('wait', { gate: later.gate }, { priority: 'background' })]);
    const more = Array.from({ length: 5 }, () => pool.run('wait', { gate: later.gate }));
    open();
    await Promise.all(first);
    await later.reached(8);
    expect(pool.stats()).toMatchObject({ running: { interactive: 6, background: 2 }, queued: { interactive: 2, background: 1 } });
    later.open();
    await Promise.all([...rest, ...more]);
  });

  it('runs background tasks while interactive ones never end', async () => {
    const pool = createTestPool({ size: 1 });
    let isOver = false;
    const flood = async (): Promise<void> => {
      while (!isOver) await pool.run('add', { a: 1, b: 1 });
    };
    const floods = [flood(), flood(), flood()];
    expect(await pool.run('add', { a: 1, b: 2 }, { priority: 'background' })).toBe(3);
    isOver = true;
    await Promise.all(floods);
  });
});

describe('cancellation', () => {
  it('drops a waiting task', async () => {
    const pool = createTestPool({ size: 1 });
    const { gate, open, reached } = createGate();
    const running = pool.run('wait', { gate });
    await reached(1);
    const controller = new AbortController();
    const waiting = pool.run('wait', { gate }, { signal: controller.signal });
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'canceled' });
    expect(pool.stats().queued.interactive).toBe(0);
    open();
    await running;
    await expect(pool.run('add', { a: 1, b: 1 }, { signal: controller.signal })).rejects.toMatchObject({ code: 'canceled' });
  });

  it('reaches a task that awaits and one that never does, and the thread is used again', async () => {
    const pool = createTestPool({ size: 1 });
    for (const task of ['wait', 'spin', 'spinOnSignal'] as const) {
      const { gate, reached } = createGate();
      const controller = new AbortController();
      const run = pool.run(task, { gate }, { signal: controller.signal });
      await reached(1);
      controller.abort(new DOMException('took too long', 'TimeoutError'));
      await expect(run).rejects.toMatchObject({ code: 'deadline_exceeded', message: 'took too long' });
      expect(await pool.run('add', { a: 1, b: 1 })).toBe(2);
    }
  });
});

describe('crashes', () => {
  it('rejects the task of a thread that dies, and only that one, and replaces the thread', async () => {
    const crashes: string[] = [];
    const pool = createTestPool({ onCrash: (error) => void crashes.push(error.message) });
    const { gate, open } = createGate();
    const other = pool.run('wait', { gate });
    await expect(pool.run('die', undefined)).rejects.toMatchObject({ code: 'internal', message: 'workers test: thread died in task die: boom' });
    await expect(pool.run('exit', undefined)).rejects.toMatchObject({ code: 'internal', message: 'workers test: thread died in task exit: exit code 3' });
    open();
    expect(await other).toBe('opened');
    expect(await Promise.all([1, 2, 3].map((a) => pool.run('add', { a, b: 0 })))).toEqual([1, 2, 3]);
    expect(crashes.length).toBe(2);
  });

  it('rejects tasks, without spinning, when the script cannot be loaded', async () => {
    const crashes: unknown[] = [];
    const pool = createTestPool({ size: 1, script: workerScript(import.meta.url, './no-such-worker'), onCrash: (error) => void crashes.push(error) });
    await expect(pool.run('add', { a: 1, b: 1 })).rejects.toMatchObject({ code: 'internal' });
    await expect(pool.run('add', { a: 1, b: 1 })).rejects.toMatchObject({ code: 'internal' });
    expect(crashes.length).toBe(2);
  });
});

describe('stop', () => {
  it('finishes what it has and takes no more', async () => {
    const pool = createTestPool({ size: 1 });
    const { gate, open } = createGate();
    const tasks = [pool.run('wait', { gate }), pool.run('wait', { gate }, { priority: 'background' })];
    const stopped = pool.stop();
    await expect(pool.run('add', { a: 1, b: 1 })).rejects.toMatchObject({ code: 'unavailable', message: 'workers test: stopped' });
    open();
    expect(await Promise.all(tasks)).toEqual(['opened', 'opened']);
    await stopped;
  });

  it('ends running tasks when told to hurry', async () => {
    const pool = createTestPool({ size: 1 });
    const { gate, reached } = createGate();
    const tasks = Promise.allSettled([pool.run('spin', { gate }), pool.run('wait', { gate })]);
    await reached(1);
    const controller = new AbortController();
    const patient = pool.stop();
    const hurried = pool.stop(controller.signal);
    controller.abort();
    await Promise.all([patient, hurried]);
    for (const result of await tasks) expect(result).toMatchObject({ status: 'rejected', reason: { code: 'unavailable' } });
  });
});

describe('workerScript', () => {
  it('stays with sources or with compiled files', () => {
    expect(workerScript('file:///a/src/x.ts', './y-worker').href).toBe('file:///a/src/y-worker.ts');
    expect(workerScript('file:///a/dist/x.js', './y-worker').href).toBe('file:///a/dist/y-worker.js');
  });
});
