import { arithmetic, compareStatics, negate } from '@vivace/traceql';
import type { ComparisonOp, FieldExpr, FieldRef, IntrinsicName, Static } from '@vivace/traceql';
import type { PlainAttrs, PlainEvent, PlainLink, PlainValue } from '../plain.ts';
import type { SpanView } from './trace-view.ts';

/** A value of at least one element; undefined where there is none (missing, or a shape TraceQL has no type for). */
export type NaiveValue = Static | { readonly type: 'array'; readonly items: readonly Static[] };

/** The span an expression is asked of, and the one event and link that stand for it. */
interface Scope {
  readonly view: SpanView;
  readonly event: PlainEvent | undefined;
  readonly link: PlainLink | undefined;
}

const STATUS = ['unset', 'ok', 'error'] as const;
const KINDS = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'] as const;

/**
 * A filter: `||` at the top tries each side on its own; below, one event and one link must fit the whole expression. As an operand an array
 * with true in it counts as true, as the whole filter it does not.
 */
export function matches(expr: FieldExpr, view: SpanView, isWhole = true): boolean {
  if (expr.kind === 'binary' && expr.op === '||') return matches(expr.left, view, false) || matches(expr.right, view, false);
  return scopes(view).some((scope) => {
    const value = evaluate(expr, scope);
    return isWhole ? value?.type === 'bool' && value.value : holdsTrue(value);
  });
}

/** The value of an expression outside filters: that of the first event and link that give one. */
export function valueOf(expr: FieldExpr, view: SpanView): NaiveValue | undefined {
  for (const scope of scopes(view)) {
    const value = evaluate(expr, scope);
    if (value !== undefined) return value;
  }
  return undefined;
}

function scopes(view: SpanView): readonly Scope[] {
  const events = view.span.events.length > 0 ? view.span.events : [undefined];
  const links = view.span.links.length > 0 ? view.span.links : [undefined];
  return events.flatMap((event) => links.map((link) => ({ view, event, link })));
}

function evaluate(expr: FieldExpr, scope: Scope): NaiveValue | undefined {
  switch (expr.kind) {
    case 'literal':
      return expr.value;
    case 'attribute':
    case 'intrinsic':
      return fieldValue(expr, scope);
    case 'exists':
      return bool((evaluate(expr.operand, scope) === undefined) === expr.negated);
    case 'unary': {
      const operand = evaluate(expr.operand, scope);
      if (operand === undefined || operand.type === 'array') return undefined;
      if (expr.op === '-') return negate(operand);
      return operand.type === 'bool' ? bool(!operand.value) : undefined;
    }
    case 'binary': {
      const left = evaluate(expr.left, scope);
      const right = evaluate(expr.right, scope);
      switch (expr.op) {
        case '&&':
          return bool(holdsTrue(left) && holdsTrue(right));
        case '||':
          return bool(holdsTrue(left) || holdsTrue(right));
        case '+':
        case '-':
        case '*':
        case '/':
        case '%':
        case '^':
          return left === undefined || right === undefined || left.type === 'array' || right.type === 'array' ? undefined : arithmetic(expr.op, left, right);
        default:
          return bool(!isTyped(expr.left, expr.right) && !isTyped(expr.right, expr.left) && compare(expr.op, left, right));
      }
    }
  }
}

/** A duration beside a plain attribute: attributes have no unit, so the two never compare. */
function isTyped(attribute: FieldExpr, literal: FieldExpr): boolean {
  return attribute.kind === 'attribute' && literal.kind === 'literal' && literal.value.type === 'duration';
}

/** Any pair of elements. A pattern taken from a span may be no regex: then it matches nothing. */
function compare(op: ComparisonOp, left: NaiveValue | undefined, right: NaiveValue | undefined): boolean {
  try {
    return elements(left).some((a) => elements(right).some((b) => compareStatics(op, a, b)));
  } catch {
    return false;
  }
}

function holdsTrue(value: NaiveValue | undefined): boolean {
  return elements(value).some((item) => item.type === 'bool' && item.value);
}

function elements(value: NaiveValue | undefined): readonly Static[] {
  return value === undefined ? [] : value.type === 'array' ? value.items : [value];
}

function fieldValue(field: FieldRef, scope: Scope): NaiveValue | undefined {
  if (field.kind === 'intrinsic') return intrinsicValue(field.name, scope);
  if (field.parent) {
    const { parent } = scope.view;
    return parent && fieldValue({ ...field, parent: false }, { view: parent, event: undefined, link: undefined });
  }
  const { span } = scope.view;
  const inSpan = find(span.attrs, field.name);
  // A resource always has a service.name, if only an empty one.
  const inResource = find(span.resource, field.name) ?? (field.name === 'service.name' ? { value: '' } : undefined);
  switch (field.scope) {
    case 'none':
      return convert(inSpan ?? inResource); // the key decides, whatever its value
    case 'span':
      return convert(inSpan);
    case 'resource':
      return convert(inResource);
    case 'event':
      return convert(scope.event && find(scope.event.attrs, field.name));
    case 'link':
      return convert(scope.link && find(scope.link.attrs, field.name));
    case 'instrumentation':
      return convert(find(span.scope.attrs, field.name));
  }
}

function intrinsicValue(name: IntrinsicName, { view, event, link }: Scope): Static | undefined {
  const { span, trace } = view;
  switch (name) {
    case 'name':
      return text(span.name);
    case 'duration':
      return duration(span.endNs - span.startNs);
    case 'status':
      return { type: 'status', value: STATUS[span.status] };
    case 'statusMessage':
      return text(span.statusMessage ?? '');
    case 'kind':
      return { type: 'kind', value: KINDS[span.kind] };
    case 'rootName':
      return text(trace.root?.name ?? '');
    case 'rootServiceName': {
      const service = trace.root && find(trace.root.resource, 'service.name')?.value;
      return text(typeof service === 'string' ? service : '');
    }
    case 'traceDuration':
      return duration(trace.endNs - trace.startNs);
    case 'nestedSetLeft':
      return int(view.left);
    case 'nestedSetRight':
      return int(view.right);
    case 'nestedSetParent':
      return int(view.left === 0 ? 0 : (view.parent?.left ?? -1));
    case 'parent':
      return view.parent && text(view.parent.span.spanId);
    case 'trace:id':
      return text(trace.traceId);
    case 'span:id':
      return text(span.spanId);
    case 'span:parentID':
      return text(span.parentId.padStart(16, '0'));
    case 'span:childCount':
      return int(view.children);
    case 'event:name':
      return event && text(event.name);
    case 'event:timeSinceStart':
      return event && duration(event.timeNs - span.startNs);
    case 'link:spanID':
      return link && text(link.spanId);
    case 'link:traceID':
      return link && text(link.traceId);
    case 'instrumentation:name':
      return text(span.scope.name);
    case 'instrumentation:version':
      return text(span.scope.version);
  }
}

function find(attrs: PlainAttrs, name: string): { readonly value: PlainValue } | undefined {
  const attr = attrs.find(([key]) => key === name);
  return attr && { value: attr[1] };
}

/** Arrays of one type are arrays, of one element that element; empty and mixed arrays, maps and bytes have no value. */
function convert(found: { readonly value: PlainValue } | undefined): NaiveValue | undefined {
  if (found === undefined) return undefined;
  if (!Array.isArray(found.value)) return scalar(found.value);
  const items = found.value.map(scalar).filter((item) => item !== undefined);
  if (items.length === 0 || items.length < found.value.length || items.some((item) => item.type !== items[0].type)) return undefined;
  return items.length === 1 ? items[0] : { type: 'array', items };
}

function scalar(value: PlainValue): Static | undefined {
  switch (typeof value) {
    case 'string':
      return text(value);
    case 'bigint':
      return { type: 'int', value };
    case 'number':
      return { type: 'float', value };
    case 'boolean':
      return bool(value);
    default:
      return undefined;
  }
}

const bool = (value: boolean): Static => ({ type: 'bool', value });
const text = (value: string): Static => ({ type: 'string', value });
const int = (value: number): Static => ({ type: 'int', value: BigInt(value) });
const duration = (value: bigint): Static => ({ type: 'duration', value });
