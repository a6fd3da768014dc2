import { arithmetic as arithmeticOfStatics, compareStatics, negate as negateStatic } from '@vivace/traceql';
import type { ArithmeticOp, ComparisonOp, Static } from '@vivace/traceql';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cellToJson } from './cell-json.ts';
import { arithmetic, Cell, compareCells, negate, setLiteral } from './cell.ts';
import { accepts } from './condition.ts';

const int64 = fc.oneof(
  fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }),
  fc.bigInt({ min: -9n, max: 9n }),
  fc.constantFrom(1n << 53n, -(1n << 53n) - 1n),
);
const values: fc.Arbitrary<Static> = fc.oneof(
  int64.map((value): Static => ({ type: 'int', value })),
  int64.map((value): Static => ({ type: 'duration', value })),
  fc.double().map((value): Static => ({ type: 'float', value })),
  fc.boolean().map((value): Static => ({ type: 'bool', value })),
  fc.string({ unit: 'binary', maxLength: 3 }).map((value): Static => ({ type: 'string', value })),
  fc.constantFrom<Static>({ type: 'status', value: 'error' }, { type: 'kind', value: 'client' }, { type: 'nil' }),
);
const cellOf = (value: Static | undefined): Cell => {
  const cell = new Cell();
  if (value) setLiteral(cell, value);
  return cell;
};

describe('cells compute as the values of the language do', () => {
  it('compares', () => {
    fc.assert(
      fc.property(values, values, fc.constantFrom<ComparisonOp>('=', '!=', '<', '<=', '>', '>='), (a, b, op) => {
        expect((compareCells(cellOf(a), cellOf(b)) & accepts(op)) !== 0).toBe(compareStatics(op, a, b));
      }),
      { numRuns: 3_000 },
    );
  });

  it('calculates', () => {
    fc.assert(
      fc.property(values, values, fc.constantFrom<ArithmeticOp>('+', '-', '*', '/', '%', '^'), (a, b, op) => {
        const out = new Cell();
        arithmetic(op, cellOf(a), cellOf(b), out);
        expect(cellToJson(out)).toEqual(cellToJson(cellOf(arithmeticOfStatics(op, a, b))));
      }),
      { numRuns: 3_000 },
    );
  });

  it('negates', () => {
    fc.assert(
      fc.property(values, (value) => {
        const out = new Cell();
        negate(cellOf(value), out);
        expect(cellToJson(out)).toEqual(cellToJson(cellOf(negateStatic(value))));
      }),
    );
  });
});
