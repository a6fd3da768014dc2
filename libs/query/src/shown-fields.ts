import type { ComparisonOp, FieldExpr, FieldRef, Query, ScalarExpr, Stage, Static } from '@vivace/traceql';
import { mirror } from './condition.ts';
import type { Condition } from './condition.ts';
import { fieldId, resolveField } from './field.ts';
import type { Field } from './field.ts';
import { fieldCondition } from './predicate.ts';

/** An attribute of the answer's spans, and which of its values show (traceql.md 5.3). */
export interface ShownField {
  readonly field: Field;
  /** Values satisfying any of these show; undefined: all do. */
  readonly conditions: readonly Condition[] | undefined;
  /** Shown as the string "nil" where missing. */
  readonly showsNil: boolean;
}

/** They have places of their own in the answer. */
const NEVER_LISTED = new Set(['name', 'duration', 'traceDuration', 'rootName', 'rootServiceName', 'trace:id', 'span:id']);

/** Attributes with a column of their own in the block format answer "nil" when asked for freely and missing, as Tempo does. */
const WELL_KNOWN = new Set([
  'span.http.status_code',
  'span.http.method',
  'span.http.url',
  'resource.cluster',
  'resource.namespace',
  'resource.pod',
  'resource.container',
  'resource.k8s.cluster.name',
  'resource.k8s.namespace.name',
  'resource.k8s.pod.name',
  'resource.k8s.container.name',
]);

interface Use {
  readonly field: Field;
  readonly conditions: Condition[];
  isFree: boolean;
  showsNil: boolean;
}

/** What the spans of the answer to `query` show: every field the query touches. The span name has a place of its own, by the same rule. */
export function shownFields(query: Query): { readonly fields: readonly ShownField[]; readonly name: ShownField | undefined } {
  const uses = new Map<string, Use>();
  const use = (ref: FieldRef): Use => {
    const field = resolveField(ref);
    const id = fieldId(field);
    let entry = uses.get(id);
    if (!entry) uses.set(id, (entry = { field, conditions: [], isFree: false, showsNil: false }));
    return entry;
  };
  for (const stage of query.stages) visitStage(stage, use);
  const shown = [...uses].map(([id, { field, conditions, isFree, showsNil }]) => ({
    id,
    shown: { field, conditions: isFree ? undefined : conditions, showsNil: showsNil || (isFree && WELL_KNOWN.has(id)) },
  }));
  return {
    fields: shown.filter(({ id }) => !NEVER_LISTED.has(id)).map((entry) => entry.shown),
    name: shown.find(({ id }) => id === 'name')?.shown,
  };
}

type UseOf = (ref: FieldRef) => Use;

function visitStage(stage: Stage, use: UseOf): void {
  switch (stage.kind) {
    case 'filter':
      return visit(stage.expr, use);
    case 'spansetOperation':
      visitStage(stage.left, use);
      return visitStage(stage.right, use);
    case 'pipeline':
      for (const inner of stage.stages) visitStage(inner, use);
      return;
    case 'scalarFilter':
      visitScalar(stage.left, use);
      return visitScalar(stage.right, use);
    case 'by':
      return visit(stage.expr, use);
    case 'select':
      for (const ref of stage.fields) use(ref).isFree = true;
      return;
    case 'coalesce':
  }
}

function visitScalar(expr: ScalarExpr, use: UseOf): void {
  switch (expr.kind) {
    case 'aggregate':
      if (expr.operand) visit(expr.operand, use);
      return;
    case 'scalarOperation':
      visitScalar(expr.left, use);
      return visitScalar(expr.right, use);
    case 'scalarPipeline':
      for (const stage of expr.stages) visitStage(stage, use);
      return visitScalar(expr.scalar, use);
    case 'literal':
  }
}

function visit(expr: FieldExpr, use: UseOf): void {
  switch (expr.kind) {
    case 'literal':
      return;
    case 'attribute':
    case 'intrinsic':
      use(expr).isFree = true;
      return;
    case 'unary':
      return visit(expr.operand, use);
    case 'exists':
      if (expr.negated && (expr.operand.kind === 'attribute' || expr.operand.kind === 'intrinsic')) use(expr.operand).showsNil = true;
      else visit(expr.operand, use);
      return;
    case 'binary': {
      const { left, right, op } = expr;
      const isOrder = op === '=' || op === '!=' || op === '<' || op === '<=' || op === '>' || op === '>=';
      if ((isOrder || op === '=~' || op === '!~') && right.kind === 'literal' && (left.kind === 'attribute' || left.kind === 'intrinsic')) {
        addCondition(use(left), op, right.value);
      } else if (isOrder && left.kind === 'literal' && (right.kind === 'attribute' || right.kind === 'intrinsic')) {
        addCondition(use(right), mirror(op), left.value);
      } else {
        visit(left, use);
        visit(right, use);
      }
    }
  }
}

function addCondition({ field, conditions }: Use, op: ComparisonOp, literal: Static): void {
  conditions.push(fieldCondition(field, op, literal));
}
