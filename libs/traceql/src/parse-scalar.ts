// Scalars: aggregates, numbers and arithmetic on them (docs/traceql.md).
import type { Aggregate, ArithmeticOp, ScalarExpr, ScalarFilter, Static } from './ast.ts';
import type { Cursor } from './cursor.ts';
import { scalarOperation } from './fold.ts';
import { failOperand, parseFieldExpr, takeStatic } from './parse-field.ts';
import { negate } from './statics.ts';

const LEVELS: Readonly<Record<ArithmeticOp, number>> = { '+': 4, '-': 4, '*': 6, '/': 6, '%': 6, '^': 7 };
const AGGREGATES = new Set<string>(['count', 'avg', 'min', 'max', 'sum']);
const COMPARISONS = new Set<string>(['=', '!=', '<', '<=', '>', '>=']);
const SCALAR = 'an aggregate (`count()`, `avg(duration)`, …) or a number';

export function startsScalar(c: Cursor): boolean {
  const { kind } = c.token;
  return kind === 'int' || kind === 'float' || kind === 'duration' || c.at('-') || startsAggregate(c);
}

/** scalar = term { arith term } ; */
export function parseScalar(c: Cursor): ScalarExpr {
  return continueScalar(c, parseScalarTerm(c), parseScalarTerm);
}

/** The rest of a scalar whose first term is `left`; `term` parses the others, which differ for scalar pipelines. */
export function continueScalar(c: Cursor, left: ScalarExpr, term: (c: Cursor) => ScalarExpr, least = LEVELS['+']): ScalarExpr {
  return c.nested(() => {
    for (;;) {
      const op = c.text;
      if (op === undefined || !isArithmetic(op) || LEVELS[op] < least) return left;
      c.advance();
      const right = continueScalar(c, term(c), term, op === '^' ? LEVELS[op] : LEVELS[op] + 1);
      left = scalarOperation(op, left, right);
    }
  });
}

/** scalarFilter = scalar cmp scalar ; undefined when no comparison follows `left`. */
export function continueComparison(c: Cursor, left: ScalarExpr, right: (c: Cursor) => ScalarExpr): ScalarFilter | undefined {
  const op = takeComparison(c);
  return op && { kind: 'scalarFilter', op, left, right: right(c), loc: c.locFrom(left.loc.from) };
}

/** cmp = "=" | "!=" | "<" | "<=" | ">" | ">=" ; */
export function takeComparison(c: Cursor): ScalarFilter['op'] | undefined {
  const op = c.text;
  if (op === undefined || !isComparison(op)) return undefined;
  c.advance();
  return op;
}

/** number = [ "-" ] ( INT | FLOAT | DURATION ) ; undefined when none begins here. */
export function takeNumber(c: Cursor): Static | undefined {
  const minus = c.take('-');
  const { kind } = c.token;
  if (kind !== 'int' && kind !== 'float' && kind !== 'duration') return minus ? c.fail('a number') : undefined;
  const value = takeStatic(c)!;
  return minus ? negate(value) : value;
}

/** term = aggregate | number | "(" scalar ")" ; */
export function parseScalarTerm(c: Cursor): ScalarExpr {
  const { from } = c.token;
  if (c.take('(')) {
    const inner = c.nested(parseScalar);
    c.expect(')', '`)` or an arithmetic operator');
    return inner;
  }
  if (startsAggregate(c)) return parseAggregate(c);
  const value = takeNumber(c) ?? failOperand(c, SCALAR);
  return { kind: 'literal', value, loc: c.locFrom(from) };
}

/** aggregate = "count" "(" ")" | ("avg"|"min"|"max"|"sum") "(" field ")" ; */
function parseAggregate(c: Cursor): Aggregate {
  const { from } = c.token;
  const op = c.text as Aggregate['op']; // startsAggregate looked
  c.advance();
  c.expect('(');
  if (op === 'count') {
    c.expect(')', '`)`: count() takes no argument');
    return { kind: 'aggregate', op, loc: c.locFrom(from) };
  }
  const operand = parseFieldExpr(c);
  c.expect(')', '`)` or an operator');
  return { kind: 'aggregate', op, operand, loc: c.locFrom(from) };
}

function startsAggregate(c: Cursor): boolean {
  return c.token.kind === 'word' && AGGREGATES.has(c.text!);
}

function isArithmetic(text: string): text is ArithmeticOp {
  return Object.hasOwn(LEVELS, text);
}

function isComparison(text: string): text is ScalarFilter['op'] {
  return COMPARISONS.has(text);
}
