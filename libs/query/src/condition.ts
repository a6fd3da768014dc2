import { compareUtf8, compileRegex } from '@vivace/traceql';
import type { ComparisonOp, Static } from '@vivace/traceql';

/** Outcomes of comparing a value with a literal, as bits; `UNORDERED` is NaN against anything. */
export const LESS = 1;
export const EQUAL = 2;
export const GREATER = 4;
export const UNORDERED = 8;
/** Equal values of a type without order: bool, status, kind. */
export const SAME = 16;

/** The outcomes an operator accepts. Regexes do not compare. */
const ACCEPTS: Record<ComparisonOp, number> = {
  '=': EQUAL | SAME,
  '!=': LESS | GREATER | UNORDERED,
  '<': LESS,
  '<=': LESS | EQUAL,
  '>': GREATER,
  '>=': GREATER | EQUAL,
  '=~': 0,
  '!~': 0,
};

const MIRROR: Partial<Record<ComparisonOp, ComparisonOp>> = { '<': '>', '<=': '>=', '>': '<', '>=': '<=' };

/** `1 < x` says the same as `x > 1`. */
export function mirror(op: ComparisonOp): ComparisonOp {
  return MIRROR[op] ?? op;
}

export function accepts(op: ComparisonOp): number {
  return ACCEPTS[op];
}

/**
 * `<value> op literal`, made ready for loops. One of four shapes by the literal's type; a value of another type never satisfies it,
 * not even with `!=` (traceql.md 4.2).
 */
export type Condition = TextCondition | NumberCondition | CodeCondition | NeverCondition;

export interface TextCondition {
  readonly kind: 'text';
  /** Set when the condition is plain equality: then ids can be compared. */
  readonly equals: string | undefined;
  matches(text: string): boolean;
}

/** Numbers compare across int, double and duration; int with int exactly. */
export interface NumberCondition {
  readonly kind: 'number';
  readonly accept: number;
  readonly value: number;
  /** Set for int and duration literals: the int64 as halves. */
  readonly exact: { readonly high: number; readonly low: number; readonly big: bigint } | undefined;
}

/** Equality of a small code: bool (0, 1), status or kind (OTLP number). */
export interface CodeCondition {
  readonly kind: 'bool' | 'status' | 'kind';
  readonly accept: number;
  readonly code: number;
}

/** The literal and the operator do not fit: nothing satisfies it. */
export interface NeverCondition {
  readonly kind: 'never';
}

export const STATUS_NAMES = ['unset', 'ok', 'error'] as const;
export const KIND_NAMES = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'] as const;
const NEVER: NeverCondition = { kind: 'never' };

export function compileCondition(op: ComparisonOp, literal: Static): Condition {
  switch (literal.type) {
    case 'string':
      return textCondition(op, literal.value);
    case 'int':
    case 'duration': {
      if (ACCEPTS[op] === 0) return NEVER;
      const big = BigInt.asUintN(64, literal.value);
      const exact = { high: Number(big >> 32n) | 0, low: Number(big & 0xffff_ffffn), big: literal.value };
      return { kind: 'number', accept: ACCEPTS[op], value: Number(literal.value), exact };
    }
    case 'float':
      return ACCEPTS[op] === 0 ? NEVER : { kind: 'number', accept: ACCEPTS[op], value: literal.value, exact: undefined };
    case 'bool':
      return codeCondition('bool', op, literal.value ? 1 : 0);
    case 'status':
      return codeCondition('status', op, STATUS_NAMES.indexOf(literal.value));
    case 'kind':
      return codeCondition('kind', op, KIND_NAMES.indexOf(literal.value));
    case 'nil':
      return NEVER;
  }
}

function codeCondition(kind: CodeCondition['kind'], op: ComparisonOp, code: number): Condition {
  return op === '=' || op === '!=' ? { kind, accept: ACCEPTS[op], code } : NEVER;
}

/** `pattern` text of a regex is compiled here, once per plan. Bad ones were refused by validation. */
function textCondition(op: ComparisonOp, literal: string): TextCondition {
  if (op === '=~' || op === '!~') {
    const regex = compileRegex(literal);
    const wanted = op === '=~';
    return { kind: 'text', equals: undefined, matches: (text) => regex(text) === wanted };
  }
  const accept = ACCEPTS[op];
  return { kind: 'text', equals: op === '=' ? literal : undefined, matches: (text) => (accept & compareText(text, literal)) !== 0 };
}

/** Order of strings is the order of their UTF-8 bytes. */
export function compareText(a: string, b: string): number {
  if (a === b) return EQUAL;
  return compareUtf8(a, b) < 0 ? LESS : GREATER;
}

export function compareNumbers(a: number, b: number): number {
  return a < b ? LESS : a > b ? GREATER : a === b ? EQUAL : UNORDERED;
}
