// Random queries, as trees a parser can produce.
import fc from 'fast-check';
import type {
  Aggregate,
  Attribute,
  Compare,
  FieldExpr,
  FieldRef,
  GroupBy,
  Intrinsic,
  IntrinsicName,
  Literal,
  MetricsAggregate,
  Query,
  ScalarExpr,
  ScalarFilter,
  Select,
  SpansetExpr,
  SpansetFilter,
  SpansetOp,
  SpansetPipeline,
  Stage,
  Static,
} from './ast.ts';
import { binary, exists, scalarOperation, unary } from './fold.ts';
import { printStatic } from './print.ts';
import { SyntaxProblem } from './query-error.ts';

const loc = { from: 0, to: 0 };
const INTRINSICS: readonly IntrinsicName[] = [
  'name',
  'duration',
  'status',
  'kind',
  'rootName',
  'nestedSetParent',
  'trace:id',
  'span:parentID',
  'span:childCount',
  'event:timeSinceStart',
  'link:traceID',
  'instrumentation:version',
];
const COMPARISONS = ['=', '!=', '<', '<=', '>', '>='] as const;
const ARITHMETIC = ['+', '-', '*', '/', '%', '^'] as const;
const STRUCTURAL: readonly SpansetOp[] = ['>', '<', '>>', '<<', '~', '!>', '!<', '!>>', '!<<', '!~', '&>', '&<', '&>>', '&<<', '&~'];

const text = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 6 }), fc.constantFrom('`', '"\\`', 'a\r\nb', '1003', 'c0ffee', 'a.*'));
const int64 = fc.oneof(fc.bigInt({ min: -9n, max: 9n }), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }));
const number: fc.Arbitrary<Static> = fc.oneof(
  int64.map((value): Static => ({ type: 'int', value })),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value): Static => ({ type: 'float', value })),
  fc.bigInt({ min: -(2n ** 63n) + 1n, max: 2n ** 63n - 1n }).map((value): Static => ({ type: 'duration', value })),
);
const word: fc.Arbitrary<Static> = fc.oneof(
  fc.boolean().map((value): Static => ({ type: 'bool', value })),
  fc.constantFrom('error', 'ok', 'unset').map((value): Static => ({ type: 'status', value: value as 'ok' })),
  fc.constantFrom('unspecified', 'server', 'consumer').map((value): Static => ({ type: 'kind', value: value as 'server' })),
  text.map((value): Static => ({ type: 'string', value })),
);
const literalOf = (value: Static): Literal => ({ kind: 'literal', value, loc });

const attribute: fc.Arbitrary<Attribute> = fc
  .record({
    scope: fc.constantFrom('none', 'span', 'resource', 'event', 'link', 'instrumentation'),
    name: fc.oneof(text, fc.constantFrom('foo', 'service.name', '5', 'span.x', '.x', '')),
    parent: fc.boolean(),
  })
  .map(({ scope, name, parent }) => ({
    kind: 'attribute',
    scope: scope as 'span',
    name,
    parent: parent && (scope === 'none' || scope === 'span' || scope === 'resource'),
    loc,
  }));
const intrinsic: fc.Arbitrary<Intrinsic> = fc.constantFrom(...INTRINSICS).map((name) => ({ kind: 'intrinsic', name, loc }));
const fieldRef: fc.Arbitrary<FieldRef> = fc.oneof(attribute, intrinsic);

/** The builders refuse to divide constants by zero. */
function orElse<T>(build: () => T, fallback: T): T {
  try {
    return build();
  } catch (error) {
    if (error instanceof SyntaxProblem) return fallback;
    throw error;
  }
}

const { expr } = fc.letrec<{ expr: FieldExpr; binary: FieldExpr; unary: FieldExpr; exists: FieldExpr }>((tie) => ({
  expr: fc.oneof({ maxDepth: 5, depthSize: 'small' }, fieldRef, fc.oneof(number, word).map(literalOf), tie('binary'), tie('unary'), tie('exists')),
  binary: fc
    .tuple(fc.constantFrom(...COMPARISONS, ...ARITHMETIC, '=~', '!~', '&&', '||'), tie('expr'), tie('expr'))
    .map(([op, left, right]) => orElse(() => binary(op as '=', left, right), left)),
  unary: fc.tuple(fc.constantFrom('-', '!'), tie('expr')).map(([op, operand]) => unary(op as '-', operand, loc)),
  exists: fc.tuple(tie('expr'), fc.boolean()).map(([operand, negated]) => exists(operand, negated, loc)),
}));

const filter: fc.Arbitrary<SpansetFilter> = expr.map((e) => ({ kind: 'filter', expr: e, loc }));
const spansetOp = fc.constantFrom<SpansetOp>('&&', '||', ...STRUCTURAL);
const operation = (op: SpansetOp, left: SpansetExpr, right: SpansetExpr): SpansetExpr => ({ kind: 'spansetOperation', op, left, right, loc });
const { spanset } = fc.letrec<{ spanset: SpansetExpr; operation: SpansetExpr }>((tie) => ({
  spanset: fc.oneof({ maxDepth: 3, depthSize: 'small' }, filter, tie('operation')),
  operation: fc.tuple(spansetOp, tie('spanset'), tie('spanset')).map(([op, left, right]) => operation(op, left, right)),
}));

const aggregate: fc.Arbitrary<Aggregate> = fc.oneof(
  fc.constant<Aggregate>({ kind: 'aggregate', op: 'count', loc }),
  fc.tuple(fc.constantFrom('avg', 'min', 'max', 'sum'), expr).map(([op, operand]): Aggregate => ({ kind: 'aggregate', op: op, operand, loc })),
);
const { scalar } = fc.letrec<{ scalar: ScalarExpr; operation: ScalarExpr }>((tie) => ({
  scalar: fc.oneof({ maxDepth: 3, depthSize: 'small' }, aggregate, number.map(literalOf), tie('operation')),
  operation: fc
    .tuple(fc.constantFrom(...ARITHMETIC), tie('scalar'), tie('scalar'))
    .map(([op, left, right]) => orElse(() => scalarOperation(op, left, right), left)),
}));
const scalarFilter: fc.Arbitrary<ScalarFilter> = fc
  .tuple(fc.constantFrom(...COMPARISONS), scalar, scalar)
  .map(([op, left, right]) => ({ kind: 'scalarFilter', op, left, right, loc }));
const by: fc.Arbitrary<GroupBy> = expr.map((e) => ({ kind: 'by', expr: e, loc }));
const select: fc.Arbitrary<Select> = fc.array(fieldRef, { minLength: 1, maxLength: 3 }).map((fields) => ({ kind: 'select', fields, loc }));
const firstStage: fc.Arbitrary<Stage> = fc.oneof(spanset, scalarFilter, by, select);
const stages: fc.Arbitrary<readonly Stage[]> = fc
  .tuple(firstStage, fc.array(fc.oneof(firstStage, fc.constant<Stage>({ kind: 'coalesce', loc })), { maxLength: 3 }))
  .map(([first, rest]) => [first, ...rest]);

/** Pipelines as operands: one must come first, and one spanset alone is no pipeline. */
const pipeline: fc.Arbitrary<SpansetPipeline> = stages
  .filter((list) => list.length > 1 || list[0].kind === 'by' || list[0].kind === 'select' || list[0].kind === 'scalarFilter')
  .map((list) => ({ kind: 'pipeline', stages: list, loc }));
const combo: fc.Arbitrary<SpansetExpr> = fc
  .tuple(pipeline, fc.array(fc.tuple(spansetOp, fc.oneof(spanset, pipeline)), { minLength: 1, maxLength: 3 }))
  .map(([first, rest]) => rest.reduce<SpansetExpr>((left, [op, right]) => operation(op, left, right), first));

const scalarPipeline: fc.Arbitrary<ScalarExpr> = fc
  .tuple(stages, aggregate)
  .map(([list, last]) => ({ kind: 'scalarPipeline', stages: list, scalar: last, loc }));
const scalarCombo: fc.Arbitrary<Stage> = fc
  .tuple(fc.constantFrom(...ARITHMETIC), fc.constantFrom(...COMPARISONS), scalarPipeline, scalarPipeline, scalarPipeline)
  .map(([arith, op, a, b, right]) => ({ kind: 'scalarFilter', op, left: scalarOperation(arith, a, b), right, loc }));

const unsigned = fc.constantFrom(0n, 1n, 10n, 1_728_987_791_000_000_000n);
const metrics: fc.Arbitrary<MetricsAggregate | Compare> = fc.oneof(
  fc
    .tuple(fc.constantFrom('rate', 'count_over_time'), fc.array(fieldRef, { maxLength: 2 }))
    .map(([op, groups]): MetricsAggregate => ({ kind: 'metrics', op: op, quantiles: [], by: groups, loc })),
  fc
    .tuple(fc.constantFrom('min_over_time', 'histogram_over_time'), fieldRef, fc.array(fieldRef, { maxLength: 2 }))
    .map(([op, operand, groups]): MetricsAggregate => ({ kind: 'metrics', op: op, operand, quantiles: [], by: groups, loc })),
  fc
    .tuple(fieldRef, fc.array(fc.constantFrom(0, 0.5, 0.99, 1, 1e-7), { minLength: 1, maxLength: 3 }))
    .map(([operand, quantiles]): MetricsAggregate => ({ kind: 'metrics', op: 'quantile_over_time', operand, quantiles, by: [], loc })),
  fc.tuple(filter, fc.nat(20), unsigned, unsigned).map(([selection, topN, start, end]): Compare => ({ kind: 'compare', selection, topN, start, end, loc })),
);
const second: fc.Arbitrary<Query['second'][number]> = fc.oneof(
  fc.tuple(fc.constantFrom('topk', 'bottomk'), fc.nat(9)).map(([op, limit]): Query['second'][number] => ({ kind: 'second', op: op as 'topk', limit, loc })),
  fc
    .tuple(
      fc.constantFrom(...COMPARISONS),
      number.filter((value) => printStatic(value) !== 'minInt'),
    )
    .map(([op, value]): Query['second'][number] => ({ kind: 'metricsFilter', op, value, loc })),
);
/** A hint takes no sign. */
const hintValue = fc.oneof(
  number.filter((value) => !printStatic(value).startsWith('-')),
  word,
);
const hints = fc.array(fc.record({ name: fc.constantFrom('most_recent', 'sample', 'größe'), value: hintValue }), { maxLength: 2 });

/** Whole queries; `source` is empty and every place is 0. */
export const queries: fc.Arbitrary<Query> = fc
  .oneof(
    fc.record({ stages: fc.oneof<fc.Arbitrary<readonly Stage[]>[]>(stages, fc.tuple(combo), fc.tuple(scalarCombo)), second: fc.constant([]), hints }),
    fc.record({ stages, metrics, second: fc.array(second, { maxLength: 2 }), hints }),
  )
  .map((query) => ({ ...query, source: '', loc }));
