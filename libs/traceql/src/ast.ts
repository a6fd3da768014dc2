// The TraceQL syntax tree: plain readonly objects, discriminated by `kind`. Grammar: docs/traceql.md
// Every node knows its place in the text, as UTF-16 offsets [from, to).

export interface Loc {
  readonly from: number;
  readonly to: number;
}

interface Node {
  readonly loc: Loc;
}

export type StatusName = 'error' | 'ok' | 'unset';
export type KindName = 'unspecified' | 'internal' | 'client' | 'server' | 'producer' | 'consumer';

/** A literal. Integers and durations (nanoseconds) are bigint because they are int64. */
export type Static =
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'int'; readonly value: bigint }
  | { readonly type: 'float'; readonly value: number }
  | { readonly type: 'duration'; readonly value: bigint }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'status'; readonly value: StatusName }
  | { readonly type: 'kind'; readonly value: KindName }
  | { readonly type: 'nil' };

export interface Literal extends Node {
  readonly kind: 'literal';
  readonly value: Static;
}

/** Where an attribute is looked up. `none` is the unscoped `.x`: span first, then resource. */
export type AttributeScope = 'none' | 'span' | 'resource' | 'event' | 'link' | 'instrumentation';

export interface Attribute extends Node {
  readonly kind: 'attribute';
  readonly scope: AttributeScope;
  readonly name: string;
  /** `parent.x`: the attribute of the parent span. */
  readonly parent: boolean;
}

/** Canonical names (docs/traceql.md): scoped spellings collapse to the bare one where one exists. */
export type IntrinsicName =
  | 'name'
  | 'duration'
  | 'status'
  | 'statusMessage'
  | 'kind'
  | 'rootName'
  | 'rootServiceName'
  | 'traceDuration'
  | 'nestedSetLeft'
  | 'nestedSetRight'
  | 'nestedSetParent'
  | 'parent'
  | 'trace:id'
  | 'span:id'
  | 'span:parentID'
  | 'span:childCount'
  | 'event:name'
  | 'event:timeSinceStart'
  | 'link:spanID'
  | 'link:traceID'
  | 'instrumentation:name'
  | 'instrumentation:version';

export interface Intrinsic extends Node {
  readonly kind: 'intrinsic';
  /** `parent` is the id of the parent span where that span is in the trace, else nothing. */
  readonly name: IntrinsicName;
}

export type FieldRef = Attribute | Intrinsic;

export type ComparisonOp = '=' | '!=' | '<' | '<=' | '>' | '>=' | '=~' | '!~';
export type ArithmeticOp = '+' | '-' | '*' | '/' | '%' | '^';
export type LogicalOp = '&&' | '||';
export type BinaryOp = ComparisonOp | ArithmeticOp | LogicalOp;

export interface Binary extends Node {
  readonly kind: 'binary';
  readonly op: BinaryOp;
  readonly left: FieldExpr;
  readonly right: FieldExpr;
}

export interface Unary extends Node {
  readonly kind: 'unary';
  readonly op: '-' | '!';
  readonly operand: FieldExpr;
}

/** `x != nil` (exists) and `x = nil` (not exists). */
export interface Exists extends Node {
  readonly kind: 'exists';
  readonly negated: boolean;
  readonly operand: FieldExpr;
}

export type FieldExpr = Literal | Attribute | Intrinsic | Binary | Unary | Exists;

export interface SpansetFilter extends Node {
  readonly kind: 'filter';
  /** `{ }` is the literal true. */
  readonly expr: FieldExpr;
}

export type StructuralOp = '>' | '<' | '>>' | '<<' | '~' | '!>' | '!<' | '!>>' | '!<<' | '!~' | '&>' | '&<' | '&>>' | '&<<' | '&~';
export type SpansetOp = '&&' | '||' | StructuralOp;

export interface SpansetOperation extends Node {
  readonly kind: 'spansetOperation';
  readonly op: SpansetOp;
  readonly left: SpansetExpr;
  readonly right: SpansetExpr;
}

/** A parenthesised pipeline used as an operand. */
export interface SpansetPipeline extends Node {
  readonly kind: 'pipeline';
  readonly stages: readonly Stage[];
}

export type SpansetExpr = SpansetFilter | SpansetOperation | SpansetPipeline;

export type AggregateOp = 'count' | 'avg' | 'max' | 'min' | 'sum';

export interface Aggregate extends Node {
  readonly kind: 'aggregate';
  readonly op: AggregateOp;
  /** Absent for count(). */
  readonly operand?: FieldExpr;
}

export interface ScalarOperation extends Node {
  readonly kind: 'scalarOperation';
  readonly op: ArithmeticOp;
  readonly left: ScalarExpr;
  readonly right: ScalarExpr;
}

/** A scalar pipeline in parentheses: `({ } | count())`. */
export interface ScalarPipeline extends Node {
  readonly kind: 'scalarPipeline';
  readonly stages: readonly Stage[];
  readonly scalar: Aggregate;
}

export type ScalarExpr = Literal | Aggregate | ScalarOperation | ScalarPipeline;

export interface ScalarFilter extends Node {
  readonly kind: 'scalarFilter';
  readonly op: '=' | '!=' | '<' | '<=' | '>' | '>=';
  readonly left: ScalarExpr;
  readonly right: ScalarExpr;
}

export interface GroupBy extends Node {
  readonly kind: 'by';
  readonly expr: FieldExpr;
}

export interface Coalesce extends Node {
  readonly kind: 'coalesce';
}

export interface Select extends Node {
  readonly kind: 'select';
  readonly fields: readonly FieldRef[];
}

export type Stage = SpansetExpr | ScalarFilter | GroupBy | Coalesce | Select;

export type MetricsOp =
  | 'rate'
  | 'count_over_time'
  | 'min_over_time'
  | 'max_over_time'
  | 'avg_over_time'
  | 'sum_over_time'
  | 'quantile_over_time'
  | 'histogram_over_time';

export interface MetricsAggregate extends Node {
  readonly kind: 'metrics';
  readonly op: MetricsOp;
  readonly operand?: FieldRef;
  readonly quantiles: readonly number[];
  readonly by: readonly FieldRef[];
}

export interface Compare extends Node {
  readonly kind: 'compare';
  readonly selection: SpansetFilter;
  readonly topN: number;
  /** Unix nanoseconds, 0 when not given. */
  readonly start: bigint;
  readonly end: bigint;
}

export interface SecondStage extends Node {
  readonly kind: 'second';
  readonly op: 'topk' | 'bottomk';
  readonly limit: number;
}

/** `| > 5` after a metrics stage (Tempo 3). */
export interface MetricsFilter extends Node {
  readonly kind: 'metricsFilter';
  readonly op: '=' | '!=' | '<' | '<=' | '>' | '>=';
  readonly value: Static;
}

export interface Hint {
  readonly name: string;
  readonly value: Static;
}

/** A whole query: a pipeline of at least one stage, then an optional metrics stage with its second stages. */
export interface Query extends Node {
  readonly stages: readonly Stage[];
  readonly metrics?: MetricsAggregate | Compare;
  readonly second: readonly (SecondStage | MetricsFilter)[];
  readonly hints: readonly Hint[];
  /** The text that was parsed, for error messages. */
  readonly source: string;
}
