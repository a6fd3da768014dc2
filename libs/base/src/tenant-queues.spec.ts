import { describe, expect, it } from 'vitest';
import type { TenantId } from './ids.ts';
import { TenantQueues } from './tenant-queues.ts';

const [A, B] = ['a', 'b'] as TenantId[];
const BOUNDS = { maxWaiting: 2, workers: 1 };

function setUp(maxBytes = 1_000) {
  const begun: string[] = [];
  const lengths: string[] = [];
  const ends: (() => void)[] = [];
  const queues = new TenantQueues<number>({
    maxBytes,
    work(tenant, n) {
      begun.push(`${tenant}${n}`);
      return new Promise((resolve) => ends.push(resolve));
    },
    onLength: (tenant, waiting) => lengths.push(`${tenant}:${waiting}`),
  });
  const offer = (tenant: TenantId, n: number, { size = 10, bounds = BOUNDS } = {}): boolean => queues.offer(tenant, size, bounds, () => n);
  /** Lets what was begun first end, and what follows from that happen. */
  const endFirst = async (): Promise<void> => {
    ends.shift()!();
    await Promise.resolve();
  };
  return { queues, begun, lengths, offer, endFirst };
}

describe('TenantQueues', () => {
  it('does the work of a tenant in order, and that of another meanwhile', async () => {
    const { begun, lengths, offer, endFirst } = setUp();
    expect([offer(A, 1), offer(A, 2), offer(A, 3), offer(B, 1)]).toEqual([true, true, true, true]);
    expect(begun).toEqual(['a1', 'b1']);
    for (let i = 0; i < 4; i++) await endFirst();
    expect(begun).toEqual(['a1', 'b1', 'a2', 'a3']);
    expect(lengths).toEqual(['a:0', 'a:1', 'a:2', 'b:0', 'a:1', 'a:0']);
  });

  it('refuses what is beyond the length of a queue, without asking for it', async () => {
    const { queues, offer, endFirst } = setUp();
    for (const n of [1, 2, 3]) offer(A, n);
    expect(queues.offer(A, 1, BOUNDS, () => expect.unreachable('there is no room'))).toBe(false);
    await endFirst();
    expect([offer(A, 4), offer(A, 5)]).toEqual([true, false]);
  });

  it('bounds the bytes of all tenants, those being worked on included, and takes what is larger alone', async () => {
    const { offer, endFirst } = setUp(25);
    expect([offer(A, 1, { size: 30 }), offer(B, 1)]).toEqual([true, false]);
    await endFirst();
    expect([offer(B, 1), offer(A, 2), offer(A, 3)]).toEqual([true, true, false]);
  });

  it('works on as many at a time as is said at last', async () => {
    const { begun, offer, endFirst } = setUp();
    const two = { maxWaiting: 4, workers: 2 };
    for (const n of [1, 2, 3]) offer(A, n, { bounds: two });
    expect(begun).toEqual(['a1', 'a2']);
    offer(A, 4);
    await endFirst();
    expect(begun).toEqual(['a1', 'a2']);
    await endFirst();
    await endFirst();
    expect(begun).toEqual(['a1', 'a2', 'a3', 'a4']);
  });

  it('drains, and takes more after that', async () => {
    const { queues, begun, offer, endFirst } = setUp();
    expect(await queues.drain(AbortSignal.abort())).toBe(0);
    offer(A, 1);
    offer(A, 2);
    const drained = queues.drain(new AbortController().signal);
    await endFirst();
    await endFirst();
    expect(await drained).toBe(0);
    offer(A, 3);
    expect(begun).toEqual(['a1', 'a2', 'a3']);
  });

  it('drops what waits when the time to drain is over', async () => {
    const { queues, begun, lengths, offer, endFirst } = setUp(30);
    for (const n of [1, 2, 3]) offer(A, n);
    const stop = new AbortController();
    const drained = queues.drain(stop.signal);
    stop.abort();
    expect(await drained).toBe(2);
    expect(lengths.at(-1)).toBe('a:0');
    await endFirst();
    expect(begun).toEqual(['a1']);
    expect(offer(B, 1, { size: 30 })).toBe(true);
  });
});
