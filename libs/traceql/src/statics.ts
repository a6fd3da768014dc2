// Values and what operators do to two of them (docs/traceql.md). Used to fold constants; engines use it off the hot path.
import { unreachable } from '@vivace/base';
import type { ArithmeticOp, ComparisonOp, Static } from './ast.ts';
import { compileRegex } from './regex.ts';

type Numeric = Extract<Static, { readonly type: 'int' | 'float' | 'duration' }>;

export const TRUE: Static = { type: 'bool', value: true };
export const FALSE: Static = { type: 'bool', value: false };

/** False for nil and for types that do not compare, also for `!=` and `!~`. Throws AppError when the pattern of a regex is invalid. */
export function compareStatics(op: ComparisonOp, left: Static, right: Static): boolean {
  if (op === '=~' || op === '!~') {
    if (left.type !== 'string' || right.type !== 'string') return false;
    return compileRegex(right.value)(left.value) === (op === '=~');
  }
  if (isNumber(left) && isNumber(right)) {
    if (left.type === 'float' || right.type === 'float') return holds(op, Number(left.value), Number(right.value));
    return holds(op, left.value, right.value);
  }
  if (left.type !== right.type || left.type === 'nil' || right.type === 'nil') return false;
  if (left.type === 'string') return holds(op, compareUtf8(left.value, right.value as string), 0);
  return op === '=' ? left.value === right.value : op === '!=' && left.value !== right.value;
}

/** int∘int is int64 with wrap-around; any other pair of numbers is a float. Undefined: no number, or an integer divided by zero. */
export function arithmetic(op: ArithmeticOp, left: Static, right: Static): Static | undefined {
  if (!isNumber(left) || !isNumber(right)) return undefined;
  if (left.type !== 'int' || right.type !== 'int') return { type: 'float', value: floatArithmetic(op, Number(left.value), Number(right.value)) };
  const value = intArithmetic(op, left.value, right.value);
  return value === undefined ? undefined : { type: 'int', value: BigInt.asIntN(64, value) };
}

/** Unary minus keeps the type. Undefined when the operand is no number. */
export function negate(operand: Static): Static | undefined {
  if (operand.type === 'float') return { type: 'float', value: -operand.value };
  if (operand.type === 'int' || operand.type === 'duration') return { type: operand.type, value: BigInt.asIntN(64, -operand.value) };
  return undefined;
}

/** Order of the UTF-8 encodings: UTF-16 units order the same, except that surrogates come before U+E000–U+FFFF. */
export function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = utf8Rank(a.charCodeAt(i)) - utf8Rank(b.charCodeAt(i));
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

function utf8Rank(unit: number): number {
  return unit >= 0xe000 ? unit - 0x800 : unit >= 0xd800 ? unit + 0x2000 : unit;
}

function isNumber(value: Static): value is Numeric {
  return value.type === 'int' || value.type === 'float' || value.type === 'duration';
}

function holds<T extends number | bigint>(op: '=' | '!=' | '<' | '<=' | '>' | '>=', a: T, b: T): boolean {
  switch (op) {
    case '=':
      return a === b;
    case '!=':
      return a !== b;
    case '<':
      return a < b;
    case '<=':
      return a <= b;
    case '>':
      return a > b;
    case '>=':
      return a >= b;
    default:
      return unreachable(op, 'comparison');
  }
}

/** Arithmetic on doubles: what any pair of numbers but two ints does. */
export function floatArithmetic(op: ArithmeticOp, a: number, b: number): number {
  switch (op) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return a / b;
    case '%':
      return a % b;
    case '^':
      return a ** b;
    default:
      return unreachable(op, 'operator');
  }
}

/** Not wrapped to int64 yet. Undefined: divided by zero. */
export function intArithmetic(op: ArithmeticOp, a: bigint, b: bigint): bigint | undefined {
  switch (op) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return b === 0n ? undefined : a / b;
    case '%':
      return b === 0n ? undefined : a % b;
    case '^':
      return intPower(a, b);
    default:
      return unreachable(op, 'operator');
  }
}

/** Modulo 2^64, by squaring. A negative exponent is 1 / a^|b|, truncated like every integer division. */
function intPower(base: bigint, exponent: bigint): bigint | undefined {
  if (exponent < 0n) {
    if (base === 0n) return undefined;
    if (base === 1n) return 1n;
    return base === -1n ? (exponent % 2n === 0n ? 1n : -1n) : 0n;
  }
  let result = 1n;
  let square = base;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = BigInt.asIntN(64, result * square);
    square = BigInt.asIntN(64, square * square);
  }
  return result;
}
