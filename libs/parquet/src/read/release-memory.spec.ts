import { Buffer } from 'node:buffer';
import { expect, it } from 'vitest';
import { releaseMemory } from './release-memory.ts';

it('gives back what is large, once or twice, and leaves the pool alone', () => {
  const large = new Uint8Array(Buffer.poolSize + 1);
  const view = large.subarray(1);
  const pooled = Buffer.from('in the pool');
  const shared = new Uint8Array(new SharedArrayBuffer(Buffer.poolSize * 2));
  releaseMemory(large, view, pooled, shared);
  releaseMemory(view);
  expect([large.length, view.length, pooled.toString(), shared.length]).toEqual([0, 0, 'in the pool', Buffer.poolSize * 2]);
});
