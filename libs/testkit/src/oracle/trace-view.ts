import type { PlainSpan, PlainTrace } from '../plain.ts';

/** A span with its place in the tree. */
export interface SpanView {
  readonly span: PlainSpan;
  readonly trace: TraceView;
  /** Position in storage order. */
  readonly index: number;
  /** The span with the parent's id, connected to a root or not. */
  parent: SpanView | undefined;
  children: number;
  /** Nested-set numbers; zeros when no root is above. */
  left: number;
  right: number;
}

export interface TraceView {
  readonly traceId: string;
  readonly spans: readonly SpanView[];
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly root: PlainSpan | undefined;
}

const SERVER = 2;
const CLIENT = 3;

/** docs/traceql.md, "Meaning": spans not reachable from a root are related to nothing. */
export function viewTrace(plain: PlainTrace): TraceView {
  const spans: SpanView[] = [];
  const trace: TraceView = {
    traceId: plain.traceId,
    spans,
    startNs: plain.spans.reduce((least, s) => (s.startNs < least ? s.startNs : least), plain.spans[0]?.startNs ?? 0n),
    endNs: plain.spans.reduce((most, s) => (s.endNs > most ? s.endNs : most), 0n),
    root: plain.spans.findLast((s) => isRoot(s) && !s.links.some((l) => isChildOf(l, plain.traceId))),
  };
  plain.spans.forEach((span, index) => spans.push({ span, trace, index, parent: undefined, children: 0, left: 0, right: 0 }));
  const byId = Map.groupBy(spans, (view) => view.span.spanId);
  for (const view of spans) {
    view.parent = isRoot(view.span) ? undefined : parentOf(view, byId.get(view.span.parentId) ?? []);
    if (view.parent) view.parent.children++;
  }
  if ([...byId.values()].every((same) => same.length <= 2)) number(spans);
  return trace;
}

/** Whether `right` stands in the relation to `left` that the operator names: `left > right` says that right is a child of left. */
export function isRelated(op: string, left: SpanView, right: SpanView): boolean {
  if (left.left === 0 || right.left === 0) return false;
  switch (op) {
    case '>':
      return right.parent === left;
    case '<':
      return left.parent === right;
    case '>>':
      return isAncestor(left, right);
    case '<<':
      return isAncestor(right, left);
    case '~':
      return left !== right && left.parent === right.parent;
    default:
      throw new Error(`no relation ${op}`);
  }
}

/** Some senders write "no parent" as zeros. */
function isRoot(span: PlainSpan): boolean {
  return /^0*$/.test(span.parentId);
}

function isAncestor(above: SpanView, below: SpanView): boolean {
  for (let next = below.parent; next !== undefined; next = next.parent) if (next === above) return true;
  return false;
}

/** Of two spans with one id a server span hangs below the client span, anything else below the server span; without such a twin below none. */
function parentOf(view: SpanView, candidates: readonly SpanView[]): SpanView | undefined {
  if (candidates.length !== 2) return candidates[0];
  const wanted = view.span.kind === SERVER ? CLIENT : SERVER;
  return candidates.find((c) => c.span.kind === wanted);
}

function number(spans: readonly SpanView[]): void {
  let counter = 1;
  const visit = (view: SpanView): void => {
    view.left = counter++;
    for (const child of spans) if (child.parent === view) visit(child);
    view.right = counter++;
  };
  for (const view of spans) if (isRoot(view.span)) visit(view);
}

function isChildOf(link: PlainSpan['links'][number], traceId: string): boolean {
  return link.traceId === traceId && link.attrs.some(([key, value]) => key === 'opentracing.ref_type' && value === 'child_of');
}
