import type { Query } from '@vivace/traceql';

/** `query_frontend.weights` */
export interface JobWeights {
  readonly areUsed: boolean;
  /** A repeated job weighs more with every attempt. */
  readonly ofRetries: boolean;
  /** Comparisons above which a query is heavy, and those with regular expressions. */
  readonly maxConditions: number;
  readonly maxRegexConditions: number;
}

const TRACE_BY_ID = 2;

/** What a job costs in a `FairQueue`: 1, 2 for a trace by id, and 1 more for each of the limits that its query is over. */
export function jobWeight(task: string, query: Query | undefined, weights: JobWeights): number {
  if (!weights.areUsed) return 1;
  if (task === 'findTrace') return TRACE_BY_ID;
  if (!query) return 1;
  const { all, regex } = conditionsOf(query);
  return 1 + (all > weights.maxConditions ? 1 : 0) + (regex > weights.maxRegexConditions ? 1 : 0);
}

interface Conditions {
  readonly all: number;
  readonly regex: number;
}

/** A query has many jobs. */
const known = new WeakMap<Query, Conditions>();
const COMPARISONS: ReadonlySet<unknown> = new Set(['=', '!=', '<', '<=', '>', '>=', '=~', '!~']);

function conditionsOf(query: Query): Conditions {
  let found = known.get(query);
  if (!found) {
    const ops: unknown[] = [];
    collect(query, ops);
    found = { all: ops.length, regex: ops.filter((op) => op === '=~' || op === '!~').length };
    known.set(query, found);
  }
  return found;
}

/** Comparisons of fields, wherever they are in the tree. */
function collect(node: unknown, ops: unknown[]): void {
  if (typeof node !== 'object' || node === null) return;
  if ('kind' in node && (node.kind === 'exists' || (node.kind === 'binary' && 'op' in node && COMPARISONS.has(node.op)))) ops.push('op' in node ? node.op : '');
  for (const child of Object.values(node)) collect(child, ops);
}
