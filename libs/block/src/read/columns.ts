import { AppError } from '@vivace/base';
import { schemaLeaves } from '@vivace/parquet';
import type { ColumnReader, ParquetLayout, ReadLeaf } from '@vivace/parquet';
import type { AttrScope } from '@vivace/trace';
import { SCHEMA } from '../schema.ts';

/** What the reader needs of a column: a whole chunk, or the part of it that belongs to one trace. */
export type ColumnSource = Pick<ColumnReader, 'leaf' | 'entries' | 'fail' | 'repetition' | 'definition' | 'present' | 'values' | 'lowWords'> &
  Partial<Pick<ColumnReader, 'release'>>;

const LEAVES = schemaLeaves(SCHEMA);
const INDEX = new Map(LEAVES.map((leaf) => [leaf.path, leaf.index]));

function at(path: string): number {
  const index = INDEX.get(path);
  if (index === undefined) throw new Error(`vParquet4 has no column ${path}`);
  return index;
}

const RS = 'rs.list.element';
const SS = `${RS}.ss.list.element`;
const SPAN = `${SS}.Spans.list.element`;
const EVENT = `${SPAN}.Events.list.element`;
const LINK = `${SPAN}.Links.list.element`;

/** Repetition levels of the lists that nest: a row of level `n` is an element of list `n`; a trace is a row of level 0. */
export const LEVEL = { resource: 1, scope: 2, span: 3, event: 4, link: 4 } as const;

/** Positions of vParquet4's columns. Numbers count in our schema; `matchLeaves` finds the same columns in a file. */
export const COLUMN = {
  traceId: at('TraceID'),
  traceStart: at('StartTimeUnixNano'),
  traceDuration: at('DurationNano'),
  rootService: at('RootServiceName'),
  rootName: at('RootSpanName'),
  statsService: at('ServiceStats.key_value.key'),
  statsSpans: at('ServiceStats.key_value.value.SpanCount'),
  statsErrors: at('ServiceStats.key_value.value.ErrorCount'),
  resourceDropped: at(`${RS}.Resource.DroppedAttributesCount`),
  serviceName: at(`${RS}.Resource.ServiceName`),
  resourceDedicated: at(`${RS}.Resource.DedicatedAttributes.String01`),
  scopeName: at(`${SS}.Scope.Name`),
  scopeVersion: at(`${SS}.Scope.Version`),
  scopeDropped: at(`${SS}.Scope.DroppedAttributesCount`),
  spanId: at(`${SPAN}.SpanID`),
  parentId: at(`${SPAN}.ParentSpanID`),
  nestedParent: at(`${SPAN}.ParentID`),
  nestedLeft: at(`${SPAN}.NestedSetLeft`),
  nestedRight: at(`${SPAN}.NestedSetRight`),
  name: at(`${SPAN}.Name`),
  kind: at(`${SPAN}.Kind`),
  traceState: at(`${SPAN}.TraceState`),
  start: at(`${SPAN}.StartTimeUnixNano`),
  duration: at(`${SPAN}.DurationNano`),
  status: at(`${SPAN}.StatusCode`),
  statusMessage: at(`${SPAN}.StatusMessage`),
  droppedAttrs: at(`${SPAN}.DroppedAttributesCount`),
  droppedEvents: at(`${SPAN}.DroppedEventsCount`),
  droppedLinks: at(`${SPAN}.DroppedLinksCount`),
  httpMethod: at(`${SPAN}.HttpMethod`),
  statusCode: at(`${SPAN}.HttpStatusCode`),
  spanDedicated: at(`${SPAN}.DedicatedAttributes.String01`),
  eventOffset: at(`${EVENT}.TimeSinceStartNano`),
  eventName: at(`${EVENT}.Name`),
  eventDropped: at(`${EVENT}.DroppedAttributesCount`),
  linkTraceId: at(`${LINK}.TraceID`),
  linkSpanId: at(`${LINK}.SpanID`),
  linkTraceState: at(`${LINK}.TraceState`),
  linkDropped: at(`${LINK}.DroppedAttributesCount`),
} as const;

/** The first of the seven columns of each attribute list: Key, IsArray, Value, ValueInt, ValueDouble, ValueBool, ValueUnsupported. */
export const ATTR_COLUMN: Readonly<Record<AttrScope, number>> = {
  resource: at(`${RS}.Resource.Attrs.list.element.Key`),
  scope: at(`${SS}.Scope.Attrs.list.element.Key`),
  span: at(`${SPAN}.Attrs.list.element.Key`),
  event: at(`${EVENT}.Attrs.list.element.Key`),
  link: at(`${LINK}.Attrs.list.element.Key`),
};
export const ATTR_COLUMNS = 7;
/** The second of each. */
export const ARRAY_FLAGS: ReadonlySet<number> = new Set(Object.values(ATTR_COLUMN).map((column) => column + 1));
/** Where the strings are among them; integers and doubles follow. */
export const ATTR_VALUE = 2;

/** Columns with exactly one entry a span: each of them tells where traces, resources and scopes begin. */
export const SPAN_COLUMNS: readonly number[] = LEAVES.filter((leaf) => leaf.path.startsWith(SPAN) && leaf.maxRepetition === LEVEL.span).map(
  (leaf) => leaf.index,
);
export const COLUMN_COUNT = LEAVES.length;

/**
 * The file's leaves in the order of our schema, found by path. Extra columns are passed over; a missing one or one of
 * another shape is `data_loss`.
 */
export function matchLeaves(layout: ParquetLayout): readonly ReadLeaf[] {
  const byPath = new Map(layout.leaves.map((leaf) => [leaf.path, leaf]));
  return LEAVES.map((want) => {
    const leaf = byPath.get(want.path);
    if (leaf === undefined) throw new AppError('data_loss', `${layout.name}: column ${want.path} is missing from the footer at offset ${layout.footerOffset}`);
    if (leaf.type !== want.type || leaf.maxDefinition !== want.maxDefinition || leaf.repeatedAt.join() !== want.repeatedAt.join())
      throw new AppError('data_loss', `${layout.name}: column ${want.path} has another shape than in vParquet4 in the footer at offset ${layout.footerOffset}`);
    return leaf;
  });
}
