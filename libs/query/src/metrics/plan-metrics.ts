import { AppError } from '@vivace/base';
import type { ColumnNeeds } from '@vivace/trace';
import { findHint } from '@vivace/traceql';
import type { FieldRef, MetricsAggregate, MetricsFilter, Query, SecondStage, Stage } from '@vivace/traceql';
import type { Field } from '../field.ts';
import { fieldId, NeedsBuilder, resolveField } from '../field.ts';
import type { MetricsRequest, TimeRange } from '../model.ts';
import { planStages } from '../plan-search.ts';
import { planPredicate } from '../predicate.ts';
import type { Predicate } from '../predicate.ts';
import { shownFields } from '../shown-fields.ts';
import type { GroupField } from './group-keys.ts';
import type { SelectPlan } from './select-spans.ts';
import { endOf, instantAxis, rangeAxis } from './time-axis.ts';
import type { TimeAxis } from './time-axis.ts';

interface CommonPlan extends SelectPlan {
  /** Most exemplars; 0: none. */
  readonly exemplars: number;
  readonly needs: ColumnNeeds;
  /** No span can match, whatever the data. */
  readonly isEmpty: boolean;
}

export interface FunctionPlan extends CommonPlan {
  readonly kind: 'function';
  readonly metrics: MetricsAggregate;
  readonly second: readonly (SecondStage | MetricsFilter)[];
  readonly by: readonly GroupField[];
  readonly operand: Field | undefined;
  /** What exemplars say of their span. */
  readonly exemplarFields: readonly GroupField[];
}

export interface ComparePlan extends CommonPlan {
  readonly kind: 'compare';
  readonly topN: number;
  readonly selection: Predicate;
  /** Spans that start elsewhere are of the baseline. */
  readonly window: TimeAxis | undefined;
}

/** A metrics query made ready: independent of data, reusable for any number of batches. */
export type MetricsPlan = FunctionPlan | ComparePlan;

export type MetricsMode = 'range' | 'instant';

const SECOND_NS = 1_000_000_000n;
/** A hint may ask for more exemplars than the parameter, up to this. */
const MAX_EXEMPLARS = 1_000;

/** Pure. Throws `unimplemented` naming the feature, `invalid_argument` when there is no metrics stage. */
export function planMetrics(request: MetricsRequest, mode: MetricsMode): MetricsPlan {
  const { query } = request;
  const { metrics } = query;
  if (!metrics) throw new AppError('invalid_argument', 'not a metrics query');
  const needs = new NeedsBuilder();
  needs.addColumns('start');
  const { filters, isEmpty } = planStages(query.stages, needs);
  const axis = mode === 'range' ? rangeAxis(request.startNs, request.endNs, request.stepNs) : instantAxis(request.startNs, request.endNs);
  const common = { stages: query.stages, filters, isAll: query.stages.every(isEverything), axis, needs, isEmpty };
  if (metrics.kind === 'compare') {
    const { topN, start, end } = metrics;
    const selection = planPredicate(metrics.selection.expr, needs);
    return { ...common, kind: 'compare', topN, selection, window: end > start ? instantAxis(start, end) : undefined, exemplars: 0 };
  }
  const by = metrics.by.map(groupField);
  const operand = metrics.operand && resolveField(metrics.operand);
  for (const { field } of by) needs.addField(field);
  if (operand) needs.addField(operand);
  const exemplars = mode === 'instant' ? 0 : exemplarsOf(query, request.exemplars);
  const exemplarFields = exemplars > 0 ? shownInExemplars(query, by, operand) : [];
  if (exemplars > 0) {
    needs.addColumns('traceId');
    for (const { field } of exemplarFields) needs.addField(field);
  }
  return { ...common, kind: 'function', metrics, second: query.second, by, operand, exemplars, exemplarFields };
}

/** Whole seconds around the spans counted. */
export function rangeOf({ axis }: MetricsPlan): TimeRange {
  return { startSec: Number(axis.fromNs / SECOND_NS), endSec: Number(endOf(axis) / SECOND_NS) + 1 };
}

function isEverything(stage: Stage): boolean {
  if (stage.kind === 'select') return true;
  return stage.kind === 'filter' && stage.expr.kind === 'literal' && stage.expr.value.type === 'bool' && stage.expr.value.value;
}

function groupField(ref: FieldRef): GroupField {
  return labelled(resolveField(ref));
}

/** `with(exemplars=…)` has the last word: a number, or false for none. */
function exemplarsOf(query: Query, asked: number): number {
  const hint = findHint(query, 'exemplars', 'int', 'bool');
  if (hint?.type === 'int') return hint.value <= 0n ? 0 : Math.min(Number(hint.value), MAX_EXEMPLARS);
  return hint?.value === false ? 0 : asked;
}

/** The fields of `by()`, the function's and those of the filters. */
function shownInExemplars(query: Query, by: readonly GroupField[], operand: Field | undefined): readonly GroupField[] {
  const all = [...by, ...(operand ? [operand] : []).map(labelled), ...shownFields(query).fields.map(({ field }) => labelled(field))];
  const labels = new Set<string>();
  return all.filter(({ label }) => !labels.has(label) && labels.add(label));
}

/** The key of a label: the field's name with its scope, unlike in queries never in quotes. */
export function labelled(field: Field): GroupField {
  return {
    label: fieldId(field)
      .replace(/^scope\./, 'instrumentation.')
      .replace(/^parent \.?/, 'parent.'),
    field,
  };
}
