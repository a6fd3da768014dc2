import type { FieldExpr } from '@vivace/traceql';
import type { PlainLink, PlainSpan, PlainTrace } from '../plain.ts';

/** A span with its place in the tree. */
export interface NaiveSpan extends PlainSpan {
  readonly traceId: string;
  /** All of them, in storage order. */
  readonly trace: readonly NaiveSpan[];
  readonly index: number;
  /** Of the query asked. */
  readonly filters: readonly FieldExpr[];
  /** The span with the parent's id, connected to a root or not. */
  parent?: NaiveSpan | undefined;
  /** Nested-set numbers; zeros when no root is above. */
  left: number;
  right: number;
}

/** docs/traceql.md, "Meaning". */
export function naiveSpans({ traceId, spans }: PlainTrace, filters: readonly FieldExpr[]): readonly NaiveSpan[] {
  const trace: NaiveSpan[] = [];
  spans.forEach((span, index) => trace.push({ ...span, traceId, trace, index, filters, left: 0, right: 0 }));
  for (const span of trace) span.parent = isRoot(span) ? undefined : parentOf(span);
  if (trace.some(({ spanId }) => spans.filter((span) => span.spanId === spanId).length > 2)) return trace;
  let counter = 1;
  const number = (span: NaiveSpan): void => {
    span.left = counter++;
    for (const child of trace) if (child.parent === span) number(child);
    span.right = counter++;
  };
  for (const span of trace) if (isRoot(span)) number(span);
  return trace;
}

/** Of two spans with one id a server span hangs below the client span, anything else below the server span; without such a twin below none. */
function parentOf({ parentId, kind, trace }: NaiveSpan): NaiveSpan | undefined {
  const [SERVER, CLIENT] = [2, 3];
  const found = trace.filter(({ spanId }) => spanId === parentId);
  return found.length === 2 ? found.find((span) => span.kind === (kind === SERVER ? CLIENT : SERVER)) : found[0];
}

/** Some senders write "no parent" as zeros. */
const isRoot = ({ parentId }: PlainSpan): boolean => /^0*$/.test(parentId);

/** The root that names the trace: the last that does not say it is a child of another span of it. */
export function rootOf({ traceId, trace }: NaiveSpan): NaiveSpan | undefined {
  const isUpward = (link: PlainLink): boolean =>
    link.traceId === traceId && link.attrs.some(([key, value]) => key === 'opentracing.ref_type' && value === 'child_of');
  return trace.findLast((span) => isRoot(span) && !span.links.some(isUpward));
}

/** Whether `left op right`: `left > right` says that right is a child of left. What no root leads to is related to nothing. */
export function isRelated(op: string, left: NaiveSpan, right: NaiveSpan): boolean {
  if (left.left === 0 || right.left === 0) return false;
  if (op === '~') return left !== right && left.parent === right.parent;
  if (op.startsWith('<')) return isRelated(op.replaceAll('<', '>'), right, left);
  return right.parent !== undefined && (right.parent === left || (op === '>>' && isRelated(op, left, right.parent)));
}
