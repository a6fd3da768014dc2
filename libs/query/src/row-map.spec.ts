import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Cursor } from './row-map.ts';

describe('Cursor', () => {
  it('finds the first place at least as large, asked in any order', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 30 })), fc.array(fc.nat({ max: 32 })), (values, wanted) => {
        const sorted = Uint32Array.from(values).sort();
        const cursor = new Cursor(sorted, sorted.length);
        for (const value of wanted) {
          const at = sorted.findIndex((v) => v >= value);
          expect(cursor.seek(value)).toBe(at < 0 ? sorted.length : at);
        }
      }),
    );
  });
});
