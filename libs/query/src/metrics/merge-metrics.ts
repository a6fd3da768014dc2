import { addTo, cellFills, cellKind } from './cells.ts';
import type { CellKind } from './cells.ts';
import { settleExemplars } from './choose-exemplars.ts';
import type { ExemplarPiece, MetricsPartial } from './metrics-partial.ts';
import type { MetricsPlan } from './plan-metrics.ts';
import type { GroupValue } from './value-table.ts';

/** One row of cells: an array for each of `cellFills`, a cell a bucket. */
export interface MergedRow {
  readonly key: number;
  readonly cells: readonly Float64Array[];
}

export interface MergedGroup {
  readonly values: readonly GroupValue[];
  /** By power-of-two bucket, ascending, for histograms and quantiles; else one row of key 0, or none when the group has exemplars only. */
  readonly rows: readonly MergedRow[];
  readonly exemplars: readonly ExemplarPiece[];
}

export interface MergedMetrics {
  readonly groups: readonly MergedGroup[];
  readonly overflowed: readonly string[];
}

/** Values of attributes that `compare()` keeps to choose from, and the cells of all. */
const MAX_COMPARED = 65_536;
const MAX_COMPARED_CELLS = 4_194_304;

/**
 * What several jobs counted as if one had. The partials are left as they are. Groups beyond `maxSeries` are left out. `compare()`, which shows a few of many,
 * has a bound of its own, beyond which only values are left out, those that come last in every job: they are rare.
 */
export function mergeMetrics(partials: readonly MetricsPartial[], plan: MetricsPlan, maxSeries: number): MergedMetrics {
  const kind = plan.kind === 'compare' ? 'count' : cellKind(plan.metrics.op);
  const { buckets } = plan.axis;
  const most = plan.kind === 'compare' ? Math.min(MAX_COMPARED, Math.floor(MAX_COMPARED_CELLS / Math.max(1, buckets))) : maxSeries;
  const groups = new Map<string, { readonly values: readonly GroupValue[]; readonly rows: Map<number, MergedRow>; readonly exemplars: ExemplarPiece[] }>();
  const overflowed = new Set(partials.flatMap((partial) => partial.overflowed));
  const pieces: ExemplarPiece[] = [];
  const ownerOf = new Map<ExemplarPiece, string>();
  for (const partial of partials) {
    const ids = partial.groups.map(groupId);
    partial.seriesGroup.forEach((g, s) => {
      let group = groups.get(ids[g]);
      if (!group) {
        const isTotal = plan.kind === 'compare' && partial.groups[g].length === 2;
        if (groups.size >= most && !isTotal) {
          if (plan.kind !== 'compare') overflowed.add(plan.by.at(-1)?.label ?? '');
          return;
        }
        groups.set(ids[g], (group = { values: partial.groups[g], rows: new Map(), exemplars: [] }));
      }
      const key = partial.seriesKey[s];
      let row = group.rows.get(key);
      if (!row) group.rows.set(key, (row = { key, cells: cellFills(kind).map((fill) => new Float64Array(buckets).fill(fill)) }));
      addRow(kind, row.cells, partial.cells, s * buckets);
    });
    for (const piece of partial.exemplars) {
      pieces.push(piece);
      ownerOf.set(piece, ids[piece.group]);
    }
  }
  for (const piece of settleExemplars(pieces, plan.axis, plan.exemplars)) groups.get(ownerOf.get(piece) as string)?.exemplars.push(piece);
  return {
    groups: [...groups.values()].map(({ values, rows, exemplars }) => ({ values, rows: [...rows.values()].sort((a, b) => a.key - b.key), exemplars })),
    overflowed: [...overflowed],
  };
}

function addRow(kind: CellKind, into: readonly Float64Array[], from: readonly Float64Array[], at: number): void {
  const [first] = into;
  const [source] = from;
  const buckets = first.length;
  switch (kind) {
    case 'count':
    case 'power':
      for (let b = 0; b < buckets; b++) first[b] += source[at + b];
      return;
    case 'min':
      for (let b = 0; b < buckets; b++) if (!(first[b] <= source[at + b]) && !Number.isNaN(source[at + b])) first[b] = source[at + b];
      return;
    case 'max':
      for (let b = 0; b < buckets; b++) if (!(first[b] >= source[at + b]) && !Number.isNaN(source[at + b])) first[b] = source[at + b];
      return;
    case 'sum': {
      const [, rest, seen] = into;
      const [, sourceRest, sourceSeen] = from;
      for (let b = 0; b < buckets; b++) {
        if (sourceSeen[at + b] === 0) continue;
        addTo(first, rest, b, source[at + b]);
        addTo(first, rest, b, sourceRest[at + b]);
        seen[b] += sourceSeen[at + b];
      }
    }
  }
}

/** Equal for groups of equal values and types. */
function groupId(values: readonly GroupValue[]): string {
  return JSON.stringify(values.map((value) => value ?? null));
}
