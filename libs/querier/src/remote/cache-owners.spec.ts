import fc from 'fast-check';
import { expect, it } from 'vitest';
import { CacheOwners } from './cache-owners.ts';

const keys = Array.from({ length: 200 }, (_, i) => `tenant\0${i}`);

it('gives every key an owner, the same in every process, and moves only what has to', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 2, maxLength: 12 }), (queriers) => {
      const [mine, other] = [new CacheOwners(), new CacheOwners()];
      for (const querier of queriers) mine.add(querier);
      for (const querier of queriers.toReversed()) other.add(querier);
      const before = keys.map((key) => mine.ownerOf(key));
      expect(keys.map((key) => other.ownerOf(key))).toEqual(before);
      const [gone] = queriers;
      mine.remove(gone);
      keys.forEach((key, i) => {
        if (before[i] === gone) expect(queriers.slice(1)).toContain(mine.ownerOf(key));
        else expect(mine.ownerOf(key)).toBe(before[i]);
      });
      mine.add(gone);
      expect(keys.map((key) => mine.ownerOf(key))).toEqual(before);
    }),
  );
});

it('spreads keys over queriers', () => {
  const owners = new CacheOwners();
  expect(owners.ownerOf('a')).toBeUndefined();
  for (let i = 0; i < 5; i++) owners.add(`querier-${i}`);
  const load = new Map<string, number>();
  for (let i = 0; i < 5_000; i++) {
    const owner = owners.ownerOf(`key ${i}`)!;
    load.set(owner, (load.get(owner) ?? 0) + 1);
  }
  expect(load.size).toBe(5);
  expect(Math.max(...load.values())).toBeLessThan(1_200);
});
