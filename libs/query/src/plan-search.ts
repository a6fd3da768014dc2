import { AppError } from '@vivace/base';
import type { ColumnNeeds } from '@vivace/trace';
import type { Query, ScalarExpr, SpansetFilter, Stage } from '@vivace/traceql';
import { NeedsBuilder } from './field.ts';
import { addNeeds, planAsked, planPredicate } from './predicate.ts';
import type { Predicate } from './predicate.ts';
import { shownFields } from './shown-fields.ts';
import type { ShownField } from './shown-fields.ts';
import type { AskedOf } from './standing-rows.ts';

/** The planned predicate of every `{ … }` of a query. */
export interface PlannedFilters extends AskedOf {
  of(filter: SpansetFilter): Predicate;
}

/** A search made ready: independent of data, reusable for any number of batches. */
export interface SearchPlan {
  readonly stages: readonly Stage[];
  readonly filters: PlannedFilters;
  /** What deciding needs. */
  readonly needs: ColumnNeeds;
  /** What showing the traces found needs besides. */
  readonly resultNeeds: ColumnNeeds;
  readonly shown: readonly ShownField[];
  /** How the span name shows, if the query mentions it. */
  readonly shownName: ShownField | undefined;
  /** Tag search: answers without span sets and service statistics. */
  readonly legacy: boolean;
  /** Span sets of a trace that an answer may have; 0 is no limit. */
  readonly maxGroups: number;
  /** No span can match, whatever the data. */
  readonly isEmpty: boolean;
}

export interface PlanOptions {
  readonly legacy?: boolean;
  readonly maxGroups?: number;
}

/** Pure. A metrics stage is ignored: on the search API its spans are the answer. */
export function planSearch(query: Query, options: PlanOptions = {}): SearchPlan {
  const legacy = options.legacy ?? false;
  const needs = new NeedsBuilder();
  needs.addColumns('traceId', 'traceTimes');
  const { filters, isEmpty } = planStages(query.stages, needs);
  const { fields, name } = shownFields(query);
  const result = new NeedsBuilder();
  result.addColumns('roots');
  if (!legacy) {
    result.addColumns('serviceStats', 'spanId', 'start', 'duration');
    for (const { field } of name ? [...fields, name] : fields) result.addField(field);
  }
  return {
    stages: query.stages,
    filters,
    needs,
    resultNeeds: result,
    shown: fields,
    shownName: name,
    legacy,
    maxGroups: options.maxGroups ?? 0,
    isEmpty,
  };
}

/** Plans every filter of a pipeline; adds what deciding needs to `needs`. `isEmpty`: no span can match, whatever the data. */
export function planStages(stages: readonly Stage[], needs: NeedsBuilder): { readonly filters: PlannedFilters; readonly isEmpty: boolean } {
  const filters = new Map<SpansetFilter, Predicate>();
  for (const stage of stages) planStage(stage, filters, needs);
  const expressions = [...filters.keys()].map(({ expr }) => expr);
  const asked = { event: planAsked(expressions, 'event'), link: planAsked(expressions, 'link') };
  return {
    filters: {
      askedOf: (level) => asked[level],
      of(filter) {
        const predicate = filters.get(filter);
        if (!predicate) throw new AppError('internal', 'plan: filter of another query');
        return predicate;
      },
    },
    isEmpty: stages.some((stage) => stage.kind === 'filter' && isNever(filters.get(stage))),
  };
}

function isNever(predicate: Predicate | undefined): boolean {
  return predicate?.kind === 'const' && !predicate.value;
}

function planStage(stage: Stage, filters: Map<SpansetFilter, Predicate>, needs: NeedsBuilder): void {
  switch (stage.kind) {
    case 'filter':
      filters.set(stage, planPredicate(stage.expr, needs));
      return;
    case 'spansetOperation':
      if (stage.op !== '&&' && stage.op !== '||') needs.addColumns('nestedSets');
      planStage(stage.left, filters, needs);
      return planStage(stage.right, filters, needs);
    case 'pipeline':
      for (const inner of stage.stages) planStage(inner, filters, needs);
      return;
    case 'scalarFilter':
      planScalar(stage.left, filters, needs);
      return planScalar(stage.right, filters, needs);
    case 'by':
      return addNeeds(stage.expr, needs);
    // What is selected is only shown.
    case 'select':
    case 'coalesce':
  }
}

function planScalar(expr: ScalarExpr, filters: Map<SpansetFilter, Predicate>, needs: NeedsBuilder): void {
  switch (expr.kind) {
    case 'aggregate':
      if (expr.operand) addNeeds(expr.operand, needs);
      return;
    case 'scalarOperation':
      planScalar(expr.left, filters, needs);
      return planScalar(expr.right, filters, needs);
    case 'scalarPipeline':
      for (const stage of expr.stages) planStage(stage, filters, needs);
      return planScalar(expr.scalar, filters, needs);
    case 'literal':
  }
}
