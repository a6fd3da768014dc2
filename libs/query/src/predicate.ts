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
  | { readonly kind: 'test'; readonly level: Level; readonly field: OwnField; readonly condition: Condition }
  | { readonly kind: 'exists'; readonly level: Level; readonly field: OwnField }
  /** Everything without a kernel of its own: expressions, two fields. Evaluated value by value. */
  | { readonly kind: 'compute'; readonly level: Level; readonly expr: FieldExpr }
  /** True for some choice of one event and one link of the span; the general form of what `any` does for the usual filters. */
  | { readonly kind: 'some'; readonly level: 'span'; readonly expr: FieldExpr };

/** A span has any number of these. */
export type FineLevel = 'event' | 'link';

/** Any but a field of the parent span. */
export type OwnField = Exclude<Field, { readonly kind: 'parent' }>;

const TRUE: FieldExpr = { kind: 'literal', value: { type: 'bool', value: true }, loc: { from: 0, to: 0 } };
const COMPARISONS = new Set<string>(['=', '!=', '<', '<=', '>', '>=', '=~', '!~']);

/**
 * Plans one `{ … }`; adds what it reads to `needs`. Span level or coarser.
 *
 * A filter holds for a span when it holds with some one event and some one link of it in place of `event.…` and `link.…` (with none,
 * when the span has none). So all event conditions of one conjunction meet on one event.
 */
export function planPredicate(expr: FieldExpr, needs: NeedsBuilder): Predicate {
  addNeeds(expr, needs);
  return plan(expr, true);
}

/** What filters ask of one event (link) alone: of each side of an outermost `||` the conditions that read nothing else. Reads what the filters read. */
export function planAsked(filters: Iterable<FieldExpr>, level: FineLevel): Predicate | undefined {
  const sides = [...filters].flatMap((expr) => flatten('||', expr)).map((side) => flatten('&&', side).filter((part) => readsOnly(part, level)));
  const asked = sides
    .filter((parts) => parts.length > 0)
    .map((parts) =>
      join(
        'and',
        parts.map((part) => spanPredicate(part, false)),
      ),
    );
  const predicate = asked.length > 0 ? join('or', asked) : undefined;
  return predicate?.level === level ? predicate : undefined;
}

/** Whether all fields of the expression are of `level`, and there are any. */
function readsOnly(expr: FieldExpr, level: FineLevel): boolean {
  if (fineLevels(expr).size !== 1) return false;
  const isOf = (part: FieldExpr): boolean => {
    if (part.kind === 'binary') return isOf(part.left) && isOf(part.right);
    if (part.kind === 'unary' || part.kind === 'exists') return isOf(part.operand);
    return part.kind === 'literal' || resolveField(part).level === level;
  };
  return isOf(expr);
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

/** `isWhole`: the expression is all of the filter, where a bare attribute must be the scalar true; elsewhere any true element will do. */
function plan(expr: FieldExpr, isWhole: boolean): Predicate {
  const refs = fineLevels(expr);
  if (refs.size === 0) return spanPredicate(expr, isWhole);
  if (expr.kind === 'binary' && expr.op === '||') return join('or', [plan(expr.left, false), plan(expr.right, false)]);
  const conjuncts = flatten('&&', expr);
  const rest = conjuncts.filter((part) => fineLevels(part).size === 0).map((part) => spanPredicate(part, false));
  const fine = conjuncts.filter((part) => fineLevels(part).size > 0);
  if (!fine.every((part) => fineLevels(part).size === 1 && isPositive(part))) {
    return join('and', [
      ...rest,
      { kind: 'some', level: 'span', expr: fine.reduce((left, right) => ({ kind: 'binary', op: '&&', left, right, loc: expr.loc })) },
    ]);
  }
  for (const level of ['event', 'link'] as const) {
    const parts = fine.filter((part) => fineLevels(part).has(level));
    const isBare = isWhole && conjuncts.length === 1;
    if (parts.length > 0)
      rest.push({
        kind: 'any',
        level: 'span',
        part: join(
          'and',
          parts.map((part) => spanPredicate(part, isBare)),
        ),
      });
  }
  return join('and', rest);
}

/** The predicate of an expression that reads at most one of events and links, at the level where its values lie. */
function spanPredicate(expr: FieldExpr, isWhole: boolean): Predicate {
  switch (expr.kind) {
    case 'literal':
      return constant(expr.value.type === 'bool' && expr.value.value);
    case 'attribute':
    case 'intrinsic': {
      const field = resolveField(expr);
      if (isWhole) return compute(expr);
      // As an operand an array with true in it will do.
      if (field.kind === 'parent') return compute({ kind: 'binary', op: '=', left: expr, right: TRUE, loc: expr.loc });
      return { kind: 'test', level: field.level, field, condition: compileCondition('=', { type: 'bool', value: true }) };
    }
    case 'binary': {
      const { op } = expr;
      if (op === '&&' || op === '||') {
        return join(
          op === '&&' ? 'and' : 'or',
          flatten(op, expr).map((part) => spanPredicate(part, false)),
        );
      }
      return COMPARISONS.has(op) ? comparison(op as ComparisonOp, expr.left, expr.right, expr) : constant(false);
    }
    case 'unary':
      return expr.op === '!' && isAlwaysBool(expr.operand) ? negate(spanPredicate(expr.operand, false)) : compute(expr);
    case 'exists': {
      if (expr.operand.kind !== 'attribute' && expr.operand.kind !== 'intrinsic') return compute(expr);
      const field = resolveField(expr.operand);
      if (field.kind === 'parent') return compute(expr);
      const exists: Predicate = { kind: 'exists', level: field.level, field };
      return expr.negated ? negate(exists) : exists;
    }
  }
}

function comparison(op: ComparisonOp, left: FieldExpr, right: FieldExpr, whole: FieldExpr): Predicate {
  if (right.kind === 'literal' && (left.kind === 'attribute' || left.kind === 'intrinsic')) return test(resolveField(left), op, right.value, whole);
  if (left.kind === 'literal' && (right.kind === 'attribute' || right.kind === 'intrinsic') && op !== '=~' && op !== '!~') {
    return test(resolveField(right), mirror(op), left.value, whole);
  }
  return compute(whole);
}

/** Fields of the parent have no column of their own to loop over. */
function test(field: Field, op: ComparisonOp, literal: Static, whole: FieldExpr): Predicate {
  if (field.kind === 'parent') return compute(whole);
  return { kind: 'test', level: field.level, field, condition: fieldCondition(field, op, literal) };
}

/** `field op literal`. Plain attributes have no unit: they never compare with a duration literal (docs/traceql.md, Values), only with numbers. */
export function fieldCondition(field: Field, op: ComparisonOp, literal: Static): Condition {
  return field.kind !== 'intrinsic' && literal.type === 'duration' ? { kind: 'never' } : compileCondition(op, literal);
}

/** Flattens, folds constants, and takes the common level: the finest of the parts, or span when coarse ones differ. */
function join(kind: 'and' | 'or', parts: readonly Predicate[]): Predicate {
  const flat: Predicate[] = [];
  for (const part of parts.flatMap((p) => (p.kind === kind ? p.parts : [p]))) {
    if (part.kind !== 'const') flat.push(part);
    else if (part.value === (kind === 'or')) return part;
  }
  if (flat.length === 0) return constant(kind === 'and');
  if (flat.length === 1) return flat[0];
  const fine = flat.find((part) => part.level === 'event' || part.level === 'link');
  const level = fine ? fine.level : flat.every((part) => part.level === flat[0].level) ? flat[0].level : 'span';
  return { kind, level, parts: level === 'span' ? groupByLevel(kind, flat) : flat };
}

/** Joins parts of one coarse level first, so that they are spread over the spans once; `some` goes last, it is the slowest. */
function groupByLevel(kind: 'and' | 'or', parts: readonly Predicate[]): readonly Predicate[] {
  const out: Predicate[] = [];
  const slow: Predicate[] = [];
  const coarse = new Map<Level, Predicate[]>();
  for (const part of parts) {
    if (part.kind === 'some' || part.kind === 'compute') slow.push(part);
    else if (part.level !== 'trace' && part.level !== 'resource' && part.level !== 'scope') out.push(part);
    else if (coarse.has(part.level)) coarse.get(part.level)!.push(part);
    else coarse.set(part.level, [part]);
  }
  const groups = [...coarse].map(([level, group]): Predicate => (group.length === 1 ? group[0] : { kind, level, parts: group }));
  return [...groups, ...out, ...slow];
}

function negate(part: Predicate): Predicate {
  return part.kind === 'const' ? constant(!part.value) : { kind: 'not', level: part.level, part };
}

function constant(value: boolean): Predicate {
  return { kind: 'const', level: 'span', value };
}

function compute(expr: FieldExpr): Predicate {
  const [level = 'span'] = fineLevels(expr);
  return { kind: 'compute', level, expr };
}

/** Comparisons, logic and existence give a real bool for every span; only attributes may be missing. */
function isAlwaysBool(expr: FieldExpr): boolean {
  if (expr.kind === 'unary') return expr.op === '!' && isAlwaysBool(expr.operand);
  return expr.kind === 'exists' || (expr.kind === 'binary' && (expr.op === '&&' || expr.op === '||' || COMPARISONS.has(expr.op)));
}

/** Whether the expression is false where there is no event (link): then asking the events there are is enough. */
function isPositive(expr: FieldExpr): boolean {
  switch (expr.kind) {
    case 'literal':
      return false;
    case 'attribute':
    case 'intrinsic':
      return fineLevels(expr).size > 0;
    case 'exists':
      return !expr.negated && isValue(expr.operand) && isPositive(expr.operand);
    case 'unary':
      return expr.op === '-' && isPositive(expr.operand);
    case 'binary':
      if (expr.op === '||') return isPositive(expr.left) && isPositive(expr.right);
      // Of operands that have no value, nothing is true; a negation or an existence test inside an expression may be.
      if (expr.op === '&&') return isPositive(expr.left) || isPositive(expr.right);
      return (isValue(expr.left) && isPositive(expr.left)) || (isValue(expr.right) && isPositive(expr.right));
  }
}

/** A field or arithmetic of fields: without a value wherever one of its fields is. */
function isValue(expr: FieldExpr): boolean {
  if (expr.kind === 'unary') return expr.op === '-' && isValue(expr.operand);
  return expr.kind === 'attribute' || expr.kind === 'intrinsic' || (expr.kind === 'binary' && !isAlwaysBool(expr));
}

function flatten(op: '&&' | '||', expr: FieldExpr): readonly FieldExpr[] {
  return expr.kind === 'binary' && expr.op === op ? [...flatten(op, expr.left), ...flatten(op, expr.right)] : [expr];
}

const NONE: ReadonlySet<FineLevel> = new Set();
const known = new WeakMap<FieldExpr, ReadonlySet<FineLevel>>();

/** Which of events and links the expression reads. */
export function fineLevels(expr: FieldExpr): ReadonlySet<FineLevel> {
  switch (expr.kind) {
    case 'literal':
      return NONE;
    case 'attribute':
    case 'intrinsic': {
      const { level } = resolveField(expr);
      return level === 'event' || level === 'link' ? new Set([level]) : NONE;
    }
    case 'unary':
    case 'exists':
      return fineLevels(expr.operand);
    case 'binary': {
      let levels = known.get(expr);
      if (!levels) known.set(expr, (levels = new Set([...fineLevels(expr.left), ...fineLevels(expr.right)])));
      return levels;
    }
  }
}
