// The oracle: TraceQL by its definition (docs/traceql.md), on plain objects, without a thought for speed. Engines are tested against it.
import { arithmetic, compareStatics, printExpr, printScalar } from '@vivace/traceql';
import type { Aggregate, FieldExpr, Query, ScalarExpr, SpansetOp, Stage, Static } from '@vivace/traceql';
import type { PlainTrace } from '../plain.ts';
import { isNumber, matches, single, valuesOf } from './naive-expr.ts';
import type { NaiveValues } from './naive-expr.ts';
import { isRelated, naiveSpans } from './naive-spans.ts';
import type { NaiveSpan } from './naive-spans.ts';

export interface NaiveMatch {
  readonly traceId: string;
  readonly spansets: readonly NaiveSpanset[];
}

export interface NaiveSpanset {
  readonly spans: readonly NaiveSpan[];
  /** What by() and aggregates found, in stage order: `by(name)`, `count()`, …. */
  readonly attributes: readonly (readonly [label: string, values: NaiveValues])[];
}

/** The spansets of every trace that has any, in the order given. A metrics stage and hints are ignored, as a search does. */
export function evaluateNaively({ stages }: Query, traces: readonly PlainTrace[]): readonly NaiveMatch[] {
  const filters = stages.flatMap(filtersOf);
  const all = traces.map((trace) => ({ traceId: trace.traceId, spansets: runStages(stages, { spans: naiveSpans(trace, filters), attributes: [] }) }));
  return all.filter(({ spansets }) => spansets.length > 0);
}

function filtersOf(stage: Stage | ScalarExpr): readonly FieldExpr[] {
  if (stage.kind === 'filter') return [stage.expr];
  if (stage.kind === 'pipeline' || stage.kind === 'scalarPipeline') return stage.stages.flatMap(filtersOf);
  return 'left' in stage ? [stage.left, stage.right].flatMap(filtersOf) : [];
}

function runStages(stages: readonly Stage[], input: NaiveSpanset): readonly NaiveSpanset[] {
  let sets: readonly NaiveSpanset[] = [input];
  for (const stage of stages) {
    const found = stage.kind === 'coalesce' ? [{ spans: mergeSpans(sets), attributes: [] }] : sets.flatMap((set) => runStage(stage, set));
    sets = found.filter(({ spans }) => spans.length > 0);
  }
  return sets;
}

/** Each once, in the order of the trace. */
export function mergeSpans(sets: readonly Pick<NaiveSpanset, 'spans'>[]): readonly NaiveSpan[] {
  return [...new Set(sets.flatMap(({ spans }) => spans))].sort((a, b) => a.index - b.index);
}

function runStage(stage: Exclude<Stage, { readonly kind: 'coalesce' }>, set: NaiveSpanset): readonly NaiveSpanset[] {
  const { spans, attributes } = set;
  switch (stage.kind) {
    case 'filter':
      return [{ spans: spans.filter((span) => matches(stage.expr, span)), attributes }];
    case 'pipeline':
      return runStages(stage.stages, set);
    case 'spansetOperation': {
      const [left, right] = [stage.left, stage.right].map((side) => mergeSpans(runStages([side], set)));
      return [{ spans: combine(stage.op, left, right), attributes }];
    }
    case 'scalarFilter': {
      const [left, right] = [scalar(stage.left, set), scalar(stage.right, set)];
      if (!left.value || !right.value || !compareStatics(stage.op, left.value, right.value)) return [];
      return [{ spans: mergeSpans([left, right]), attributes: [...attributes, ...left.attributes, ...right.attributes] }];
    }
    case 'by': {
      const groups = Map.groupBy(spans, (span) => keyOf(valuesOf(stage.expr, span)));
      const label = `by(${printExpr(stage.expr)})`;
      return [...groups.values()].map((group) => ({ spans: group, attributes: [...attributes, [label, valuesOf(stage.expr, group[0])]] }));
    }
    case 'select':
      return [set];
  }
}

/** `&&` needs both sides; a structural operator keeps its right side, `!` of it the unrelated, `&` both members of each pair. */
function combine(op: SpansetOp, left: readonly NaiveSpan[], right: readonly NaiveSpan[]): readonly NaiveSpan[] {
  const union = mergeSpans([{ spans: left }, { spans: right }]);
  if (op === '&&') return left.length > 0 && right.length > 0 ? union : [];
  if (op === '||') return union;
  const relation = op.replace(/^[!&]/, '');
  const below = right.filter((r) => left.some((l) => isRelated(relation, l, r)));
  const above = left.filter((l) => right.some((r) => isRelated(relation, l, r)));
  if (op.startsWith('!')) return right.filter((r) => !below.includes(r));
  return op.startsWith('&') ? mergeSpans([{ spans: above }, { spans: below }]) : below;
}

/** A number (none of an aggregate without numbers), the spans it is of, and the aggregates in it. */
function scalar(expr: ScalarExpr, set: NaiveSpanset): NaiveSpanset & { readonly value: Static | undefined } {
  if (expr.kind === 'literal') return { value: expr.value, spans: [], attributes: [] };
  if (expr.kind === 'scalarOperation') {
    const [left, right] = [scalar(expr.left, set), scalar(expr.right, set)];
    const value = left.value && right.value && arithmetic(expr.op, left.value, right.value);
    return { value, spans: mergeSpans([left, right]), attributes: [...left.attributes, ...right.attributes] };
  }
  const spans = expr.kind === 'aggregate' ? set.spans : mergeSpans(runStages(expr.stages, set));
  const value = aggregate(expr.kind === 'aggregate' ? expr : expr.scalar, spans);
  return { value, spans, attributes: value ? [[printScalar(expr), [value]]] : [] };
}

/** Spans without a number are left out. Ints and durations keep their type except for the average of ints; a mixture is a float. */
function aggregate({ op, operand }: Aggregate, spans: readonly NaiveSpan[]): Static | undefined {
  if (!operand) return { type: 'int', value: BigInt(spans.length) };
  const numbers = spans.map((span) => single(valuesOf(operand, span))).filter(isNumber);
  if (numbers.length === 0) return undefined;
  if (op === 'min' || op === 'max') return numbers.reduce((best, next) => (compareStatics(op === 'min' ? '<' : '>', next, best) ? next : best));
  const [{ type }] = numbers;
  if (type === 'float' || numbers.some((number) => number.type !== type)) {
    const sum = numbers.reduce((total, { value }) => total + Number(value), 0);
    return { type: 'float', value: op === 'sum' ? sum : sum / numbers.length };
  }
  const sum = numbers.reduce((total, { value }) => total + BigInt(value), 0n);
  if (op === 'sum') return { type, value: BigInt.asIntN(64, sum) };
  return type === 'int' ? { type: 'float', value: Number(sum) / numbers.length } : { type, value: sum / BigInt(numbers.length) };
}

/** Equal for what is one group. */
export function keyOf(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' || typeof part === 'number' ? String(part) : part));
}
