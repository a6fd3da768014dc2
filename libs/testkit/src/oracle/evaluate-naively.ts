// The oracle: TraceQL by its definition (docs/traceql.md), on plain objects, without a thought for speed. Engines are tested against it.
import { arithmetic, compareStatics, printExpr, printScalar } from '@vivace/traceql';
import type { Aggregate, Query, ScalarExpr, ScalarFilter, SpansetExpr, SpansetOperation, Stage, Static } from '@vivace/traceql';
import type { PlainSpan, PlainTrace } from '../plain.ts';
import { matches, valueOf } from './naive-expr.ts';
import type { NaiveValue } from './naive-expr.ts';
import { isRelated, viewTrace } from './trace-view.ts';
import type { SpanView } from './trace-view.ts';

export interface NaiveSpanset {
  /** In the order of the trace. */
  readonly spans: readonly PlainSpan[];
  /** What by() and aggregates found, in stage order: `by(name)`, `count()`, …. Undefined is nil. */
  readonly attributes: readonly SpansetAttribute[];
}

export type SpansetAttribute = readonly [label: string, value: NaiveValue | undefined];

export interface NaiveMatch {
  readonly traceId: string;
  readonly spansets: readonly NaiveSpanset[];
}

interface Spanset {
  readonly views: readonly SpanView[];
  readonly attributes: readonly SpansetAttribute[];
}

/** The spansets of every trace that matches, in the order given. A metrics stage and hints are ignored, as a search does. */
export function evaluateNaively(query: Query, traces: readonly PlainTrace[]): readonly NaiveMatch[] {
  return traces.flatMap((trace) => {
    const found = runStages(query.stages, { views: viewTrace(trace).spans, attributes: [] });
    const spansets = found.map(({ views, attributes }) => ({ spans: views.map((view) => view.span), attributes }));
    return spansets.length > 0 ? [{ traceId: trace.traceId, spansets }] : [];
  });
}

/** The spans in the result of one trace, with their place in it. */
export function matchingSpans(query: Query, trace: PlainTrace): readonly SpanView[] {
  return merge(runStages(query.stages, { views: viewTrace(trace).spans, attributes: [] }));
}

function runStages(stages: readonly Stage[], input: Spanset): readonly Spanset[] {
  let sets: readonly Spanset[] = [input];
  for (const stage of stages) {
    sets = stage.kind === 'coalesce' ? [{ views: merge(sets), attributes: [] }] : sets.flatMap((set) => runStage(stage, set));
    sets = sets.filter((set) => set.views.length > 0);
  }
  return sets;
}

function runStage(stage: Exclude<Stage, { readonly kind: 'coalesce' }>, set: Spanset): readonly Spanset[] {
  switch (stage.kind) {
    case 'scalarFilter':
      return runScalarFilter(stage, set);
    case 'by':
      return groupBy(`by(${printExpr(stage.expr)})`, set, (view) => valueOf(stage.expr, view));
    case 'select':
      return [set];
    default:
      return runSpanset(stage, set);
  }
}

function runSpanset(spanset: SpansetExpr, set: Spanset): readonly Spanset[] {
  switch (spanset.kind) {
    case 'filter':
      return [{ ...set, views: set.views.filter((view) => matches(spanset.expr, view)) }];
    case 'pipeline':
      return runStages(spanset.stages, set);
    case 'spansetOperation':
      return [{ ...set, views: combine(spanset.op, merge(runStages([spanset.left], set)), merge(runStages([spanset.right], set))) }];
  }
}

/** docs/traceql.md, "Meaning": `&&` needs both sides; a structural operator keeps its right side, `!` of it the unrelated, `&` both members of each pair. */
function combine(op: SpansetOperation['op'], left: readonly SpanView[], right: readonly SpanView[]): readonly SpanView[] {
  if (op === '&&') return left.length > 0 && right.length > 0 ? union(left, right) : [];
  if (op === '||') return union(left, right);
  const relation = op.replace(/^[!&]/, '');
  const related = right.filter((r) => left.some((l) => isRelated(relation, l, r)));
  if (op.startsWith('!')) return right.filter((r) => !related.includes(r));
  if (!op.startsWith('&')) return related;
  return union(
    related,
    left.filter((l) => right.some((r) => isRelated(relation, l, r))),
  );
}

function union(left: readonly SpanView[], right: readonly SpanView[]): readonly SpanView[] {
  return [...new Set([...left, ...right])].sort((a, b) => a.index - b.index);
}

function merge(sets: readonly Spanset[]): readonly SpanView[] {
  return sets.reduce<readonly SpanView[]>((all, set) => union(all, set.views), []);
}

function groupBy(label: string, set: Spanset, valueFor: (view: SpanView) => NaiveValue | undefined): readonly Spanset[] {
  const groups = new Map<string, { readonly value: NaiveValue | undefined; readonly views: SpanView[] }>();
  for (const view of set.views) {
    const value = valueFor(view);
    const key = JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? String(part) : part)) ?? '';
    const group = groups.get(key) ?? { value, views: [] };
    groups.set(key, group);
    group.views.push(view);
  }
  return [...groups.values()].map(({ value, views }) => ({ views, attributes: [...set.attributes, [label, value]] }));
}

/** An aggregate without a value drops the spanset. Comparing pipelines keeps what these found instead. */
function runScalarFilter({ op, left, right }: ScalarFilter, set: Spanset): readonly Spanset[] {
  const found: SpansetAttribute[] = [];
  const [a, b] = [scalarValue(left, set, found), scalarValue(right, set, found)];
  if (a === undefined || b === undefined || !compareStatics(op, a, b)) return [];
  const pipelines = [...pipelinesOf(left), ...pipelinesOf(right)];
  const views = pipelines.length > 0 ? pipelines.reduce<readonly SpanView[]>((all, stages) => union(all, merge(runStages(stages, set))), []) : set.views;
  return [{ views, attributes: [...set.attributes, ...found] }];
}

function pipelinesOf(scalar: ScalarExpr): readonly (readonly Stage[])[] {
  if (scalar.kind === 'scalarOperation') return [...pipelinesOf(scalar.left), ...pipelinesOf(scalar.right)];
  return scalar.kind === 'scalarPipeline' ? [scalar.stages] : [];
}

/** `found` gathers the aggregates that have a value. */
function scalarValue(scalar: ScalarExpr, set: Spanset, found: SpansetAttribute[]): Static | undefined {
  switch (scalar.kind) {
    case 'literal':
      return scalar.value;
    case 'aggregate':
    case 'scalarPipeline': {
      const value = scalar.kind === 'aggregate' ? aggregate(scalar, set.views) : aggregate(scalar.scalar, merge(runStages(scalar.stages, set)));
      if (value !== undefined) found.push([printScalar(scalar), value]);
      return value;
    }
    case 'scalarOperation': {
      const [a, b] = [scalarValue(scalar.left, set, found), scalarValue(scalar.right, set, found)];
      return a && b && arithmetic(scalar.op, a, b);
    }
  }
}

/** Spans without a number are left out. Ints and durations keep their type except for the average of ints; a mixture is a float. */
function aggregate({ op, operand }: Aggregate, views: readonly SpanView[]): Static | undefined {
  if (op === 'count' || operand === undefined) return { type: 'int', value: BigInt(views.length) };
  const values = views.map((view) => valueOf(operand, view)).filter(isNumber);
  if (values.length === 0) return undefined;
  if (op === 'min' || op === 'max') return values.reduce((best, value) => (compareStatics(op === 'min' ? '<' : '>', value, best) ? value : best));
  const [{ type }] = values;
  if (type === 'float' || values.some((value) => value.type !== type)) {
    const sum = values.reduce((total, { value }) => total + Number(value), 0);
    return { type: 'float', value: op === 'sum' ? sum : sum / values.length };
  }
  const sum = values.reduce((total, { value }) => total + BigInt(value), 0n);
  if (op === 'sum') return { type, value: BigInt.asIntN(64, sum) };
  return type === 'int' ? { type: 'float', value: Number(sum) / values.length } : { type, value: sum / BigInt(values.length) };
}

function isNumber(value: NaiveValue | undefined): value is Extract<Static, { readonly type: 'int' | 'float' | 'duration' }> {
  return value?.type === 'int' || value?.type === 'float' || value?.type === 'duration';
}
