// What a query asks of an engine, so that an engine can refuse what it does not do yet.
import { unreachable } from '@vivace/base';
import type { FieldExpr, FieldRef, Query, ScalarExpr, SpansetExpr, Stage } from './ast.ts';

/** Everything beyond spanset filters, `&&` and `||` of spansets, and filters piped into filters. The names are shown to users. */
export type Feature =
  | 'structural operators'
  | 'pipelines as operands'
  | 'aggregates'
  | 'arithmetic on aggregates'
  | 'comparison of pipelines'
  | 'by()'
  | 'coalesce()'
  | 'select()'
  | 'parent attributes'
  | 'metrics functions'
  | 'compare()'
  | 'topk() and bottomk()'
  | 'filters on series';

/** The first feature of `query`, in reading order, that is not in `supported`. */
export function unsupportedFeature(query: Query, supported: ReadonlySet<Feature> = new Set()): Feature | undefined {
  for (const feature of features(query)) if (!supported.has(feature)) return feature;
  return undefined;
}

function* features(query: Query): Generator<Feature, void> {
  for (const stage of query.stages) yield* stageFeatures(stage);
  if (query.metrics?.kind === 'compare') {
    yield 'compare()';
    yield* spansetFeatures(query.metrics.selection);
  } else if (query.metrics) {
    yield 'metrics functions';
    for (const field of [query.metrics.operand, ...query.metrics.by]) if (field) yield* exprFeatures(field);
  }
  for (const stage of query.second) yield stage.kind === 'second' ? 'topk() and bottomk()' : 'filters on series';
}

function* stageFeatures(stage: Stage): Generator<Feature, void> {
  switch (stage.kind) {
    case 'scalarFilter':
      yield* scalarFeatures(stage.left);
      return yield* scalarFeatures(stage.right);
    case 'by':
      yield 'by()';
      return yield* exprFeatures(stage.expr);
    case 'coalesce':
      yield 'coalesce()';
      return;
    case 'select':
      yield 'select()';
      for (const field of stage.fields) yield* exprFeatures(field);
      return;
    default:
      return yield* spansetFeatures(stage);
  }
}

function* spansetFeatures(spanset: SpansetExpr): Generator<Feature, void> {
  switch (spanset.kind) {
    case 'filter':
      return yield* exprFeatures(spanset.expr);
    case 'spansetOperation':
      yield* spansetFeatures(spanset.left);
      if (spanset.op !== '&&' && spanset.op !== '||') yield 'structural operators';
      return yield* spansetFeatures(spanset.right);
    case 'pipeline':
      yield 'pipelines as operands';
      for (const stage of spanset.stages) yield* stageFeatures(stage);
      return;
    default:
      return unreachable(spanset, 'spanset');
  }
}

function* scalarFeatures(scalar: ScalarExpr): Generator<Feature, void> {
  switch (scalar.kind) {
    case 'literal':
      return;
    case 'aggregate':
      yield 'aggregates';
      if (scalar.operand) yield* exprFeatures(scalar.operand);
      return;
    case 'scalarOperation':
      yield 'arithmetic on aggregates';
      yield* scalarFeatures(scalar.left);
      return yield* scalarFeatures(scalar.right);
    case 'scalarPipeline':
      yield 'comparison of pipelines';
      for (const stage of scalar.stages) yield* stageFeatures(stage);
      return yield* scalarFeatures(scalar.scalar);
    default:
      return unreachable(scalar, 'scalar');
  }
}

function* exprFeatures(expr: FieldExpr | FieldRef): Generator<Feature, void> {
  switch (expr.kind) {
    case 'attribute':
      if (expr.parent) yield 'parent attributes';
      return;
    case 'unary':
    case 'exists':
      return yield* exprFeatures(expr.operand);
    case 'binary':
      yield* exprFeatures(expr.left);
      return yield* exprFeatures(expr.right);
    default:
      return;
  }
}
