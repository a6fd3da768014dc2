import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Static } from './ast.ts';
import { arithmetic, compareStatics, compareUtf8, negate } from './statics.ts';

const int = (value: bigint): Static => ({ type: 'int', value });
const float = (value: number): Static => ({ type: 'float', value });
const duration = (value: bigint): Static => ({ type: 'duration', value });
const text = (value: string): Static => ({ type: 'string', value });

describe('compareStatics', () => {
  it('compares numbers of every type, ints exactly', () => {
    expect(compareStatics('=', int(1n), float(1))).toBe(true);
    expect(compareStatics('>', float(8.5), int(7n))).toBe(true);
    expect(compareStatics('=', int(1_000_000_000n), duration(1_000_000_000n))).toBe(true);
    expect(compareStatics('<', int(9_007_199_254_740_992n), int(9_007_199_254_740_993n))).toBe(true);
    expect(compareStatics('!=', float(Number.NaN), float(Number.NaN))).toBe(true);
  });

  it('is false across types, also for inequality', () => {
    const values: Static[] = [
      int(1n),
      text('1'),
      { type: 'bool', value: true },
      { type: 'status', value: 'ok' },
      { type: 'kind', value: 'server' },
      { type: 'nil' },
    ];
    for (const a of values)
      for (const b of values) if (a !== b) for (const op of ['=', '!=', '<', '=~', '!~'] as const) expect(compareStatics(op, a, b)).toBe(false);
    expect(compareStatics('=', { type: 'nil' }, { type: 'nil' })).toBe(false);
  });

  it('matches whole strings', () => {
    expect(compareStatics('=~', text('abc'), text('a.*'))).toBe(true);
    expect(compareStatics('!~', text('abc'), text('b'))).toBe(true);
    expect(compareStatics('!~', int(1n), text('b'))).toBe(false);
  });
});

describe('compareUtf8', () => {
  it('orders as the encoded bytes do', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
        expect(Math.sign(compareUtf8(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
    );
    expect(compareUtf8('\u{ffff}', '\u{10000}')).toBeLessThan(0);
  });
});

describe('arithmetic', () => {
  const min = -(2n ** 63n);
  it.each([
    ['+', int(2n ** 63n - 1n), int(1n), int(min)],
    ['/', int(-7n), int(2n), int(-3n)],
    ['/', int(min), int(-1n), int(min)],
    ['%', int(-7n), int(2n), int(-1n)],
    ['/', int(1n), int(0n), undefined],
    ['%', int(1n), int(0n), undefined],
    ['^', int(2n), int(10n), int(1024n)],
    ['^', int(3n), int(-1n), int(0n)],
    ['^', int(-1n), int(-3n), int(-1n)],
    ['^', int(0n), int(-1n), undefined],
    ['^', int(2n), int(2n ** 62n), int(0n)],
    ['*', duration(10n), int(2n), float(20)],
    ['-', duration(10n), duration(4n), float(6)],
    ['^', float(2), int(3n), float(8)],
    ['%', float(5.5), int(2n), float(1.5)],
    ['/', float(1), int(0n), float(Number.POSITIVE_INFINITY)],
    ['+', text('a'), text('b'), undefined],
  ] as const)('%s', (op, a, b, result) => {
    expect(arithmetic(op, a, b)).toEqual(result);
  });

  it('keeps the type under unary minus', () => {
    expect([int(5n), int(min), float(0), duration(3n), text('x')].map(negate)).toEqual([int(-5n), int(min), float(-0), duration(-3n), undefined]);
  });
});
