import { ATTR_BOOL, ATTR_DOUBLE, ATTR_INT, ATTR_JSON, ATTR_STRING, StringDictionary } from '@vivace/trace';
import type { AttrColumn } from '@vivace/trace';
import type { ComparisonOp, Static } from '@vivace/traceql';
import { describe, expect, it } from 'vitest';
import { compileCondition } from './condition.ts';
import type { NumberCondition, TextCondition } from './condition.ts';
import * as kernels from './kernels.ts';

const dict = new StringDictionary();
type Entry = readonly [row: number, value: string | bigint | number | boolean | null];

function columnOf(entries: readonly Entry[]): AttrColumn {
  const count = entries.length;
  const f64 = new Float64Array(count);
  const i64 = new BigInt64Array(f64.buffer);
  const u32 = new Uint32Array(f64.buffer);
  const types = new Uint8Array(count);
  entries.forEach(([, value], i) => {
    if (typeof value === 'string') [types[i], u32[2 * i]] = [ATTR_STRING, dict.internText(value)];
    else if (typeof value === 'bigint') [types[i], i64[i]] = [ATTR_INT, value];
    else if (typeof value === 'number') [types[i], f64[i]] = [ATTR_DOUBLE, value];
    else if (typeof value === 'boolean') [types[i], u32[2 * i]] = [ATTR_BOOL, value ? 1 : 0];
    else types[i] = ATTR_JSON;
  });
  return { count, rows: Uint32Array.from(entries, ([row]) => row), types, f64, i64, u32, dict, array: undefined };
}

function numberCondition(op: ComparisonOp, literal: Static): NumberCondition {
  const condition = compileCondition(op, literal);
  if (condition.kind !== 'number') throw new Error('not a number condition');
  return condition;
}

function textCondition(op: ComparisonOp, value: string): TextCondition {
  const condition = compileCondition(op, { type: 'string', value });
  if (condition.kind !== 'text') throw new Error('not a text condition');
  return condition;
}

function rowsOf(out: Uint8Array): readonly number[] {
  return [...out.keys()].filter((row) => out[row] !== 0);
}

const MAX = (1n << 63n) - 1n;

describe('attribute kernels', () => {
  const numbers = columnOf([
    [0, MAX],
    [1, MAX - 1n],
    [2, -5n],
    [3, 7.5],
    [4, 7n],
    [5, 'x'],
    [6, null],
    [7, true],
    [8, Number.NaN],
  ]);
  const cases: readonly (readonly [ComparisonOp, Static, readonly number[]])[] = [
    ['=', { type: 'int', value: MAX }, [0]],
    ['<', { type: 'int', value: MAX }, [1, 2, 3, 4]],
    ['>', { type: 'int', value: MAX - 1n }, [0]],
    ['!=', { type: 'int', value: 7n }, [0, 1, 2, 3, 8]],
    ['>', { type: 'int', value: 7n }, [0, 1, 3]],
    ['=', { type: 'float', value: 7 }, [4]],
    ['<=', { type: 'float', value: 7.5 }, [2, 3, 4]],
    ['<', { type: 'int', value: -4n }, [2]],
  ];
  for (const [op, literal, rows] of cases) {
    it(`${op} ${String(literal.type === 'nil' ? 'nil' : literal.value)} across ints and doubles`, () => {
      const out = new Uint8Array(9);
      kernels.testAttrNumbers(numbers, numberCondition(op, literal), out);
      expect(rowsOf(out)).toEqual(rows);
    });
  }

  const texts = columnOf([
    [0, 'GET'],
    [1, 'POST'],
    [1, 'GET'],
    [2, ''],
    [3, 1n],
    [4, '\u{1F680}'],
    [5, '\uFFFD'],
  ]);
  for (const [op, value, rows] of [
    ['=', 'GET', [0, 1]],
    ['=', 'never seen', []],
    ['!=', 'GET', [1, 2, 4, 5]],
    ['=~', 'G.*|P.*', [0, 1]],
    ['!~', '.+', [2]],
    ['>', '\uFFFD', [4]],
  ] as const) {
    it(`${op} ${JSON.stringify(value)} on strings only`, () => {
      const out = new Uint8Array(6);
      kernels.testAttrStrings(texts, textCondition(op, value), out);
      expect(rowsOf(out)).toEqual(rows);
    });
  }

  it('tells bools from ints', () => {
    const out = new Uint8Array(4);
    const { accept, code } = compileCondition('!=', { type: 'bool', value: true }) as { accept: number; code: number };
    kernels.testAttrBools(
      columnOf([
        [0, true],
        [1, false],
        [2, 0n],
        [3, 'false'],
      ]),
      accept,
      code,
      out,
    );
    expect(rowsOf(out)).toEqual([1]);
  });

  it('marks values, clears keys', () => {
    const column = columnOf([
      [0, 'a'],
      [2, null],
    ]);
    const marked = new Uint8Array(3);
    kernels.markValues(column, marked);
    expect(rowsOf(marked)).toEqual([0]);
    const cleared = new Uint8Array(3).fill(1);
    kernels.clearRows(column, cleared);
    expect(rowsOf(cleared)).toEqual([1]);
  });
});

describe('dense kernels', () => {
  it('asks a pattern once per string', () => {
    let asked = 0;
    const condition: TextCondition = { kind: 'text', equals: undefined, matches: (text) => ++asked > 0 && text === 'b' };
    const ids = Uint32Array.from(['a', 'b', 'a', 'b', 'b'], (text) => dict.internText(text));
    const out = new Uint8Array(5);
    kernels.testStrings({ ids, dict }, 5, condition, out);
    expect(rowsOf(out)).toEqual([1, 3, 4]);
    expect(asked).toBe(2);
  });

  it('compares durations, nested-set numbers and codes', () => {
    const out = new Uint8Array(3);
    kernels.testDoubles(Float64Array.of(1e9, 2e9, 0), 3, numberCondition('>=', { type: 'duration', value: 1_000_000_000n }), out);
    expect(rowsOf(out)).toEqual([0, 1]);
    kernels.testInts(Int32Array.of(-1, 0, 5), 3, numberCondition('<', { type: 'int', value: 0n }), out);
    expect(rowsOf(out)).toEqual([0]);
    const { accept, code } = compileCondition('!=', { type: 'status', value: 'error' }) as { accept: number; code: number };
    kernels.testCodes(Uint8Array.of(0, 1, 2), 3, accept, code, out);
    expect(rowsOf(out)).toEqual([0, 1]);
  });

  it('reads halves as signed int64', () => {
    const out = new Uint8Array(3);
    const values = new Uint32Array(BigInt64Array.of(-1n, 5n, MAX).buffer);
    kernels.testHalves(values, 3, numberCondition('<', { type: 'duration', value: 5n }), out);
    expect(rowsOf(out)).toEqual([0]);
    kernels.testHalves(values, 3, numberCondition('>', { type: 'float', value: 4.5 }), out);
    expect(rowsOf(out)).toEqual([1, 2]);
  });

  it('finds ids by all their bytes', () => {
    const out = new Uint8Array(3);
    kernels.testIds(Uint8Array.of(1, 2, 9, 2, 1, 2), 2, 3, Uint8Array.of(1, 2), out);
    expect(rowsOf(out)).toEqual([0, 2]);
  });
});
