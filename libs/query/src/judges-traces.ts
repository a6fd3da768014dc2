import type { FieldExpr, IntrinsicName, Query, SpansetExpr, Stage } from '@vivace/traceql';

/** What they say of a span depends on other spans of its trace. */
const OF_TRACES: ReadonlySet<IntrinsicName> = new Set([
  'rootName',
  'rootServiceName',
  'traceDuration',
  'nestedSetLeft',
  'nestedSetRight',
  'nestedSetParent',
  'parent',
  'span:childCount',
]);

/** Whether the answer to a query depends on more than each span alone: a part of a trace then says nothing of the whole. */
export function judgesTraces({ stages, metrics }: Query): boolean {
  if (!stages.every(judgesSpans)) return true;
  if (metrics?.kind === 'compare') return true;
  return metrics !== undefined && [...metrics.by, ...(metrics.operand ? [metrics.operand] : [])].some(asksTrace);
}

function judgesSpans(stage: Stage | SpansetExpr): boolean {
  switch (stage.kind) {
    case 'filter':
      return !asksTrace(stage.expr);
    case 'spansetOperation':
      return stage.op === '||' && judgesSpans(stage.left) && judgesSpans(stage.right);
    case 'pipeline':
      return stage.stages.every(judgesSpans);
    // Only shows.
    case 'select':
      return true;
    default:
      return false;
  }
}

function asksTrace(expr: FieldExpr): boolean {
  switch (expr.kind) {
    case 'literal':
      return false;
    case 'attribute':
      return expr.parent;
    case 'intrinsic':
      return OF_TRACES.has(expr.name);
    case 'unary':
    case 'exists':
      return asksTrace(expr.operand);
    case 'binary':
      return asksTrace(expr.left) || asksTrace(expr.right);
  }
}
