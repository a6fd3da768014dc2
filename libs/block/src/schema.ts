import { ConvertedType, PhysicalType, Repetition } from '@vivace/parquet';
import type { LogicalType, SchemaElement } from '@vivace/parquet';

/** The value of `format` in the meta of blocks we write. */
export const VPARQUET4 = 'vParquet4';
/** Spare string columns per scope for attributes named in the meta's `dedicatedColumns`. */
export const DEDICATED_PER_SCOPE = 10;

/** A leaf, or a group with its children in order. */
interface Node {
  readonly element: SchemaElement;
  readonly children: readonly Node[];
}

const STRING: LogicalType = { kind: 'string' };
const required = { repetition: Repetition.REQUIRED };

function leaf(name: string, element: Omit<SchemaElement, 'name'>): Node {
  return { element: { ...required, ...element, name }, children: [] };
}

function group(name: string, children: readonly Node[], element: Omit<SchemaElement, 'name'> = {}): Node {
  return { element: { ...required, ...element, name, numChildren: children.length }, children };
}

function integer(bitWidth: 32 | 64, isSigned: boolean, convertedType: ConvertedType): Omit<SchemaElement, 'name'> {
  const type = bitWidth === 32 ? PhysicalType.INT32 : PhysicalType.INT64;
  return { type, typeLength: bitWidth, convertedType, logicalType: { kind: 'integer', bitWidth, isSigned } };
}

const raw = (name: string): Node => leaf(name, { type: PhysicalType.BYTE_ARRAY });
const text = (name: string): Node => leaf(name, { type: PhysicalType.BYTE_ARRAY, convertedType: ConvertedType.UTF8, logicalType: STRING });
const optionalText = (name: string): Node => {
  const { element } = text(name);
  return { element: { ...element, repetition: Repetition.OPTIONAL }, children: [] };
};
const int32 = (name: string): Node => leaf(name, integer(32, true, ConvertedType.INT_32));
const uint32 = (name: string): Node => leaf(name, integer(32, false, ConvertedType.UINT_32));
const int64 = (name: string): Node => leaf(name, integer(64, true, ConvertedType.INT_64));
const uint64 = (name: string): Node => leaf(name, integer(64, false, ConvertedType.UINT_64));
const boolean = (name: string): Node => leaf(name, { type: PhysicalType.BOOLEAN, typeLength: 1 });
const double = (name: string): Node => leaf(name, { type: PhysicalType.DOUBLE, typeLength: 64 });

/** Three levels, the element required: a list is empty or filled, never null. */
function list(name: string, element: Node): Node {
  const repeated = group('list', [element], { repetition: Repetition.REPEATED });
  return group(name, [repeated], { convertedType: ConvertedType.LIST, logicalType: { kind: 'list' } });
}

const attrs = (): Node =>
  list(
    'Attrs',
    group('element', [
      text('Key'),
      boolean('IsArray'),
      list('Value', text('element')),
      list('ValueInt', int64('element')),
      list('ValueDouble', double('element')),
      list('ValueBool', boolean('element')),
      optionalText('ValueUnsupported'),
    ]),
  );

const dedicated = (): Node =>
  group(
    'DedicatedAttributes',
    Array.from({ length: DEDICATED_PER_SCOPE }, (_, i) => optionalText(`String${String(i + 1).padStart(2, '0')}`)),
  );

const event = group('element', [uint64('TimeSinceStartNano'), text('Name'), attrs(), int32('DroppedAttributesCount')]);
const link = group('element', [raw('TraceID'), raw('SpanID'), text('TraceState'), attrs(), int32('DroppedAttributesCount')]);

const span = group('element', [
  raw('SpanID'),
  raw('ParentSpanID'),
  int32('ParentID'),
  int32('NestedSetLeft'),
  int32('NestedSetRight'),
  text('Name'),
  int64('Kind'),
  text('TraceState'),
  uint64('StartTimeUnixNano'),
  uint64('DurationNano'),
  int64('StatusCode'),
  text('StatusMessage'),
  attrs(),
  int32('DroppedAttributesCount'),
  list('Events', event),
  int32('DroppedEventsCount'),
  list('Links', link),
  int32('DroppedLinksCount'),
  optionalText('HttpMethod'),
  optionalText('HttpUrl'),
  { element: { ...int64('HttpStatusCode').element, repetition: Repetition.OPTIONAL }, children: [] },
  dedicated(),
]);

const scopeSpans = group('element', [group('Scope', [text('Name'), text('Version'), attrs(), int32('DroppedAttributesCount')]), list('Spans', span)]);

const resource = group('Resource', [
  attrs(),
  int32('DroppedAttributesCount'),
  text('ServiceName'),
  ...['Cluster', 'Namespace', 'Pod', 'Container', 'K8sClusterName', 'K8sNamespaceName', 'K8sPodName', 'K8sContainerName'].map(optionalText),
  dedicated(),
]);

const serviceStats = group(
  'ServiceStats',
  [group('key_value', [text('key'), group('value', [uint32('SpanCount'), uint32('ErrorCount')])], { repetition: Repetition.REPEATED })],
  { convertedType: ConvertedType.MAP, logicalType: { kind: 'map' } },
);

const trace: readonly Node[] = [
  raw('TraceID'),
  text('TraceIDText'),
  uint64('StartTimeUnixNano'),
  uint64('EndTimeUnixNano'),
  uint64('DurationNano'),
  text('RootServiceName'),
  text('RootSpanName'),
  serviceStats,
  list('rs', group('element', [resource, list('ss', scopeSpans)])),
];

function flatten(node: Node, out: SchemaElement[]): SchemaElement[] {
  out.push(node.element);
  for (const child of node.children) flatten(child, out);
  return out;
}

/**
 * The schema of vParquet4 (spec: docs/format/block.md): 181 elements, 103 leaves, equal in all Tempo versions from 2.6 to 3.0. Tempo addresses
 * columns by position in trace lookup and compaction, so nothing may be left out, added or moved: doing so crashes it.
 */
export const SCHEMA: readonly SchemaElement[] = trace.reduce<SchemaElement[]>(
  (out, node) => flatten(node, out),
  [{ name: 'Trace', numChildren: trace.length }],
);

/** Attribute keys with a column of their own, in column order. Only string values go there, at both scopes. */
export const STATIC_RESOURCE_KEYS: readonly string[] = [
  'service.name',
  'cluster',
  'namespace',
  'pod',
  'container',
  'k8s.cluster.name',
  'k8s.namespace.name',
  'k8s.pod.name',
  'k8s.container.name',
];
export const STATIC_SPAN_KEYS: readonly string[] = ['http.method', 'http.url'];
/** Only an int value goes into its column. */
export const STATUS_CODE_KEY = 'http.status_code';
