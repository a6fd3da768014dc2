// Building expression nodes: constants are folded at once (docs/traceql.md), so an engine never sees an operator on two literals that type-check.
import type { ArithmeticOp, Binary, BinaryOp, ComparisonOp, FieldExpr, Loc, ScalarExpr, Static, Unary } from './ast.ts';
import { SyntaxProblem } from './query-error.ts';
import { arithmetic, compareStatics, FALSE, negate, TRUE } from './statics.ts';
import { hasOperator, operandsMatch } from './types.ts';

const TRACE_ID_DIGITS = 32;

/** Throws SyntaxProblem when an integer constant is divided by zero. */
export function binary(op: BinaryOp, left: FieldExpr, right: FieldExpr): FieldExpr {
  const loc = { from: left.loc.from, to: right.loc.to };
  const value = left.kind === 'literal' && right.kind === 'literal' ? foldPair(op, left.value, right.value, loc) : undefined;
  if (value !== undefined) return { kind: 'literal', value, loc };
  return padTraceIds({ kind: 'binary', op, left, right, loc });
}

export function unary(op: Unary['op'], operand: FieldExpr, loc: Loc): FieldExpr {
  const value = operand.kind === 'literal' ? foldUnary(op, operand.value) : undefined;
  return value === undefined ? { kind: 'unary', op, operand, loc } : { kind: 'literal', value, loc };
}

/** `operand != nil`, or `operand = nil` when `negated`. */
export function exists(operand: FieldExpr, negated: boolean, loc: Loc): FieldExpr {
  if (operand.kind === 'literal') return { kind: 'literal', value: negated ? FALSE : TRUE, loc };
  return { kind: 'exists', negated, operand, loc };
}

/** Throws SyntaxProblem when an integer constant is divided by zero. */
export function scalarOperation(op: ArithmeticOp, left: ScalarExpr, right: ScalarExpr): ScalarExpr {
  const loc = { from: left.loc.from, to: right.loc.to };
  const value = left.kind === 'literal' && right.kind === 'literal' ? foldPair(op, left.value, right.value, loc) : undefined;
  return value === undefined ? { kind: 'scalarOperation', op, left, right, loc } : { kind: 'literal', value, loc };
}

function foldPair(op: BinaryOp, left: Static, right: Static, loc: Loc): Static | undefined {
  if (!operandsMatch(left.type, right.type) || !hasOperator(left.type, op) || !hasOperator(right.type, op)) return undefined;
  if (op === '&&') return bool(isTrue(left) && isTrue(right));
  if (op === '||') return bool(isTrue(left) || isTrue(right));
  if (isArithmetic(op)) {
    const value = arithmetic(op, left, right);
    if (value === undefined) throw new SyntaxProblem('integer divide by zero', loc, 'a divisor other than 0');
    return value;
  }
  // A bad pattern stays in the tree, where validation names it; regexes of constants are too rare to deserve more.
  return op === '=~' || op === '!~' ? undefined : bool(compareStatics(op, left, right));
}

function foldUnary(op: Unary['op'], operand: Static): Static | undefined {
  if (op === '-') return negate(operand);
  return operand.type === 'bool' ? bool(!operand.value) : undefined;
}

/** Trace ids compare as 32 digits; a literal may leave out leading zeros, as Tempo's own answers do. */
function padTraceIds(node: Binary): Binary {
  if (!isOrderOrEquality(node.op)) return node;
  if (isTraceId(node.left)) return { ...node, right: padHex(node.right) };
  if (isTraceId(node.right)) return { ...node, left: padHex(node.left) };
  return node;
}

function padHex(expr: FieldExpr): FieldExpr {
  if (expr.kind !== 'literal' || expr.value.type !== 'string' || !/^[0-9a-f]{1,32}$/.test(expr.value.value)) return expr;
  return { ...expr, value: { type: 'string', value: expr.value.value.padStart(TRACE_ID_DIGITS, '0') } };
}

function isTraceId(expr: FieldExpr): boolean {
  return expr.kind === 'intrinsic' && (expr.name === 'trace:id' || expr.name === 'link:traceID');
}

function isOrderOrEquality(op: BinaryOp): op is Exclude<ComparisonOp, '=~' | '!~'> {
  return op === '=' || op === '!=' || op === '<' || op === '<=' || op === '>' || op === '>=';
}

function isArithmetic(op: BinaryOp): op is ArithmeticOp {
  return op === '+' || op === '-' || op === '*' || op === '/' || op === '%' || op === '^';
}

function isTrue(value: Static): boolean {
  return value.type === 'bool' && value.value;
}

function bool(value: boolean): Static {
  return value ? TRUE : FALSE;
}
