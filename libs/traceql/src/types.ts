// Static types (docs/traceql.md).
import type { BinaryOp, FieldExpr, IntrinsicName, Static } from './ast.ts';

/** `unknown` is an attribute: its type is that of each value. */
export type StaticType = Static['type'] | 'unknown';

const INTRINSIC_TYPES: Readonly<Record<IntrinsicName, StaticType>> = {
  name: 'string',
  duration: 'duration',
  status: 'status',
  statusMessage: 'string',
  kind: 'kind',
  rootName: 'string',
  rootServiceName: 'string',
  traceDuration: 'duration',
  nestedSetLeft: 'int',
  nestedSetRight: 'int',
  nestedSetParent: 'int',
  parent: 'string',
  'trace:id': 'string',
  'span:id': 'string',
  'span:parentID': 'string',
  'span:childCount': 'int',
  'event:name': 'string',
  'event:timeSinceStart': 'duration',
  'link:spanID': 'string',
  'link:traceID': 'string',
  'instrumentation:name': 'unknown',
  'instrumentation:version': 'unknown',
};

const EQUALITY = new Set<BinaryOp>(['=', '!=']);
const NUMERIC = new Set<BinaryOp>(['+', '-', '*', '/', '%', '^', '=', '!=', '<', '<=', '>', '>=']);
const OPERATORS: Readonly<Record<StaticType, ReadonlySet<BinaryOp> | undefined>> = {
  bool: new Set<BinaryOp>(['&&', '||', '=', '!=']),
  int: NUMERIC,
  float: NUMERIC,
  duration: NUMERIC,
  string: new Set<BinaryOp>(['=', '!=', '=~', '!~', '<', '<=', '>', '>=']),
  status: EQUALITY,
  kind: EQUALITY,
  nil: EQUALITY,
  unknown: undefined,
};
const ARITHMETIC = new Set<BinaryOp>(['+', '-', '*', '/', '%', '^']);

export function typeOf(expr: FieldExpr): StaticType {
  switch (expr.kind) {
    case 'literal':
      return expr.value.type;
    case 'attribute':
      return 'unknown';
    case 'intrinsic':
      return INTRINSIC_TYPES[expr.name];
    case 'exists':
      return 'bool';
    case 'unary':
      return typeOf(expr.operand);
    case 'binary': {
      if (!ARITHMETIC.has(expr.op)) return 'bool';
      const left = typeOf(expr.left);
      return left === 'unknown' ? typeOf(expr.right) : left;
    }
  }
}

export function isNumeric(type: StaticType): boolean {
  return type === 'int' || type === 'float' || type === 'duration';
}

/** Whether two operands may meet at all. */
export function operandsMatch(left: StaticType, right: StaticType): boolean {
  return left === right || left === 'unknown' || right === 'unknown' || left === 'nil' || right === 'nil' || (isNumeric(left) && isNumeric(right));
}

/** Whether values of `type` have the operator. */
export function hasOperator(type: StaticType, op: BinaryOp): boolean {
  return OPERATORS[type]?.has(op) ?? true;
}
