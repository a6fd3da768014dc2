import type { AttributeScope, BinaryOp, FieldExpr, FieldRef, IntrinsicName, Query, SpansetExpr, SpansetFilter, Static } from '@vivace/traceql';

const LOC = { from: 0, to: 0 } as const;
const STATUS = new Map<string, 'error' | 'ok' | 'unset'>([
  ['error', 'error'],
  ['ok', 'ok'],
  ['unset', 'unset'],
]);
/** Tag names that stand for fields of the span or the trace. */
const FIELDS = new Map<string, IntrinsicName>([
  ['name', 'name'],
  ['root.name', 'rootName'],
  ['root.service.name', 'rootServiceName'],
]);

/**
 * Tag search as a query: every tag holds somewhere in the trace (not necessarily on one span), as a case-insensitive part of the text
 * on the span or its resource; numbers and bools compare as text, whole. Durations are the trace's, inclusive, in nanoseconds.
 */
export function legacyQuery(tags: ReadonlyMap<string, string>, minDurationNs?: bigint, maxDurationNs?: bigint): Query {
  const bounds: FieldExpr[] = [];
  if (minDurationNs !== undefined) bounds.push(compare('>=', intrinsic('traceDuration'), { type: 'duration', value: minDurationNs }));
  if (maxDurationNs !== undefined) bounds.push(compare('<=', intrinsic('traceDuration'), { type: 'duration', value: maxDurationNs }));
  const stages: SpansetExpr[] = bounds.length === 0 ? [] : [filter(all('&&', bounds))];
  const matches = [...tags].map(([key, value]) => filter(tagExpr(key, value)));
  const [first, ...rest] = matches;
  if (first) stages.push(rest.reduce<SpansetExpr>((left, right) => ({ kind: 'spansetOperation', op: '&&', left, right, loc: LOC }), first));
  return { stages: stages.length === 0 ? [filter(literal({ type: 'bool', value: true }))] : stages, second: [], hints: [], source: '', loc: LOC };
}

function tagExpr(key: string, value: string): FieldExpr {
  const field = FIELDS.get(key);
  if (field) return contains(intrinsic(field), value);
  const status = key === 'status.code' ? STATUS.get(value) : key === 'error' && value === 'true' ? 'error' : undefined;
  const places: FieldRef[] = [attribute('span', key), attribute('resource', key)];
  const choices = places.flatMap((place) => [contains(place, value), ...typedReadings(value).map((reading) => compare('=', place, reading))]);
  if (status) choices.push(compare('=', intrinsic('status'), { type: 'status', value: status }));
  return all('||', choices);
}

/** What the text may be written for: 42 is the int 42, 0.5 the double, true the bool. */
function typedReadings(value: string): readonly Static[] {
  if (value === 'true' || value === 'false') return [{ type: 'bool', value: value === 'true' }];
  if (/^-?\d{1,19}$/.test(value) && BigInt.asIntN(64, BigInt(value)) === BigInt(value)) return [{ type: 'int', value: BigInt(value) }];
  if (/^-?\d+\.\d+$/.test(value)) return [{ type: 'float', value: Number(value) }];
  return [];
}

function contains(field: FieldRef, value: string): FieldExpr {
  return compare('=~', field, { type: 'string', value: `(?i).*${value.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&')}.*` });
}

function all(op: '&&' | '||', parts: readonly FieldExpr[]): FieldExpr {
  return parts.reduce((left, right) => binary(op, left, right));
}

function compare(op: BinaryOp, left: FieldRef, value: Static): FieldExpr {
  return binary(op, left, literal(value));
}

function binary(op: BinaryOp, left: FieldExpr, right: FieldExpr): FieldExpr {
  return { kind: 'binary', op, left, right, loc: LOC };
}

function literal(value: Static): FieldExpr {
  return { kind: 'literal', value, loc: LOC };
}

function attribute(scope: AttributeScope, name: string): FieldRef {
  return { kind: 'attribute', scope, name, parent: false, loc: LOC };
}

function intrinsic(name: IntrinsicName): FieldRef {
  return { kind: 'intrinsic', name, loc: LOC };
}

function filter(expr: FieldExpr): SpansetFilter {
  return { kind: 'filter', expr, loc: LOC };
}
