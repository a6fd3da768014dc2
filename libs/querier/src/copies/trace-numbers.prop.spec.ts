import fc from 'fast-check';
import { expect, it } from 'vitest';
import { TraceNumbers } from './trace-numbers.ts';

const ids = fc.array(
  fc.tuple(fc.nat(3), fc.nat(3)).map(([first, last]) => Uint8Array.from({ length: 16 }, (_, i) => (i === 0 ? first : i === 15 ? last : 0))),
  { maxLength: 40 },
);

it('gives every id a number of its own, the next one', () => {
  fc.assert(
    fc.property(ids, ids, fc.nat(3), (first, second, shift) => {
      // Views that are not aligned.
      const column = (all: readonly Uint8Array[]): Uint8Array => Uint8Array.from([...new Uint8Array(shift), ...all.flatMap((id) => [...id])]).subarray(shift);
      const numbers = new TraceNumbers(first.length + second.length);
      const known = new Map<string, number>();
      const expected = (all: readonly Uint8Array[]): number[] =>
        all.map((id) => {
          const key = id.join();
          if (!known.has(key)) known.set(key, known.size);
          return known.get(key) ?? -1;
        });
      expect([...numbers.add(column(first))]).toEqual(expected(first));
      const found = second.map((id) => known.get(id.join()) ?? -1);
      expect([...numbers.find(column(second))]).toEqual(found);
      const from = Math.min(1, second.length);
      expect([...numbers.add(column(second), from)]).toEqual(expected(second.slice(from)));
      expect(numbers.count).toBe(known.size);
    }),
  );
});
