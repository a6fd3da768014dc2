import { compareNumbers, compareText, EQUAL, GREATER, LESS, SAME, UNORDERED } from './condition.ts';
import { floatArithmetic, intArithmetic } from '@vivace/traceql';
import type { ArithmeticOp, Static } from '@vivace/traceql';
import { KIND_NAMES, STATUS_NAMES } from './condition.ts';

export const CELL_NONE = 0;
export const CELL_TEXT = 1;
export const CELL_INT = 2;
export const CELL_FLOAT = 3;
export const CELL_BOOL = 4;
/** int64 nanoseconds. */
export const CELL_DURATION = 5;
/** OTLP code in `num`. */
export const CELL_STATUS = 6;
export const CELL_KIND = 7;

/**
 * One value of a computed expression. Cells are owned by the program that fills them and overwritten row by row, so that a row
 * allocates nothing. An int64 a double cannot hold is `wide`: then `big` is the value and `num` the nearest double.
 */
export class Cell {
  type = CELL_NONE;
  num = 0;
  wide = false;
  big = 0n;
  text = '';

  clear(): void {
    this.type = CELL_NONE;
  }

  setText(text: string): void {
    this.type = CELL_TEXT;
    this.text = text;
  }

  /** A bool, status, kind, float, or an integer that a double holds. */
  setNumber(type: number, value: number): void {
    this.type = type;
    this.num = value;
    this.wide = false;
  }

  setBig(type: number, value: bigint): void {
    this.type = type;
    this.big = BigInt.asIntN(64, value);
    this.num = Number(this.big);
    this.wide = !Number.isSafeInteger(this.num);
  }

  /** An int64 from its halves; `big` is only made when a double cannot hold it. */
  setHalves(type: number, low: number, high: number): void {
    this.type = type;
    this.num = (high | 0) * 4_294_967_296 + low;
    this.wide = !Number.isSafeInteger(this.num);
    if (this.wide) this.big = (BigInt(high | 0) << 32n) | BigInt(low);
  }

  copy(from: Cell): void {
    this.type = from.type;
    this.num = from.num;
    this.wide = from.wide;
    this.big = from.big;
    this.text = from.text;
  }

  /** The exact integer of an int or duration. */
  toBig(): bigint {
    return this.wide ? this.big : BigInt(this.num);
  }
}

export function setLiteral(cell: Cell, literal: Static): void {
  switch (literal.type) {
    case 'string':
      return cell.setText(literal.value);
    case 'int':
      return cell.setBig(CELL_INT, literal.value);
    case 'duration':
      return cell.setBig(CELL_DURATION, literal.value);
    case 'float':
      return cell.setNumber(CELL_FLOAT, literal.value);
    case 'bool':
      return cell.setNumber(CELL_BOOL, literal.value ? 1 : 0);
    case 'status':
      return cell.setNumber(CELL_STATUS, STATUS_NAMES.indexOf(literal.value));
    case 'kind':
      return cell.setNumber(CELL_KIND, KIND_NAMES.indexOf(literal.value));
    case 'nil':
      return cell.clear();
  }
}

export function isNumeric(cell: Cell): boolean {
  return cell.type === CELL_INT || cell.type === CELL_FLOAT || cell.type === CELL_DURATION;
}

/** The outcome bit of comparing two values, 0 when their types do not match. Bools and codes are equal or not, without order. */
export function compareCells(a: Cell, b: Cell): number {
  if (isNumeric(a) && isNumeric(b)) {
    if ((a.wide || b.wide) && a.type !== CELL_FLOAT && b.type !== CELL_FLOAT) {
      const x = a.toBig();
      const y = b.toBig();
      return x < y ? LESS : x > y ? GREATER : EQUAL;
    }
    return compareNumbers(a.num, b.num);
  }
  if (a.type !== b.type) return 0;
  if (a.type === CELL_TEXT) return compareText(a.text, b.text);
  return a.type === CELL_NONE ? 0 : a.num === b.num ? SAME : UNORDERED;
}

/** int ∘ int stays int64 and wraps around, all else is computed in doubles; an integer divided by zero has no value. */
export function arithmetic(op: ArithmeticOp, a: Cell, b: Cell, out: Cell): void {
  if (!isNumeric(a) || !isNumeric(b)) return out.clear();
  if (a.type !== CELL_INT || b.type !== CELL_INT) return out.setNumber(CELL_FLOAT, floatArithmetic(op, a.num, b.num));
  if ((op === '/' || op === '%') && b.num === 0) return out.clear();
  if (!a.wide && !b.wide && op !== '^') {
    const r = op === '/' ? Math.trunc(a.num / b.num) : floatArithmetic(op, a.num, b.num);
    // Below 2^53 the double result is the exact one; -0 must not leak into answers.
    if (r < 9_007_199_254_740_992 && r > -9_007_199_254_740_992) return out.setNumber(CELL_INT, r + 0);
  }
  const exact = intArithmetic(op, a.toBig(), b.toBig());
  if (exact === undefined) out.clear();
  else out.setBig(CELL_INT, exact);
}

export function negate(cell: Cell, out: Cell): void {
  if (!isNumeric(cell)) out.clear();
  else if (cell.wide) out.setBig(cell.type, -cell.big);
  else out.setNumber(cell.type, cell.type === CELL_FLOAT ? -cell.num : 0 - cell.num);
}
