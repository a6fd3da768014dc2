// Loops over one column each. They write 1 into `out` for rows that satisfy the condition and leave other rows alone, unless said
// otherwise. One loop, one type of array.
import { ATTR_BOOL, ATTR_DOUBLE, ATTR_INT, ATTR_JSON, ATTR_STRING } from '@vivace/trace';
import type { AttrColumn, StringColumn, StringDict } from '@vivace/trace';
import { EQUAL, GREATER, LESS, UNORDERED } from './condition.ts';
import type { NumberCondition, TextCondition } from './condition.ts';

const TWO_32 = 4_294_967_296;

/**
 * Bit `o` is the verdict on outcome `o`, where `o` is greater * 4 + equal * 2 + less, 0 for NaN. Comparing without branches takes a
 * third of the time where the outcome is hard to predict, as with durations.
 */
function verdictsOf(accept: number): number {
  const bit = (outcome: number, at: number): number => ((accept & outcome) === 0 ? 0 : 1 << at);
  return bit(UNORDERED, 0) | bit(LESS, 1) | bit(EQUAL, 2) | bit(GREATER, 4);
}

/** Asks a condition at most once per string of a dictionary. */
class DictTest {
  readonly #dict: StringDict;
  readonly #condition: TextCondition;
  /** 0 not asked yet, 2 no, 3 yes. */
  readonly memo: Uint8Array;

  constructor(dict: StringDict, condition: TextCondition) {
    this.#dict = dict;
    this.#condition = condition;
    this.memo = new Uint8Array(dict.size);
  }

  ask(id: number): number {
    const answer = this.#condition.matches(this.#dict.get(id)) ? 3 : 2;
    this.memo[id] = answer;
    return answer;
  }
}

/** A dense string column, e.g. the span name. */
export function testStrings(column: StringColumn, rows: number, condition: TextCondition, out: Uint8Array): void {
  const { ids } = column;
  if (condition.equals !== undefined) {
    const id = column.dict.find(condition.equals);
    if (id >= 0) for (let row = 0; row < rows; row++) out[row] = +(ids[row] === id);
    return;
  }
  const test = new DictTest(column.dict, condition);
  const { memo } = test;
  for (let row = 0; row < rows; row++) {
    const answer = memo[ids[row]];
    out[row] = (answer === 0 ? test.ask(ids[row]) : answer) & 1;
  }
}

export function testAttrStrings(column: AttrColumn, condition: TextCondition, out: Uint8Array): void {
  const { count, rows, types, u32 } = column;
  if (condition.equals !== undefined) {
    const id = column.dict.find(condition.equals);
    if (id >= 0) for (let i = 0; i < count; i++) if (u32[2 * i] === id && types[i] === ATTR_STRING) out[rows[i]] = 1;
    return;
  }
  const test = new DictTest(column.dict, condition);
  const { memo } = test;
  for (let i = 0; i < count; i++) {
    if (types[i] !== ATTR_STRING) continue;
    const answer = memo[u32[2 * i]];
    if (((answer === 0 ? test.ask(u32[2 * i]) : answer) & 1) !== 0) out[rows[i]] = 1;
  }
}

/** Ints are compared with an int or duration literal exactly, everything else as doubles. */
export function testAttrNumbers(column: AttrColumn, condition: NumberCondition, out: Uint8Array): void {
  const { count, rows, types, u32, f64 } = column;
  const { value, exact } = condition;
  const verdicts = verdictsOf(condition.accept);
  const high = exact ? exact.high : 0;
  const low = exact ? exact.low : 0;
  const isExact = exact !== undefined;
  for (let i = 0; i < count; i++) {
    let outcome: number;
    if (types[i] === ATTR_INT) {
      const h = u32[2 * i + 1] | 0;
      const l = u32[2 * i];
      if (isExact && h === high) outcome = (+(l > low) << 2) | (+(l === low) << 1) | +(l < low);
      else if (isExact) outcome = (+(h > high) << 2) | +(h < high);
      else {
        const v = h * TWO_32 + l;
        outcome = (+(v > value) << 2) | (+(v === value) << 1) | +(v < value);
      }
    } else if (types[i] === ATTR_DOUBLE) {
      const v = f64[i];
      outcome = (+(v > value) << 2) | (+(v === value) << 1) | +(v < value);
    } else continue;
    out[rows[i]] |= (verdicts >> outcome) & 1;
  }
}

export function testAttrBools(column: AttrColumn, accept: number, code: number, out: Uint8Array): void {
  const { count, rows, types, u32 } = column;
  const wanted = (accept & EQUAL) !== 0 ? code : 1 - code;
  for (let i = 0; i < count; i++) if (types[i] === ATTR_BOOL && u32[2 * i] === wanted) out[rows[i]] = 1;
}

/** Marks every row that has a value: maps, bytes and mixed arrays are none. */
export function markValues(column: AttrColumn, out: Uint8Array): void {
  const { count, rows, types } = column;
  for (let i = 0; i < count; i++) if (types[i] !== ATTR_JSON) out[rows[i]] = 1;
}

/** Clears every row that has the key, whatever its value. */
export function clearRows(column: AttrColumn, out: Uint8Array): void {
  const { count, rows } = column;
  for (let i = 0; i < count; i++) out[rows[i]] = 0;
}

export function testDoubles(values: Float64Array, rows: number, condition: NumberCondition, out: Uint8Array): void {
  const { value } = condition;
  const verdicts = verdictsOf(condition.accept);
  for (let row = 0; row < rows; row++) {
    const v = values[row];
    const outcome = (+(v > value) << 2) | (+(v === value) << 1) | +(v < value);
    out[row] = (verdicts >> outcome) & 1;
  }
}

export function testInts(values: Int32Array, rows: number, condition: NumberCondition, out: Uint8Array): void {
  const { value } = condition;
  const verdicts = verdictsOf(condition.accept);
  for (let row = 0; row < rows; row++) {
    const v = values[row];
    const outcome = (+(v > value) << 2) | (+(v === value) << 1) | +(v < value);
    out[row] = (verdicts >> outcome) & 1;
  }
}

/** int64 values as halves (low word first). */
export function testHalves(values: Uint32Array, rows: number, condition: NumberCondition, out: Uint8Array): void {
  const { accept, value, exact } = condition;
  const high = exact ? exact.high : 0;
  const low = exact ? exact.low : 0;
  const isExact = exact !== undefined;
  for (let row = 0; row < rows; row++) {
    const h = values[2 * row + 1] | 0;
    const l = values[2 * row];
    const v = h * TWO_32 + l;
    let outcome: number;
    if (isExact) outcome = h > high ? GREATER : h < high ? LESS : l > low ? GREATER : l < low ? LESS : EQUAL;
    else outcome = v > value ? GREATER : v < value ? LESS : v === value ? EQUAL : UNORDERED;
    out[row] = (accept & outcome) !== 0 ? 1 : 0;
  }
}

/** Status and kind: at most 256 codes, so a table answers. */
export function testCodes(values: Uint8Array, rows: number, accept: number, code: number, out: Uint8Array): void {
  const table = new Uint8Array(256).fill((accept & LESS) !== 0 ? 1 : 0);
  table[code] = (accept & EQUAL) !== 0 ? 1 : 0;
  for (let row = 0; row < rows; row++) out[row] = table[values[row]];
}

/** Ids of `width` bytes equal to `wanted`. */
export function testIds(ids: Uint8Array, width: number, rows: number, wanted: Uint8Array, out: Uint8Array): void {
  const first = wanted[width - 1];
  for (let row = 0, at = 0; row < rows; row++, at += width) {
    // The last byte varies even where clients number their ids.
    if (ids[at + width - 1] !== first) continue;
    let i = 0;
    while (i < width && ids[at + i] === wanted[i]) i++;
    if (i === width) out[row] = 1;
  }
}
