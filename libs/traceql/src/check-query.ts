// Static checks, with Tempo's messages (docs/traceql.md): one rule a function.
import { AppError, unreachable } from '@vivace/base';
import type {
  Aggregate,
  Binary,
  Compare,
  Exists,
  FieldExpr,
  GroupBy,
  MetricsAggregate,
  Query,
  ScalarExpr,
  ScalarFilter,
  SpansetExpr,
  SpansetFilter,
  Stage,
  Unary,
} from './ast.ts';
import { printExpr, printScalar, printStage } from './print.ts';
import { Violation } from './query-error.ts';
import { compileRegex } from './regex.ts';
import { hasOperator, isNumeric, operandsMatch, typeOf } from './types.ts';

/** Throws Violation: types and ranges, left to right, operands first. */
export function checkQuery(query: Query): void {
  for (const stage of query.stages) validateStage(stage);
  if (query.metrics?.kind === 'metrics') quantilesInRange(query.metrics);
  if (query.metrics?.kind === 'compare') validateCompare(query.metrics);
  for (const stage of query.second) {
    if (stage.kind === 'second' && stage.limit < 1) throw new Violation('limit must be greater than 0', stage.loc);
  }
  if (query.metrics?.kind === 'compare' && query.second.length > 0)
    throw new Violation('`compare()` cannot be used with second stage functions', query.second[0].loc);
}

function validateStage(stage: Stage): void {
  switch (stage.kind) {
    case 'scalarFilter':
      return validateScalarFilter(stage);
    case 'by':
      return validateGroupBy(stage);
    case 'coalesce':
    case 'select':
      return;
    default:
      return validateSpanset(stage);
  }
}

function validateSpanset(spanset: SpansetExpr): void {
  switch (spanset.kind) {
    case 'filter':
      validateExpr(spanset.expr);
      return filterIsBoolean(spanset);
    case 'spansetOperation':
      validateSpanset(spanset.left);
      return validateSpanset(spanset.right);
    case 'pipeline':
      for (const stage of spanset.stages) validateStage(stage);
      return;
    default:
      return unreachable(spanset, 'spanset');
  }
}

function filterIsBoolean(filter: SpansetFilter): void {
  const type = typeOf(filter.expr);
  if (type !== 'bool' && type !== 'unknown')
    throw new Violation(`span filter field expressions must resolve to a boolean: ${printStage(filter)}`, filter.loc, 'a comparison');
}

function validateExpr(expr: FieldExpr): void {
  switch (expr.kind) {
    case 'literal':
    case 'attribute':
    case 'intrinsic':
      return;
    case 'unary':
      validateExpr(expr.operand);
      return unaryOperator(expr);
    case 'exists':
      validateExpr(expr.operand);
      return canBeNil(expr);
    case 'binary':
      validateExpr(expr.left);
      validateExpr(expr.right);
      operandTypes(expr);
      operatorForTypes(expr);
      return regexCompiles(expr);
    default:
      return unreachable(expr, 'expression');
  }
}

function unaryOperator(expr: Unary): void {
  const type = typeOf(expr.operand);
  const fits = type === 'unknown' || (expr.op === '-' ? isNumeric(type) : type === 'bool');
  if (!fits) throw new Violation(`illegal operation for the given type: ${printExpr(expr)}`, expr.loc);
}

function canBeNil({ operand, negated, loc }: Exists): void {
  if (!negated) return;
  if (operand.kind === 'intrinsic' && operand.name !== 'parent') throw new Violation(`${operand.name}=nil is not valid because intrinsics cannot be nil`, loc);
  if (operand.kind === 'attribute' && !operand.parent && operand.scope === 'resource' && operand.name === 'service.name') {
    throw new Violation('resource.service.name=nil is not valid because resource.service.name cannot be nil', loc, '`resource.service.name = ""`');
  }
}

function operandTypes(expr: Binary): void {
  if (!operandsMatch(typeOf(expr.left), typeOf(expr.right))) {
    throw new Violation(
      `binary operations must operate on the same type: ${printExpr(expr)}`,
      expr.loc,
      `one type on both sides, not ${typeOf(expr.left)} and ${typeOf(expr.right)}`,
    );
  }
}

function operatorForTypes(expr: Binary): void {
  for (const side of [expr.left, expr.right]) {
    if (!hasOperator(typeOf(side), expr.op))
      throw new Violation(
        `illegal operation for the given types: ${printExpr(expr)}`,
        expr.loc,
        `an operator that ${typeOf(side)} values have, not \`${expr.op}\``,
      );
  }
}

function regexCompiles({ op, right }: Binary): void {
  if ((op !== '=~' && op !== '!~') || right.kind !== 'literal' || right.value.type !== 'string') return;
  try {
    compileRegex(right.value.value);
  } catch (error) {
    throw new Violation(AppError.from(error).message, right.loc, 'RE2 syntax: no look-around, no back-references');
  }
}

function validateScalarFilter(filter: ScalarFilter): void {
  validateScalar(filter.left);
  validateScalar(filter.right);
  const [left, right] = [scalarIsNumeric(filter.left), scalarIsNumeric(filter.right)];
  if (!left || !right) throw new Violation(`binary operations must operate on the same type: ${printStage(filter)}`, filter.loc, 'numbers on both sides');
  if (!holdsAggregate(filter.left) && !holdsAggregate(filter.right))
    throw new Violation(`scalar filters must contain an aggregate: ${printStage(filter)}`, filter.loc, 'an aggregate such as `count()`');
}

function validateScalar(scalar: ScalarExpr): void {
  switch (scalar.kind) {
    case 'literal':
      return;
    case 'aggregate':
      return validateAggregate(scalar);
    case 'scalarOperation':
      validateScalar(scalar.left);
      return validateScalar(scalar.right);
    case 'scalarPipeline':
      for (const stage of scalar.stages) validateStage(stage);
      return validateScalar(scalar.scalar);
    default:
      return unreachable(scalar, 'scalar');
  }
}

function validateAggregate(aggregate: Aggregate): void {
  if (!aggregate.operand) return;
  validateExpr(aggregate.operand);
  const type = typeOf(aggregate.operand);
  if (type !== 'unknown' && !isNumeric(type))
    throw new Violation(`aggregate field expressions must resolve to a number type: ${printScalar(aggregate)}`, aggregate.loc);
  if (!refersToSpan(aggregate.operand)) throw new Violation(`aggregate field expressions must reference the span: ${printScalar(aggregate)}`, aggregate.loc);
}

function validateGroupBy(by: GroupBy): void {
  if (!refersToSpan(by.expr)) throw new Violation(`grouping field expressions must reference the span: ${printStage(by)}`, by.loc);
  validateExpr(by.expr);
}

function quantilesInRange(metrics: MetricsAggregate): void {
  for (const quantile of metrics.quantiles) {
    if (quantile > 1)
      throw new Violation(
        `quantile must be between 0 and 1: ${quantile}`,
        metrics.loc,
        quantile <= 100 ? `\`${Number((quantile / 100).toPrecision(12))}\` for percentile ${quantile}` : undefined,
      );
  }
}

function validateCompare(compare: Compare): void {
  validateSpanset(compare.selection);
  if (compare.topN < 1) throw new Violation('compare() top number of values must be integer greater than 0', compare.loc);
  if (compare.start === 0n && compare.end === 0n) return;
  if (compare.start === 0n || compare.end === 0n) throw new Violation('compare() timestamps must be positive integer unix nanoseconds', compare.loc);
  if (compare.end <= compare.start) throw new Violation('compare() end timestamp must be greater than start timestamp', compare.loc);
}

function scalarIsNumeric(scalar: ScalarExpr): boolean {
  return scalar.kind !== 'literal' || isNumeric(scalar.value.type);
}

function holdsAggregate(scalar: ScalarExpr): boolean {
  if (scalar.kind === 'scalarOperation') return holdsAggregate(scalar.left) || holdsAggregate(scalar.right);
  return scalar.kind !== 'literal';
}

function refersToSpan(expr: FieldExpr): boolean {
  switch (expr.kind) {
    case 'literal':
      return false;
    case 'unary':
    case 'exists':
      return refersToSpan(expr.operand);
    case 'binary':
      return refersToSpan(expr.left) || refersToSpan(expr.right);
    default:
      return true;
  }
}
