import { arithmetic, compareStatics, negate } from '@vivace/traceql';
import type { ArithmeticOp, Binary, ComparisonOp, FieldExpr, FieldRef, IntrinsicName, Static } from '@vivace/traceql';
import type { PlainEvent, PlainLink, PlainValue } from '../plain.ts';
import { rootOf } from './naive-spans.ts';
import type { NaiveSpan } from './naive-spans.ts';

/** Several of an array, all of one type; none where there is no value, or one of a shape TraceQL has no type for. */
export type NaiveValues = readonly Static[];

/** What an expression is asked of: a span, and the one event and link that stand for it. */
interface Subject {
  readonly span: NaiveSpan;
  readonly event?: PlainEvent | undefined;
  readonly link?: PlainLink | undefined;
}

/**
 * A filter: `||` at the top tries each side on its own; below, one event and one link must fit the whole expression. As an operand an array
 * with true in it counts as true, as the whole filter it does not.
 */
export function matches(expr: FieldExpr, span: NaiveSpan, isWhole = true): boolean {
  if (expr.kind === 'binary' && expr.op === '||') return matches(expr.left, span, false) || matches(expr.right, span, false);
  return answers(expr, span).some((values) => holdsTrue(values) && (values.length === 1 || !isWhole));
}

/** An expression outside filters: the values of the first event and link that give any, of those that a filter asks for before others. */
export function valuesOf(expr: FieldExpr, span: NaiveSpan): NaiveValues {
  const asked = answers(expr, span, askedFor('event', span.events, span), askedFor('link', span.links, span));
  return [...asked, ...answers(expr, span)].find((values) => values.length > 0) ?? [];
}

function answers(expr: FieldExpr, span: NaiveSpan, events = span.events, links = span.links): readonly NaiveValues[] {
  const orNone = <T>(items: readonly T[]) => (items.length > 0 ? items : [undefined]);
  return orNone(events).flatMap((event) => orNone(links).map((link) => evaluate(expr, { span, event, link })));
}

/** Those of which all holds that one side of some filter's `||` asks of them alone; all, where there are none. */
function askedFor<T>(level: 'event' | 'link', items: readonly T[], span: NaiveSpan): readonly T[] {
  const sides = span.filters.flatMap((filter) => operands('||', filter)).map((side) => operands('&&', side).filter((part) => levels(part) === level));
  const holds = (item: T) => sides.some((all) => all.length > 0 && all.every((part) => holdsTrue(evaluate(part, { span, [level]: item }))));
  return items.some(holds) ? items.filter(holds) : items;
}

const operands = (op: '&&' | '||', expr: FieldExpr): readonly FieldExpr[] =>
  expr.kind === 'binary' && expr.op === op ? [...operands(op, expr.left), ...operands(op, expr.right)] : [expr];

/** The scopes of an expression's fields, each once: `event`, `event span`. */
function levels(expr: FieldExpr): string {
  if (expr.kind === 'binary') return [...new Set(`${levels(expr.left)} ${levels(expr.right)}`.trim().split(' '))].join(' ');
  if (expr.kind === 'unary' || expr.kind === 'exists') return levels(expr.operand);
  return expr.kind === 'literal' ? '' : expr.kind === 'attribute' ? expr.scope : expr.name.replace(/:.*/, '');
}

function evaluate(expr: FieldExpr, subject: Subject): NaiveValues {
  if (expr.kind === 'literal') return [expr.value];
  if (expr.kind === 'intrinsic') return INTRINSICS[expr.name](subject);
  if (expr.kind === 'attribute') return attribute(expr, subject);
  if (expr.kind === 'binary') return binary(expr, evaluate(expr.left, subject), evaluate(expr.right, subject));
  const operand = evaluate(expr.operand, subject);
  if (expr.kind === 'exists') return bool((operand.length === 0) === expr.negated);
  const value = single(operand) ?? NIL;
  if (expr.op === '-') return list(negate(value));
  return value.type === 'bool' ? bool(!value.value) : [];
}

function binary({ op, left, right }: Binary, a: NaiveValues, b: NaiveValues): NaiveValues {
  if (op === '&&') return bool(holdsTrue(a) && holdsTrue(b));
  if (op === '||') return bool(holdsTrue(a) || holdsTrue(b));
  if (isArithmetic(op)) return list(arithmetic(op, single(a) ?? NIL, single(b) ?? NIL));
  return bool(!isUnitless(left, right) && !isUnitless(right, left) && a.some((x) => b.some((y) => compare(op, x, y))));
}

/** A pattern taken from a span may be no regex: then it matches nothing. */
function compare(op: ComparisonOp, left: Static, right: Static): boolean {
  try {
    return compareStatics(op, left, right);
  } catch {
    return false;
  }
}

function attribute(field: Extract<FieldRef, { readonly kind: 'attribute' }>, { span, event, link }: Subject): NaiveValues {
  if (field.parent) return span.parent ? attribute({ ...field, parent: false }, { span: span.parent }) : [];
  // A resource always has a service.name, if only an empty one.
  const resource = [...span.resource, ['service.name', ''] as const];
  const none = [...span.attrs, ...resource];
  const attrs = { none, span: span.attrs, resource, event: event?.attrs, link: link?.attrs, instrumentation: span.scope.attrs }[field.scope];
  const value = attrs?.find(([key]) => key === field.name)?.[1]; // the key decides, whatever its value
  const items: readonly PlainValue[] = Array.isArray(value) ? value : [value ?? null];
  const values = items.flatMap(scalar);
  return values.length === items.length && values.every(({ type }) => type === values[0].type) ? values : [];
}

function scalar(value: PlainValue): NaiveValues {
  if (typeof value === 'string') return text(value);
  if (typeof value === 'bigint') return int(value);
  if (typeof value === 'boolean') return bool(value);
  return typeof value === 'number' ? [{ type: 'float', value }] : [];
}

const STATUS = ['unset', 'ok', 'error'] as const;
const KINDS = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'] as const;
const INTRINSICS: Readonly<Record<IntrinsicName, (subject: Subject) => NaiveValues>> = {
  name: ({ span }) => text(span.name),
  duration: ({ span }) => duration(span.endNs - span.startNs),
  status: ({ span }) => [{ type: 'status', value: STATUS[span.status] }],
  statusMessage: ({ span }) => text(span.statusMessage ?? ''),
  kind: ({ span }) => [{ type: 'kind', value: KINDS[span.kind] }],
  rootName: ({ span }) => text(rootOf(span)?.name ?? ''),
  rootServiceName: ({ span }) => {
    const service = rootOf(span)?.resource.find(([key]) => key === 'service.name')?.[1];
    return text(typeof service === 'string' ? service : '');
  },
  traceDuration: ({ span: { trace } }) => {
    const start = trace.map(({ startNs }) => startNs).reduce((a, b) => (a < b ? a : b));
    return duration(trace.map(({ endNs }) => endNs).reduce((a, b) => (a > b ? a : b)) - start);
  },
  nestedSetLeft: ({ span }) => int(span.left),
  nestedSetRight: ({ span }) => int(span.right),
  nestedSetParent: ({ span }) => int(span.left === 0 ? 0 : (span.parent?.left ?? -1)),
  parent: ({ span }) => text(span.parent?.spanId),
  'trace:id': ({ span }) => text(span.traceId),
  'span:id': ({ span }) => text(span.spanId),
  'span:parentID': ({ span }) => text(span.parentId.padStart(16, '0')),
  'span:childCount': ({ span }) => int(span.trace.filter(({ parent }) => parent === span).length),
  'event:name': ({ event }) => text(event?.name),
  'event:timeSinceStart': ({ span, event }) => (event ? duration(event.timeNs - span.startNs) : []),
  'link:spanID': ({ link }) => text(link?.spanId),
  'link:traceID': ({ link }) => text(link?.traceId),
  'instrumentation:name': ({ span }) => text(span.scope.name),
  'instrumentation:version': ({ span }) => text(span.scope.version),
};

const NIL: Static = { type: 'nil' };
const isArithmetic = (op: Binary['op']): op is ArithmeticOp => '+-*/%^'.includes(op);
/** A plain attribute beside a duration: the two never compare. */
const isUnitless = (a: FieldExpr, b: FieldExpr): boolean => a.kind === 'attribute' && b.kind === 'literal' && b.value.type === 'duration';
const holdsTrue = (values: NaiveValues): boolean => values.some((item) => item.type === 'bool' && item.value);

const list = (value: Static | undefined): NaiveValues => (value ? [value] : []);
const bool = (value: boolean): NaiveValues => [{ type: 'bool', value }];
const text = (value: string | undefined): NaiveValues => (value === undefined ? [] : [{ type: 'string', value }]);
const int = (value: number | bigint): NaiveValues => [{ type: 'int', value: BigInt(value) }];
const duration = (value: bigint): NaiveValues => [{ type: 'duration', value }];
/** An array is no single value. */
export const single = (values: NaiveValues): Static | undefined => (values.length === 1 ? values[0] : undefined);

export function isNumber(value: Static | undefined): value is Extract<Static, { readonly type: 'int' | 'float' | 'duration' }> {
  return value?.type === 'int' || value?.type === 'float' || value?.type === 'duration';
}
