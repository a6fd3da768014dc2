import type { TenantId } from '@vivace/base';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FairQueue } from './fair-queue.ts';

interface Job {
  readonly tenant: TenantId;
  readonly query: object;
  readonly weight: number;
  readonly name: string;
  readonly isFirst?: boolean;
}

const any = (): boolean => true;
const QUERY = {};
const job = (tenant: string, weight = 1, name = tenant, query = QUERY): Job => ({ tenant: tenant as TenantId, query, weight, name });

function drain(queue: FairQueue<Job>, count = Number.POSITIVE_INFINITY): string[] {
  const order: string[] = [];
  for (let one; order.length < count && (one = queue.take(any, any)); ) order.push(one.name);
  return order;
}

describe('a fair queue', () => {
  it('serves tenants in turn, each in its order', () => {
    const queue = new FairQueue<Job>();
    for (const name of ['a1', 'a2', 'a3', 'b1', 'c1', 'c2']) queue.push(job(name[0], 1, name));
    expect([...queue.lengths()]).toEqual([
      ['a', 3],
      ['b', 1],
      ['c', 2],
    ]);
    expect(drain(queue)).toEqual(['a1', 'b1', 'c1', 'a2', 'c2', 'a3']);
    expect([...queue.lengths()]).toEqual([]);
  });

  it('serves the queries of a tenant in turn, and a tenant as often with many queries as with one', () => {
    const queue = new FairQueue<Job>();
    const [month, panel] = [{}, {}];
    for (let i = 0; i < 100; i++) queue.push(job('a', 1, `month ${i}`, month));
    expect(drain(queue, 10)).toEqual(Array.from({ length: 10 }, (_, i) => `month ${i}`));
    for (let i = 0; i < 3; i++) queue.push(job('a', 2, `panel ${i}`, panel));
    expect(drain(queue, 5)).toEqual(['panel 0', 'month 10', 'month 11', 'panel 1', 'month 12']);
    for (let i = 0; i < 3; i++) queue.push(job('b', 1, `b ${i}`));
    expect(drain(queue, 6).filter((name) => name.startsWith('b'))).toHaveLength(3);
    expect([...queue.lengths()]).toEqual([['a', 84 + 1]]);
  });

  it('takes short jobs of a query first', () => {
    const queue = new FairQueue<Job>();
    for (const name of ['a1', 'a2', 'b1']) queue.push(job(name[0], 1, name));
    queue.push({ ...job('a', 1, 'a first'), isFirst: true });
    expect(drain(queue)).toEqual(['a first', 'b1', 'a1', 'a2']);
  });

  it('gives every tenant the same weight of jobs, however many it has and however heavy they are', () => {
    const tenants = fc.array(fc.record({ weight: fc.integer({ min: 1, max: 5 }), extra: fc.nat(50) }), { minLength: 2, maxLength: 6 });
    fc.assert(
      fc.property(tenants, fc.integer({ min: 1, max: 60 }), (tenants, taken) => {
        const queue = new FairQueue<Job>();
        tenants.forEach(({ weight, extra }, i) => {
          for (let n = 0; n < 60 + extra; n++) queue.push(job(`t${i}`, weight));
        });
        const order = drain(queue, taken);
        const served = tenants.map(({ weight }, i) => weight * order.filter((name) => name === `t${i}`).length);
        expect(Math.max(...served) - Math.min(...served)).toBeLessThanOrEqual(Math.max(...tenants.map(({ weight }) => weight)));
      }),
    );
  });

  it('saves up no turns for a tenant without jobs, and makes none pay for what nobody else wanted', () => {
    const queue = new FairQueue<Job>();
    for (let i = 0; i < 50; i++) queue.push(job('a'));
    drain(queue, 40);
    for (let i = 0; i < 5; i++) queue.push(job('b'));
    expect(drain(queue, 6).filter((name) => name === 'b')).toHaveLength(3);
    const idle = new FairQueue<Job>();
    for (let i = 0; i < 50; i++) idle.count(job('a'));
    for (const tenant of ['b', 'b', 'b', 'a', 'a', 'a']) idle.push(job(tenant));
    expect(drain(idle, 5).filter((name) => name === 'a')).toHaveLength(2);
  });

  it('remembers the weight of a job when its tenant comes with the next', () => {
    const queue = new FairQueue<Job>();
    for (let i = 0; i < 9; i++) queue.push(job('light'));
    const order: string[] = [];
    for (let i = 0; i < 9; i++) {
      if (![...queue.lengths()].some(([tenant]) => tenant === 'heavy')) queue.push(job('heavy', 3));
      order.push(...drain(queue, 1));
    }
    expect(order.filter((name) => name === 'heavy').length).toBeLessThanOrEqual(3);
  });

  it('takes rather what suits, not for ever past the first, and never what may not be taken', () => {
    const queue = new FairQueue<Job>();
    queue.push(job('a', 1, 'first'));
    for (let i = 0; i < 30; i++) queue.push(job('a', 1, `good${i}`));
    const order: string[] = [];
    for (let i = 0; i < 20; i++) order.push(queue.take(any, ({ name }) => name.startsWith('good'))!.name);
    expect(order.slice(0, 2)).toEqual(['good0', 'good1']);
    expect(order.indexOf('first')).toBe(16);
    expect(queue.take(({ name }) => name === 'good25', any)?.name).toBe('good25');
    expect(queue.take(({ name }) => name === 'first', any)).toBeUndefined();
    queue.push(job('b'));
    expect(queue.take(({ tenant }) => tenant === 'b', any)?.name).toBe('b');
  });

  it('forgets what is removed', () => {
    const queue = new FairQueue<Job>();
    const [one, two] = [job('a', 1, 'one'), job('b', 1, 'two')];
    queue.push(one);
    queue.push(two);
    expect([queue.remove(one), queue.remove(one), queue.remove(job('c')), queue.remove(job('a', 1, 'one', {}))]).toEqual([true, false, false, false]);
    expect(queue.clear()).toEqual([two]);
    expect(queue.take(any, any)).toBeUndefined();
  });
});
