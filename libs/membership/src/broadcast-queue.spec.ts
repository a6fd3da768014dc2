import { describe, expect, it } from 'vitest';
import { BroadcastQueue } from './broadcast-queue.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);
const take = (queue: BroadcastQueue, maxBytes: number, transmits: number): string[] =>
  queue.take(maxBytes, transmits, new Set()).map((message) => Buffer.from(message).toString());

describe('BroadcastQueue', () => {
  it('sends the least sent first, of those the longest waiting, each so often', () => {
    const queue = new BroadcastQueue(10, 1_000);
    queue.add('a', bytes('aaaa'));
    queue.add('b', bytes('bbbb'));
    expect(take(queue, 4, 2)).toEqual(['aaaa']);
    queue.add('c', bytes('cccc'));
    expect(take(queue, 8, 2)).toEqual(['bbbb', 'cccc']);
    expect(take(queue, 100, 2)).toEqual(['aaaa', 'bbbb', 'cccc']);
    expect(queue.length).toBe(0);
    expect(queue.bytes).toBe(0);
  });

  it('lets a newer message take the place of an older one', () => {
    const queue = new BroadcastQueue(10, 1_000);
    queue.add('a', bytes('old'));
    queue.add('a', bytes('newer'));
    expect(queue.bytes).toBe(5);
    expect(take(queue, 100, 1)).toEqual(['newer']);
  });

  it('gives nobody the same twice, and skips what does not fit', () => {
    const queue = new BroadcastQueue(10, 1_000);
    queue.add('small', bytes('s'));
    queue.add('large', bytes('l'.repeat(50)));
    const seen = new Set<Uint8Array>();
    expect(queue.take(10, 5, seen)).toHaveLength(1);
    expect(queue.take(10, 5, seen)).toHaveLength(0);
    expect(queue.take(100, 5, seen)).toHaveLength(1);
  });

  it('drops the oldest when it is full, by number or bytes', () => {
    const queue = new BroadcastQueue(2, 10);
    queue.add('a', bytes('aaaa'));
    queue.add('b', bytes('bbbb'));
    queue.add('c', bytes('cccc'));
    expect([queue.has('a'), queue.has('b'), queue.has('c')]).toEqual([false, true, true]);
    queue.add('d', bytes('dddddd'));
    expect([queue.length, queue.bytes, queue.dropped]).toEqual([2, 10, 2]);
  });
});
