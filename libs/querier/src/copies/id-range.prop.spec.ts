import fc from 'fast-check';
import { expect, it } from 'vitest';
import { rangeOfShare, rowsInRange } from './id-range.ts';

const ids = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Uint8Array.from(bytes, (byte, i) => (i < 14 ? (byte & 1) * 255 : byte)));
const points = fc.array(fc.record({ id: ids, weight: fc.integer({ min: 1, max: 100 }) }), { maxLength: 12 });

it('divides all trace ids: each is in one range', () => {
  fc.assert(
    fc.property(points, fc.integer({ min: 1, max: 6 }), fc.array(ids, { maxLength: 20 }), (cuts, of, all) => {
      const sorted = [...all, ...cuts.map(({ id }) => id), new Uint8Array(16), new Uint8Array(16).fill(255)].sort((a, b) => Buffer.compare(a, b));
      const column = Buffer.concat(sorted);
      let at = 0;
      for (let part = 0; part < of; part++) {
        const [from, to] = rowsInRange(column, rangeOfShare(cuts, { part, of }));
        expect(Math.min(from, to)).toBe(at);
        at = Math.max(at, to);
      }
      expect(at).toBe(sorted.length);
    }),
  );
});

it('makes ranges of about equal weight', () => {
  const cuts = Array.from({ length: 40 }, (_, i) => ({ id: new Uint8Array(16).fill(i + 1), weight: 1 + (i % 3) }));
  const column = Buffer.concat(cuts.map(({ id }) => id));
  const weights = Array.from({ length: 4 }, (_, part) => {
    const [from, to] = rowsInRange(column, rangeOfShare(cuts, { part, of: 4 }));
    return cuts.slice(from, to).reduce((sum, { weight }) => sum + weight, 0);
  });
  expect(weights.reduce((a, b) => a + b)).toBe(79);
  for (const weight of weights) expect(Math.abs(weight - 79 / 4)).toBeLessThanOrEqual(3);
});
