import { AppError } from '@vivace/base';
import type { ColumnNeeds } from '@vivace/trace';
import { fieldLabel, findHint } from '@vivace/traceql';
import type { FieldRef, MetricsAggregate, MetricsFilter, Query, SecondStage, Stage } from '@vivace/traceql';
import type { Field } from '../field.ts';
import { fieldId, NeedsBuilder, resolveField } from '../field.ts';
import type { MetricsRequest, TimeRange } from '../model.ts';
import { planStages } from '../plan-search.ts';
import { shownFields } from '../shown-fields.ts';
import type { GroupField } from './group-keys.ts';
import type { SelectPlan } from './select-spans.ts';
import { endOf, instantAxis, rangeAxis } from './time-axis.ts';

/** A metrics query made ready: independent of data, reusable for any number of batches. */
export interface MetricsPlan extends SelectPlan {
  readonly metrics: MetricsAggregate;
  readonly second: readonly (SecondStage | MetricsFilter)[];
  readonly by: readonly GroupField[];
  readonly operand: Field | undefined;
  /** Most exemplars; 0: none. */
  readonly exemplars: number;
  /** What exemplars say of their span. */
  readonly exemplarFields: readonly GroupField[];
  readonly needs: ColumnNeeds;
  /** No span can match, whatever the data. */
  readonly isEmpty: boolean;
}

export type MetricsMode = 'range' | 'instant';

const SECOND_NS = 1_000_000_000n;
/** A hint may ask for more exemplars than the parameter, up to this. */
const MAX_EXEMPLARS = 1_000;

/** Pure. Throws `unimplemented` naming the feature, `invalid_argument` when there is no metrics stage. */
export function planMetrics(request: MetricsRequest, mode: MetricsMode): MetricsPlan {
  const { query } = request;
  const { metrics } = query;
  if (!metrics) throw new AppError('invalid_argument', 'not a metrics query');
  if (metrics.kind === 'compare') throw new AppError('unimplemented', 'compare() is not implemented yet');
  const needs = new NeedsBuilder();
  needs.addColumns('start');
  const { filters, isEmpty } = planStages(query.stages, needs);
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
  return {
    stages: query.stages,
    filters,
    isAll: query.stages.every(isEverything),
    axis: mode === 'range' ? rangeAxis(request.startNs, request.endNs, request.stepNs) : instantAxis(request.startNs, request.endNs),
    metrics,
    second: query.second,
    by,
    operand,
    exemplars,
    exemplarFields,
    needs,
    isEmpty,
  };
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
  return { label: fieldLabel(ref), field: resolveField(ref) };
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

function labelled(field: Field): GroupField {
  return {
    label: fieldId(field)
      .replace(/^scope\./, 'instrumentation.')
      .replace(/^parent \.?/, 'parent.'),
    field,
  };
}
