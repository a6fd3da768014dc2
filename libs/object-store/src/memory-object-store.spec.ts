import { expect, it } from 'vitest';
import { MemoryObjectStore } from './memory-object-store.ts';
import { objectStoreContract } from './object-store.contract.ts';

objectStoreContract('memory', () => new MemoryObjectStore());

it('counts reads, bytes and listings', async () => {
  const store = new MemoryObjectStore();
  await store.put('k', new Uint8Array(10));
  await store.get('k');
  await store.getRange('k', 2, 3);
  await store.list('');
  expect([store.reads, store.bytesRead, store.lists]).toEqual([2, 13, 1]);
});

it('stamps objects with its clock', async () => {
  const store = new MemoryObjectStore({ now: () => 42 });
  await store.put('k', new Uint8Array(1));
  expect(await store.stat('k')).toEqual({ size: 1, modifiedMs: 42 });
});
