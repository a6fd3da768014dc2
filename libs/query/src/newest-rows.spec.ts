import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NewestRows } from './newest-rows.ts';

describe('NewestRows', () => {
  it('keeps what sorting would keep', () => {
    const traces = fc.array(fc.tuple(fc.nat({ max: 3 }), fc.nat({ max: 3 }), fc.nat({ max: 255 })), { maxLength: 40 });
    fc.assert(
      fc.property(traces, fc.integer({ min: 1, max: 12 }), (all, limit) => {
        const start = Uint32Array.from(all.flatMap(([high, low]) => [low, high]));
        const ids = new Uint8Array(all.length * 16);
        all.forEach(([, , id], row) => (ids[row * 16 + 7] = id));
        const newest = new NewestRows(limit, start, ids);
        all.forEach((_, row) => newest.wants(row) && newest.offer(row));
        const key = ([high, low, id]: readonly [number, number, number]): number => high * 1e6 + low * 1e3 - id;
        const sorted = all.map(key).sort((a, b) => b - a);
        expect(
          newest
            .rows()
            .map((row) => key(all[row]))
            .sort((a, b) => b - a),
        ).toEqual(sorted.slice(0, limit));
      }),
    );
  });
});
