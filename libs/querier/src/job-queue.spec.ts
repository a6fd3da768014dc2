import { createMemoryMetrics } from '@vivace/base';
import type { TenantId } from '@vivace/base';
import { describe, expect, it } from 'vitest';
import { JobQueue } from './job-queue.ts';
import type { JobLimits } from './job-queue.ts';

const A = 'a' as TenantId;
const B = 'b' as TenantId;
const never = new AbortController().signal;

function queueOf(limits: JobLimits) {
  let nowMs = 0;
  const metrics = createMemoryMetrics();
  const queue = new JobQueue(limits, { now: () => nowMs }, metrics);
  return { queue, metrics, pass: (ms: number) => void (nowMs += ms) };
}

/** Lets everything happen that waits for nothing. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Jobs that run until `end`, by name. */
function jobs() {
  const begun: string[] = [];
  const gate = Promise.withResolvers<void>();
  const job = (name: string) => async () => {
    begun.push(name);
    await gate.promise;
    return name;
  };
  return { begun, job, end: gate.resolve };
}

describe('JobQueue', () => {
  it('runs so many jobs of a query at a time, and so many of all', async () => {
    const { queue } = queueOf({ maxRunning: 3, maxPerTenant: 100 });
    const { begun, job, end } = jobs();
    const [one, two] = [queue.query(A, 2, never), queue.query(B, 2, never)];
    const results = ['1a', '1b', '1c'].map((name) => one(job(name))).concat(['2a', '2b'].map((name) => two(job(name))));
    await settled();
    expect(begun).toEqual(['1a', '1b', '2a']);
    end();
    expect(await Promise.all(results)).toEqual(['1a', '1b', '1c', '2a', '2b']);
  });

  it('refuses what a tenant has too much, naming the key, and forgets it when it is done', async () => {
    const { queue, metrics } = queueOf({ maxRunning: 1, maxPerTenant: 2 });
    const { job, end } = jobs();
    const run = queue.query(A, 10, never);
    const results = [run(job('1')), run(job('2'))];
    await expect(run(job('3'))).rejects.toMatchObject({
      code: 'resource_exhausted',
      message: 'tenant a has 2 parts of queries waiting, limit query_frontend.max_outstanding_per_tenant 2; try again later',
    });
    expect(metrics.value('tempo_query_frontend_discarded_requests_total', { user: 'a' })).toBe(1);
    const other = queue.query(B, 10, never)(job('4'));
    end();
    expect(await Promise.all([...results, other])).toEqual(['1', '2', '4']);
    expect(await run(job('5'))).toBe('5');
  });

  it('serves tenants in turn, heavy jobs for more turns', async () => {
    const { queue } = queueOf({ maxRunning: 1, maxPerTenant: 100 });
    const order: string[] = [];
    const gate = Promise.withResolvers<void>();
    const first = queue.query('first' as TenantId, 1, never)(() => gate.promise);
    await settled();
    const [many, heavy] = [queue.query(A, 9, never), queue.query(B, 9, never, 2)];
    const results = [1, 2, 3, 4].map((n) => many(async () => order.push(`a${n}`))).concat([1, 2].map((n) => heavy(async () => order.push(`b${n}`))));
    gate.resolve();
    await Promise.all([first, ...results]);
    expect(order).toEqual(['a1', 'b1', 'a2', 'a3', 'b2', 'a4']);
  });

  it('serves queries of a tenant in turn', async () => {
    const { queue } = queueOf({ maxRunning: 1, maxPerTenant: 100 });
    const order: string[] = [];
    const gate = Promise.withResolvers<void>();
    const first = queue.query(A, 1, never)(() => gate.promise);
    await settled();
    const [month, panel] = [queue.query(A, 9, never), queue.query(A, 9, never)];
    const results = [1, 2, 3, 4].map((n) => month(async () => order.push(`month ${n}`))).concat([1, 2].map((n) => panel(async () => order.push(`panel ${n}`))));
    gate.resolve();
    await Promise.all([first, ...results]);
    expect(order).toEqual(['month 1', 'panel 1', 'month 2', 'panel 2', 'month 3', 'month 4']);
  });

  it('shows what waits, and how long that took', async () => {
    const { queue, metrics, pass } = queueOf({ maxRunning: 1, maxPerTenant: 100 });
    const length = () => (metrics.collect(), metrics.value('tempo_query_frontend_queue_length', { user: 'a' }));
    const { job, end } = jobs();
    const results = ['1', '2', '3'].map((name) => queue.query(A, 1, never)(job(name)));
    await settled();
    expect(length()).toBe(2);
    pass(5_000);
    end();
    await Promise.all(results);
    expect(length()).toBe(0);
    const durations = 'tempo_query_frontend_queue_duration_seconds';
    expect([metrics.value(durations), metrics.sum(durations)]).toEqual([3, 10]);
    const elsewhere = queueOf({ maxRunning: Number.POSITIVE_INFINITY, maxPerTenant: 1 });
    await elsewhere.queue.query(A, 1, never)(async () => undefined);
    expect(elsewhere.metrics.value(durations), 'measured where they wait').toBe(0);
  });

  it('lets nobody wait longer than the query does', async () => {
    const { queue } = queueOf({ maxRunning: 1, maxPerTenant: 10 });
    const { job, end } = jobs();
    const first = queue.query(A, 10, never)(job('1'));
    const stop = new AbortController();
    const waiting = queue.query(A, 10, stop.signal)(job('2'));
    stop.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'canceled' });
    end();
    expect(await first).toBe('1');
  });
});
