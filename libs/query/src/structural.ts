import type { NestedSets } from '@vivace/trace';
import type { StructuralOp } from '@vivace/traceql';
import { unionRows } from './spanset.ts';

type Relation = '>' | '<' | '>>' | '<<' | '~';

const INVERSE: Record<Relation, Relation> = { '>': '<', '<': '>', '>>': '<<', '<<': '>>', '~': '~' };

/**
 * `left op right` over spans of one trace by their nested-set numbers (traceql.md 4.6). The result is the right side, for a union
 * operator both members of every related pair, for a negated one the right spans related to nothing on the left. Spans not reachable
 * from a root (left 0) are related to nothing. O((l + r) log l).
 */
export function applyStructural(op: StructuralOp, left: readonly number[], right: readonly number[], nested: NestedSets): readonly number[] {
  if (op.startsWith('!')) {
    const related = new Set(relatedTo(op.slice(1) as Relation, left, right, nested));
    return right.filter((row) => !related.has(row));
  }
  if (op.startsWith('&')) {
    const relation = op.slice(1) as Relation;
    return unionRows(relatedTo(relation, left, right, nested), relatedTo(INVERSE[relation], right, left, nested));
  }
  return relatedTo(op as Relation, left, right, nested);
}

/** The rows of `right` that are child (`>`), parent (`<`), descendant (`>>`), ancestor (`<<`) or sibling (`~`) of some row of `left`. */
function relatedTo(relation: Relation, left: readonly number[], right: readonly number[], nested: NestedSets): readonly number[] {
  const inTree = left.filter((row) => nested.left[row] > 0);
  switch (relation) {
    case '>': {
      const lefts = new Set(inTree.map((row) => nested.left[row]));
      return right.filter((row) => lefts.has(nested.parent[row]));
    }
    case '<': {
      const parents = new Set(inTree.map((row) => nested.parent[row]));
      return right.filter((row) => nested.left[row] > 0 && parents.has(nested.left[row]));
    }
    case '~':
      return siblings(inTree, right, nested);
    case '>>':
      return descendants(inTree, right, nested);
    case '<<':
      return ancestors(inTree, right, nested);
  }
}

/** Same parent, not itself; roots are siblings of each other (their parent is -1). */
function siblings(left: readonly number[], right: readonly number[], nested: NestedSets): readonly number[] {
  const counts = new Map<number, number>();
  for (const row of left) counts.set(nested.parent[row], (counts.get(nested.parent[row]) ?? 0) + 1);
  const own = new Set(left);
  return right.filter((row) => nested.left[row] > 0 && (counts.get(nested.parent[row]) ?? 0) > (own.has(row) ? 1 : 0));
}

/** Intervals nest or are apart: among those that start earlier, the one reaching furthest tells whether any contains the row. */
function descendants(left: readonly number[], right: readonly number[], nested: NestedSets): readonly number[] {
  const sorted = sortByLeft(left, nested);
  const starts = sorted.map((row) => nested.left[row]);
  let furthest = 0;
  const reach = sorted.map((row) => (furthest = Math.max(furthest, nested.right[row])));
  return right.filter((row) => {
    const before = firstAtLeast(starts, nested.left[row]) - 1;
    return nested.left[row] > 0 && before >= 0 && reach[before] > nested.right[row];
  });
}

function ancestors(left: readonly number[], right: readonly number[], nested: NestedSets): readonly number[] {
  const starts = sortByLeft(left, nested).map((row) => nested.left[row]);
  return right.filter((row) => {
    const next = firstAtLeast(starts, nested.left[row] + 1);
    return nested.left[row] > 0 && next < starts.length && starts[next] < nested.right[row];
  });
}

function sortByLeft(rows: readonly number[], nested: NestedSets): readonly number[] {
  return [...rows].sort((a, b) => nested.left[a] - nested.left[b]);
}

/** Index of the first value that is at least `wanted` in an ascending list. */
function firstAtLeast(values: readonly number[], wanted: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const mid = (low + high) >>> 1;
    if (values[mid] < wanted) low = mid + 1;
    else high = mid;
  }
  return low;
}
