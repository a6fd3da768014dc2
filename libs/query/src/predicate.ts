import { AppError } from '@vivace/base';
import type { ComparisonOp, FieldExpr, Static } from '@vivace/traceql';
import { compileCondition, mirror } from './condition.ts';
import type { Condition } from './condition.ts';
import { resolveField } from './field.ts';
import type { Field, Level, NeedsBuilder } from './field.ts';

/**
 * A filter expression as the mask evaluator runs it: leaves are evaluated at the level their values lie at (once per resource, once
 * per event …), `and`/`or` join at the common level, `any` turns events or links into spans.
 */
export type Predicate =
  | { readonly kind: 'const'; readonly level: Level; readonly value: boolean }
  | { readonly kind: 'and' | 'or'; readonly level: Level; readonly parts: readonly Predicate[] }
  | { readonly kind: 'not'; readonly level: Level; readonly part: Predicate }
  | { readonly kind: 'any'; readonly level: 'span'; readonly part: Predicate }
  | { readonly kind: 'test'; readonly level: Level; readonly field: Field; readonly condition: Condition }
  | { readonly kind: 'exists'; readonly level: Level; readonly field: Field }
  /** Everything without a kernel of its own: expressions, two fields, arrays of bools. Evaluated value by value. */
  | { readonly kind: 'compute'; readonly level: Level; readonly expr: FieldExpr };

/** Most combinations that conditions on one event may multiply out to. */
const MAX_COMBINATIONS = 256;

const COMPARISONS = new Set<string>(['=', '!=', '<', '<=', '>', '>=', '=~', '!~']);

/** Plans one `{ … }`; adds what it reads to `needs`. Span level or coarser. */
export function planPredicate(expr: FieldExpr, needs: NeedsBuilder): Predicate {
  addNeeds(expr, needs);
  // A filter that is one bare attribute wants the scalar true; inside && and || any true element of an array does.
  const bare = expr.kind === 'attribute' || expr.kind === 'intrinsic';
  return bare ? overSpans({ kind: 'compute', level: levelOf(expr), expr }) : overSpans(leaves(expr));
}

/** Adds everything the expression reads. */
export function addNeeds(expr: FieldExpr, needs: NeedsBuilder): void {
  switch (expr.kind) {
    case 'literal':
      return;
    case 'attribute':
    case 'intrinsic':
      needs.addField(resolveField(expr));
      return;
    case 'binary':
      addNeeds(expr.left, needs);
      addNeeds(expr.right, needs);
      return;
    case 'unary':
    case 'exists':
      addNeeds(expr.operand, needs);
  }
}

/** The tree of `expr` with event and link leaves not yet quantified. */
function leaves(expr: FieldExpr): Predicate {
  switch (expr.kind) {
    case 'literal':
      return constant(expr.value.type === 'bool' && expr.value.value);
    case 'attribute':
    case 'intrinsic': {
      const field = resolveField(expr);
      return { kind: 'test', level: field.level, field, condition: compileCondition('=', { type: 'bool', value: true }) };
    }
    case 'binary': {
      const { op } = expr;
      if (op === '&&' || op === '||') return join(op === '&&' ? 'and' : 'or', [leaves(expr.left), leaves(expr.right)]);
      return COMPARISONS.has(op) ? comparison(op as ComparisonOp, expr.left, expr.right, expr) : constant(false);
    }
    case 'unary':
      return expr.op === '!' && isAlwaysBool(expr.operand) ? negate(overSpans(leaves(expr.operand))) : { kind: 'compute', level: levelOf(expr), expr };
    case 'exists':
      return existence(expr.operand, expr.negated, expr);
  }
}

function comparison(op: ComparisonOp, left: FieldExpr, right: FieldExpr, whole: FieldExpr): Predicate {
  if (right.kind === 'literal' && (left.kind === 'attribute' || left.kind === 'intrinsic')) {
    const field = resolveField(left);
    return { kind: 'test', level: field.level, field, condition: compileCondition(op, literalFor(field, op, right.value)) };
  }
  if (left.kind === 'literal' && (right.kind === 'attribute' || right.kind === 'intrinsic') && op !== '=~' && op !== '!~') {
    const field = resolveField(right);
    return { kind: 'test', level: field.level, field, condition: compileCondition(mirror(op), literalFor(field, op, left.value)) };
  }
  return { kind: 'compute', level: levelOf(whole), expr: whole };
}

/** Trace ids compare as 32 digits: a literal written without its leading zeros is completed. */
function literalFor(field: Field, op: ComparisonOp, literal: Static): Static {
  const isTraceId = field.kind === 'intrinsic' && (field.name === 'trace:id' || field.name === 'link:traceID');
  if (!isTraceId || literal.type !== 'string' || op === '=~' || op === '!~') return literal;
  return { type: 'string', value: literal.value.padStart(32, '0') };
}

/** `negated` is `= nil`: no value anywhere. For events and links that means: none of them has the key. */
function existence(operand: FieldExpr, negated: boolean, whole: FieldExpr): Predicate {
  if (operand.kind !== 'attribute' && operand.kind !== 'intrinsic') return overSpansIfNeeded({ kind: 'compute', level: levelOf(whole), expr: whole });
  const field = resolveField(operand);
  const exists: Predicate = { kind: 'exists', level: field.level, field };
  return negated ? negate(overSpans(exists)) : exists;
}

/** A computed existence test is about the span: all its events together, not one of them. */
function overSpansIfNeeded(predicate: Predicate): Predicate {
  return predicate.level === 'event' || predicate.level === 'link' ? { ...predicate, level: 'span' } : predicate;
}

/** Quantifies: all event conditions of one conjunction hold on one event, likewise links. */
function overSpans(tree: Predicate): Predicate {
  return quantify(tree, { left: MAX_COMBINATIONS });
}

function quantify(tree: Predicate, budget: { left: number }): Predicate {
  if (budget.left-- <= 0) {
    throw new AppError(
      'resource_exhausted',
      `query: conditions on events and links make more than ${MAX_COMBINATIONS} combinations, write them as separate filters`,
    );
  }
  if (tree.level === 'event' || tree.level === 'link') return { kind: 'any', level: 'span', part: tree };
  if (!touches(tree, 'event') && !touches(tree, 'link')) return tree;
  if (tree.kind === 'or')
    return join(
      'or',
      tree.parts.map((part) => quantify(part, budget)),
    );
  if (tree.kind !== 'and') return tree;
  const rest: Predicate[] = [];
  const pure = { event: [] as Predicate[], link: [] as Predicate[] };
  const mixed: Predicate[] = [];
  for (const part of tree.parts) {
    if (part.level === 'event' || part.level === 'link') pure[part.level].push(part);
    else if (touches(part, 'event') || touches(part, 'link')) mixed.push(part);
    else rest.push(part);
  }
  for (const part of mixed) {
    const others = tree.parts.filter((other) => other !== part);
    const shares = (['event', 'link'] as const).some((level) => touches(part, level) && others.some((other) => touches(other, level)));
    // (a || b) && c is (a && c) || (b && c): only so do a and c meet on one event.
    if (shares && part.kind === 'or')
      return join(
        'or',
        part.parts.map((choice) => quantify(join('and', [choice, ...others]), budget)),
      );
    rest.push(quantify(part, budget));
  }
  for (const level of ['event', 'link'] as const) if (pure[level].length > 0) rest.push({ kind: 'any', level: 'span', part: join('and', pure[level]) });
  return join('and', rest);
}

/** Whether an unquantified leaf of that level is in the tree. */
function touches(tree: Predicate, level: 'event' | 'link'): boolean {
  if (tree.kind === 'and' || tree.kind === 'or') return tree.parts.some((part) => touches(part, level));
  return tree.level === level;
}

/** Flattens, folds constants, and takes the common level. */
function join(kind: 'and' | 'or', parts: readonly Predicate[]): Predicate {
  const flat: Predicate[] = [];
  for (const part of parts.flatMap((p) => (p.kind === kind ? p.parts : [p]))) {
    if (part.kind !== 'const') flat.push(part);
    else if (part.value === (kind === 'or')) return part;
  }
  if (flat.length === 0) return constant(kind === 'and');
  if (flat.length === 1) return flat[0];
  const level = flat.every((part) => part.level === flat[0].level) ? flat[0].level : 'span';
  return { kind, level, parts: level === 'span' ? groupByLevel(kind, flat) : flat };
}

/** Joins parts of one coarse level first, so that they are spread over the spans once. */
function groupByLevel(kind: 'and' | 'or', parts: readonly Predicate[]): readonly Predicate[] {
  const out: Predicate[] = [];
  const coarse = new Map<Level, Predicate[]>();
  for (const part of parts) {
    if (part.level !== 'trace' && part.level !== 'resource' && part.level !== 'scope') out.push(part);
    else if (coarse.has(part.level)) coarse.get(part.level)!.push(part);
    else coarse.set(part.level, [part]);
  }
  const groups = [...coarse].map(([level, group]): Predicate => (group.length === 1 ? group[0] : { kind, level, parts: group }));
  return [...groups, ...out];
}

function negate(part: Predicate): Predicate {
  return part.kind === 'const' ? constant(!part.value) : { kind: 'not', level: part.level, part };
}

function constant(value: boolean): Predicate {
  return { kind: 'const', level: 'span', value };
}

/** Comparisons, logic and existence give a real bool for every span; only attributes may be missing. */
function isAlwaysBool(expr: FieldExpr): boolean {
  return expr.kind === 'exists' || (expr.kind === 'binary' && (expr.op === '&&' || expr.op === '||' || COMPARISONS.has(expr.op)));
}

/** Where a computed expression is evaluated: per event or link when it reads one, else per span. */
function levelOf(expr: FieldExpr): Level {
  switch (expr.kind) {
    case 'literal':
      return 'span';
    case 'attribute':
    case 'intrinsic': {
      const { level } = resolveField(expr);
      return level === 'event' || level === 'link' ? level : 'span';
    }
    case 'unary':
    case 'exists':
      return levelOf(expr.operand);
    case 'binary': {
      const left = levelOf(expr.left);
      const right = levelOf(expr.right);
      if (left === 'event' || right === 'event') return 'event';
      return left === 'link' || right === 'link' ? 'link' : 'span';
    }
  }
}
