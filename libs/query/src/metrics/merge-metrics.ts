import { addTo, cellFills, cellKind } from './cells.ts';
import type { CellKind } from './cells.ts';
import { settleExemplars } from './choose-exemplars.ts';
import { mostGroups, mostRows } from './limits.ts';
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

/** Values of attributes that `compare()` keeps to choose from. */
const MAX_COMPARED = 65_536;

interface Group {
  readonly values: readonly GroupValue[];
  readonly rows: Map<number, MergedRow>;
  readonly exemplars: ExemplarPiece[];
}

/**
 * What several jobs counted as if one had, in memory that does not grow with their number. Groups beyond `maxSeries`, and rows beyond the cells there are, are left
 * out. `compare()`, which shows a few of many, has a bound of its own, beyond which only values are left out, those that come last in every job: they are rare.
 */
export class MetricsMerge {
  readonly #plan: MetricsPlan;
  readonly #kind: CellKind;
  readonly #maxGroups: number;
  readonly #maxRows: number;
  readonly #groups = new Map<string, Group>();
  readonly #overflowed = new Set<string>();
  readonly #pieces: { readonly piece: ExemplarPiece; readonly group: string }[] = [];
  #rows = 0;

  constructor(plan: MetricsPlan, maxSeries: number) {
    this.#plan = plan;
    this.#kind = plan.kind === 'compare' ? 'count' : cellKind(plan.metrics.op);
    this.#maxRows = mostRows(plan.axis.buckets);
    this.#maxGroups = plan.kind === 'compare' ? MAX_COMPARED : mostGroups(plan, maxSeries);
  }

  /** The partial is left as it is; of it nothing but exemplars and values of groups is kept. */
  add(partial: MetricsPartial): void {
    const plan = this.#plan;
    const { buckets } = plan.axis;
    for (const label of partial.overflowed) this.#overflowed.add(label);
    const ids = partial.groups.map(groupId);
    const { seriesGroup, seriesKey, cells } = partial;
    for (let s = 0; s < seriesGroup.length; s++) {
      const g = seriesGroup[s];
      const values = partial.groups[g];
      const isTotal = plan.kind === 'compare' && values.length === 2;
      let group = this.#groups.get(ids[g]);
      if (!group) {
        if (this.#groups.size >= this.#maxGroups && !isTotal) {
          if (plan.kind !== 'compare') this.#overflowed.add(plan.by.at(-1)?.label ?? '');
          continue;
        }
        this.#groups.set(ids[g], (group = { values, rows: new Map(), exemplars: [] }));
      }
      const key = seriesKey[s];
      let row = group.rows.get(key);
      if (!row) {
        if (this.#rows >= this.#maxRows && !isTotal) {
          if (plan.kind !== 'compare') this.#overflowed.add(this.#kind === 'power' ? '__bucket' : (plan.by.at(-1)?.label ?? ''));
          continue;
        }
        this.#rows++;
        group.rows.set(key, (row = { key, cells: cellFills(this.#kind).map((fill) => new Float64Array(buckets).fill(fill)) }));
      }
      addRow(this.#kind, row.cells, cells, s * buckets);
    }
    for (const piece of partial.exemplars) this.#pieces.push({ piece, group: ids[piece.group] });
  }

  /** What was added so far. */
  merged(): MergedMetrics {
    const { axis, exemplars } = this.#plan;
    const groupOf = new Map(this.#pieces.map(({ piece, group }) => [piece, group]));
    for (const group of this.#groups.values()) group.exemplars.length = 0;
    const settled = settleExemplars([...groupOf.keys()], axis, exemplars);
    for (const piece of settled) this.#groups.get(groupOf.get(piece) as string)?.exemplars.push(piece);
    const groups = Array.from(this.#groups.values(), ({ values, rows, exemplars }) => ({
      values,
      rows: [...rows.values()].sort((a, b) => a.key - b.key),
      exemplars: [...exemplars],
    })).filter(({ rows, exemplars }) => rows.length > 0 || exemplars.length > 0);
    return { groups, overflowed: [...this.#overflowed] };
  }
}

/** What several jobs counted as if one had. */
export function mergeMetrics(partials: readonly MetricsPartial[], plan: MetricsPlan, maxSeries: number): MergedMetrics {
  const merge = new MetricsMerge(plan, maxSeries);
  for (const partial of partials) merge.add(partial);
  return merge.merged();
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
