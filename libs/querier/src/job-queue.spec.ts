import type { TenantId } from '@vivace/base';
import { describe, expect, it } from 'vitest';
import { JobQueue } from './job-queue.ts';

const A = 'a' as TenantId;
const B = 'b' as TenantId;
const never = new AbortController().signal;

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
    const queue = new JobQueue({ maxRunning: 3, maxPerTenant: 100 });
    const { begun, job, end } = jobs();
    const [one, two] = [queue.query(A, 2, never), queue.query(B, 2, never)];
    const results = ['1a', '1b', '1c'].map((name) => one(job(name))).concat(['2a', '2b'].map((name) => two(job(name))));
    await Promise.resolve();
    expect(begun).toEqual(['1a', '1b', '2a']);
    end();
    expect(await Promise.all(results)).toEqual(['1a', '1b', '1c', '2a', '2b']);
  });

  it('refuses what a tenant has too much, naming the key, and forgets it when it is done', async () => {
    const queue = new JobQueue({ maxRunning: 1, maxPerTenant: 2 });
    const { job, end } = jobs();
    const run = queue.query(A, 10, never);
    const results = [run(job('1')), run(job('2'))];
    await expect(run(job('3'))).rejects.toMatchObject({
      code: 'resource_exhausted',
      message: 'tenant a has 2 parts of queries waiting, limit query_frontend.max_outstanding_per_tenant 2; try again later',
    });
    const other = queue.query(B, 10, never)(job('4'));
    end();
    expect(await Promise.all([...results, other])).toEqual(['1', '2', '4']);
    expect(await run(job('5'))).toBe('5');
  });

  it('lets nobody wait longer than the query does', async () => {
    const queue = new JobQueue({ maxRunning: 1, maxPerTenant: 10 });
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
