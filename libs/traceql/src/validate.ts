// Static checks, with Tempo's messages (spec traceql.md §3.2, §3.3): one rule a function.
import { AppError, unreachable } from '@vivace/base';
import type {
  Aggregate,
  Binary,
  Compare,
  Exists,
  FieldExpr,
  GroupBy,
  Loc,
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
import { queryError } from './query-error.ts';
import { compileRegex } from './regex.ts';
import { hasOperator, isNumeric, operandsMatch, typeOf } from './types.ts';

type Fail = (message: string, loc: Loc, expected?: string) => AppError;

/**
 * Checks types and ranges, left to right, operands first.
 * @throws AppError invalid_argument: Tempo's message on the first line, then an excerpt with carets.
 */
export function validateQuery(query: Query): void {
  const fail: Fail = (message, loc, expected) => queryError(message, query.source, loc, { expected });
  for (const stage of query.stages) validateStage(stage, fail);
  if (query.metrics?.kind === 'metrics') quantilesInRange(query.metrics, fail);
  if (query.metrics?.kind === 'compare') validateCompare(query.metrics, fail);
  for (const stage of query.second) {
    if (stage.kind === 'second' && stage.limit < 1) throw fail('limit must be greater than 0', stage.loc);
  }
  if (query.metrics?.kind === 'compare' && query.second.length > 0) throw fail('`compare()` cannot be used with second stage functions', query.second[0].loc);
}

function validateStage(stage: Stage, fail: Fail): void {
  switch (stage.kind) {
    case 'scalarFilter':
      return validateScalarFilter(stage, fail);
    case 'by':
      return validateGroupBy(stage, fail);
    case 'coalesce':
    case 'select':
      return;
    default:
      return validateSpanset(stage, fail);
  }
}

function validateSpanset(spanset: SpansetExpr, fail: Fail): void {
  switch (spanset.kind) {
    case 'filter':
      validateExpr(spanset.expr, fail);
      return filterIsBoolean(spanset, fail);
    case 'spansetOperation':
      validateSpanset(spanset.left, fail);
      return validateSpanset(spanset.right, fail);
    case 'pipeline':
      for (const stage of spanset.stages) validateStage(stage, fail);
      return;
    default:
      return unreachable(spanset, 'spanset');
  }
}

function filterIsBoolean(filter: SpansetFilter, fail: Fail): void {
  const type = typeOf(filter.expr);
  if (type !== 'bool' && type !== 'unknown')
    throw fail(`span filter field expressions must resolve to a boolean: ${printStage(filter)}`, filter.loc, 'a comparison');
}

function validateExpr(expr: FieldExpr, fail: Fail): void {
  switch (expr.kind) {
    case 'literal':
    case 'attribute':
    case 'intrinsic':
      return;
    case 'unary':
      validateExpr(expr.operand, fail);
      return unaryOperator(expr, fail);
    case 'exists':
      validateExpr(expr.operand, fail);
      return canBeNil(expr, fail);
    case 'binary':
      validateExpr(expr.left, fail);
      validateExpr(expr.right, fail);
      operandTypes(expr, fail);
      operatorForTypes(expr, fail);
      return regexCompiles(expr, fail);
    default:
      return unreachable(expr, 'expression');
  }
}

function unaryOperator(expr: Unary, fail: Fail): void {
  const type = typeOf(expr.operand);
  const fits = type === 'unknown' || (expr.op === '-' ? isNumeric(type) : type === 'bool');
  if (!fits) throw fail(`illegal operation for the given type: ${printExpr(expr)}`, expr.loc);
}

function canBeNil({ operand, negated, loc }: Exists, fail: Fail): void {
  if (!negated) return;
  if (operand.kind === 'intrinsic' && operand.name !== 'parent') throw fail(`${operand.name}=nil is not valid because intrinsics cannot be nil`, loc);
  if (operand.kind === 'attribute' && !operand.parent && operand.scope === 'resource' && operand.name === 'service.name') {
    throw fail('resource.service.name=nil is not valid because resource.service.name cannot be nil', loc, '`resource.service.name = ""`');
  }
}

function operandTypes(expr: Binary, fail: Fail): void {
  if (!operandsMatch(typeOf(expr.left), typeOf(expr.right))) {
    throw fail(
      `binary operations must operate on the same type: ${printExpr(expr)}`,
      expr.loc,
      `one type on both sides, not ${typeOf(expr.left)} and ${typeOf(expr.right)}`,
    );
  }
}

function operatorForTypes(expr: Binary, fail: Fail): void {
  for (const side of [expr.left, expr.right]) {
    if (!hasOperator(typeOf(side), expr.op))
      throw fail(`illegal operation for the given types: ${printExpr(expr)}`, expr.loc, `an operator that ${typeOf(side)} values have, not \`${expr.op}\``);
  }
}

function regexCompiles({ op, right }: Binary, fail: Fail): void {
  if ((op !== '=~' && op !== '!~') || right.kind !== 'literal' || right.value.type !== 'string') return;
  try {
    compileRegex(right.value.value);
  } catch (error) {
    throw fail(AppError.from(error).message, right.loc, 'RE2 syntax: no look-around, no back-references');
  }
}

function validateScalarFilter(filter: ScalarFilter, fail: Fail): void {
  validateScalar(filter.left, fail);
  validateScalar(filter.right, fail);
  const [left, right] = [scalarIsNumeric(filter.left), scalarIsNumeric(filter.right)];
  if (!left || !right) throw fail(`binary operations must operate on the same type: ${printStage(filter)}`, filter.loc, 'numbers on both sides');
  if (!holdsAggregate(filter.left) && !holdsAggregate(filter.right))
    throw fail(`scalar filters must contain an aggregate: ${printStage(filter)}`, filter.loc, 'an aggregate such as `count()`');
}

function validateScalar(scalar: ScalarExpr, fail: Fail): void {
  switch (scalar.kind) {
    case 'literal':
      return;
    case 'aggregate':
      return validateAggregate(scalar, fail);
    case 'scalarOperation':
      validateScalar(scalar.left, fail);
      return validateScalar(scalar.right, fail);
    case 'scalarPipeline':
      for (const stage of scalar.stages) validateStage(stage, fail);
      return validateScalar(scalar.scalar, fail);
    default:
      return unreachable(scalar, 'scalar');
  }
}

function validateAggregate(aggregate: Aggregate, fail: Fail): void {
  if (!aggregate.operand) return;
  validateExpr(aggregate.operand, fail);
  const type = typeOf(aggregate.operand);
  if (type !== 'unknown' && !isNumeric(type)) throw fail(`aggregate field expressions must resolve to a number type: ${printScalar(aggregate)}`, aggregate.loc);
  if (!refersToSpan(aggregate.operand)) throw fail(`aggregate field expressions must reference the span: ${printScalar(aggregate)}`, aggregate.loc);
}

function validateGroupBy(by: GroupBy, fail: Fail): void {
  if (!refersToSpan(by.expr)) throw fail(`grouping field expressions must reference the span: ${printStage(by)}`, by.loc);
  validateExpr(by.expr, fail);
}

function quantilesInRange(metrics: MetricsAggregate, fail: Fail): void {
  for (const quantile of metrics.quantiles) {
    if (quantile > 1)
      throw fail(
        `quantile must be between 0 and 1: ${quantile}`,
        metrics.loc,
        quantile <= 100 ? `\`${quantile / 100}\` for percentile ${quantile}` : undefined,
      );
  }
}

function validateCompare(compare: Compare, fail: Fail): void {
  validateSpanset(compare.selection, fail);
  if (compare.topN < 1) throw fail('compare() top number of values must be integer greater than 0', compare.loc);
  if (compare.start === 0n && compare.end === 0n) return;
  if (compare.start === 0n || compare.end === 0n) throw fail('compare() timestamps must be positive integer unix nanoseconds', compare.loc);
  if (compare.end <= compare.start) throw fail('compare() end timestamp must be greater than start timestamp', compare.loc);
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
