import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ByteCursor } from './byte-cursor.ts';
import { LevelScan } from './level-scan.ts';

type Run = { readonly level: number; readonly length: number } | { readonly packed: readonly number[] };

const WIDTH = fc.integer({ min: 1, max: 4 });

/** Pages of runs of levels below 2^width; the last packed group may be padded. */
const pagesOf = (width: number): fc.Arbitrary<readonly (readonly Run[])[]> => {
  const level = fc.nat({ max: 2 ** width - 1 });
  const run: fc.Arbitrary<Run> = fc.oneof(
    fc.record({ level, length: fc.integer({ min: 1, max: 300 }) }),
    fc.record({
      packed: fc
        .array(level, { minLength: 1, maxLength: 60 })
        .map((levels) => Array.from({ length: Math.ceil(levels.length / 8) * 8 }, (_, i) => levels[i % levels.length])),
    }),
  );
  return fc.array(fc.array(run, { maxLength: 6 }), { minLength: 1, maxLength: 3 });
};

function uleb(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...uleb(value >>> 7)];
}

function encode(runs: readonly Run[], width: number): Uint8Array {
  return Uint8Array.from(
    runs.flatMap((run) => {
      if ('length' in run) return [...uleb(run.length * 2), run.level];
      let bits = 0n;
      run.packed.forEach((level, i) => (bits |= BigInt(level) << BigInt(i * width)));
      const bytes = Array.from({ length: (run.packed.length / 8) * width }, (_, i) => Number((bits >> BigInt(8 * i)) & 255n));
      return [...uleb((run.packed.length / 8) * 2 + 1), ...bytes];
    }),
  );
}

const levelsOf = (runs: readonly Run[]): number[] => runs.flatMap((run) => ('packed' in run ? run.packed : new Array<number>(run.length).fill(run.level)));

type Step = { readonly kind: 'count' | 'find' | 'read'; readonly level: number; readonly n: number };
const step: fc.Arbitrary<Step> = fc.record({ kind: fc.constantFrom('count', 'find', 'read'), level: fc.nat({ max: 15 }), n: fc.nat({ max: 90 }) });

it('finds, counts and reads what a walk over unpacked levels does', () => {
  fc.assert(
    fc.property(
      WIDTH.chain((width) => fc.tuple(fc.constant(width), pagesOf(width))),
      fc.array(step, { maxLength: 12 }),
      fc.nat({ max: 7 }),
      ([width, pages], steps, cut) => {
        // The last page may end within its last group.
        const each = pages.map(levelsOf);
        const last = each[each.length - 1];
        last.length = Math.max(0, last.length - cut);
        const levels = each.flat();
        const scan = new LevelScan(
          pages.map((runs, i) => ({ cursor: new ByteCursor(encode(runs, width), 'f', 0), entries: each[i].length })),
          width,
        );
        let at = 0;
        for (const { kind, level: any, n } of steps) {
          const level = any & (2 ** width - 1);
          const to = Math.min(levels.length, at + n);
          const rest = new Uint8Array(levels.length - at);
          scan.fork().read(rest.length, rest, 0);
          expect([...rest]).toEqual(levels.slice(at));
          if (kind === 'count') {
            expect(scan.countTo(to, level)).toBe(levels.slice(at, to).filter((l) => l === level).length);
            at = to;
          } else if (kind === 'read') {
            const out = new Uint8Array(to - at + 2).fill(99);
            scan.read(to - at, out, 1);
            expect([...out]).toEqual([99, ...levels.slice(at, to), 99]);
            at = to;
          } else {
            const found = levels.flatMap((l, i) => (i >= at && l === level ? [i] : []))[n];
            expect(scan.find(level, n)).toBe(found !== undefined);
            at = found ?? levels.length;
          }
          expect(scan.position).toBe(at);
        }
      },
    ),
    { numRuns: 2000 },
  );
});

it('takes levels that are not stored as 0', () => {
  const scan = new LevelScan([{ cursor: new ByteCursor(new Uint8Array(0), 'f', 0), entries: 5 }], 0);
  expect(scan.countTo(3, 0)).toBe(3);
  expect(scan.find(0, 2)).toBe(false);
  expect(scan.position).toBe(5);
});

it('refuses levels that end early, naming the place', () => {
  const scanOf = (bytes: readonly number[]): LevelScan => new LevelScan([{ cursor: new ByteCursor(Uint8Array.from(bytes), 'f', 70), entries: 40 }], 2);
  expect(() => scanOf([]).find(1, 0)).toThrow('f: bytes end early at offset 70');
  expect(() => scanOf([0b111, 1]).countTo(40, 1)).toThrow('f: 6 bytes wanted, 1 left, at offset 71');
  expect(() => scanOf([0]).read(1, new Uint8Array(1), 0)).toThrow('run of length 0');
  expect(() => scanOf([80, 1]).countTo(41, 1)).toThrow('levels end early');
});
