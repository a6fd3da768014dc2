import type { SpanColumns } from '@vivace/trace';
import { Batch } from '../batch.ts';
import { loadAhead } from '../load-ahead.ts';
import type { Batches, LoadedBatch } from '../load-ahead.ts';
import { MaskPool } from '../mask.ts';
import { Accumulator } from './accumulate.ts';
import { cellFills, cellKind, presenceOf } from './cells.ts';
import type { CellKind } from './cells.ts';
import { ExemplarChooser } from './choose-exemplars.ts';
import { compareBatches } from './compare-batches.ts';
import { fieldNumbers, isDurationField } from './field-numbers.ts';
import { GroupKeys } from './group-keys.ts';
import { mostGroups, mostRows } from './limits.ts';
import type { MetricsPartial } from './metrics-partial.ts';
import type { FunctionPlan, MetricsPlan } from './plan-metrics.ts';
import { PromisingBatches } from './promising-batches.ts';
import { Scratch } from './scratch.ts';
import { needsOf, selectSpans } from './select-spans.ts';
import type { GroupValue } from './value-table.ts';

export interface MetricsOptions {
  /** Most series counted; spans of further groups are left out, and the answer says so. */
  readonly maxSeries: number;
  /** Traces that are not asked for: 16 bytes each, ascending. */
  readonly without?: Uint8Array;
  readonly signal?: AbortSignal;
}

/** For all queries of the thread: a batch is counted in one turn. */
const scratch = new Scratch();

/** Counts the spans of batches in any order, however divided into calls: the merged answer is the same as long as no limit is met. */
export async function metricsBatches(plan: MetricsPlan, batches: Batches, options: MetricsOptions): Promise<MetricsPartial> {
  if (plan.kind === 'compare') return compareBatches(plan, batches, options);
  const needs = needsOf(plan, options.without);
  const run = new MetricsRun(plan, options);
  const promising = new PromisingBatches(plan, options.signal);
  if (!plan.isEmpty && plan.axis.buckets > 0) for await (const batch of loadAhead(promising.of(batches), needs, options.signal)) run.add(batch);
  return run.finish(promising.inspectedBytes);
}

class MetricsRun {
  readonly #plan: FunctionPlan;
  readonly #signal: AbortSignal | undefined;
  readonly #without: Uint8Array | undefined;
  readonly #kind: CellKind;
  readonly #keys: GroupKeys;
  readonly #accumulator: Accumulator;
  readonly #exemplars: ExemplarChooser | undefined;
  readonly #masks = new MaskPool();
  #inspectedTraces = 0;
  #inspectedSpans = 0;
  #inspectedBytes = 0;

  constructor(plan: FunctionPlan, { maxSeries, without, signal }: MetricsOptions) {
    this.#plan = plan;
    this.#signal = signal;
    this.#without = without;
    this.#kind = cellKind(plan.metrics.op);
    // A span without a duration was not measured: it would stand in every heatmap as a bucket of zero seconds.
    const isDuration = plan.operand !== undefined && isDurationField(plan.operand);
    this.#keys = new GroupKeys(plan.by, mostGroups(plan, maxSeries));
    this.#accumulator = new Accumulator(this.#kind, plan.axis.buckets, Math.min(maxSeries, mostRows(plan.axis.buckets)), isDuration);
    this.#exemplars = plan.exemplars > 0 ? new ExemplarChooser(plan.axis, plan.exemplars, plan.exemplarFields) : undefined;
  }

  add({ columns, bytesBefore }: LoadedBatch): void {
    this.#inspectedTraces += columns.traceCount;
    this.#inspectedSpans += columns.spanCount;
    this.#count(columns);
    this.#inspectedBytes += columns.inspectedBytes - bytesBefore;
  }

  #count(columns: SpanColumns): void {
    const plan = this.#plan;
    const batch = new Batch(columns, this.#masks, this.#signal);
    const selection = selectSpans(plan, batch, scratch, this.#without);
    if (selection.count === 0) return;
    const groups = this.#keys.assign(batch, selection, scratch);
    const numbers = plan.operand && fieldNumbers(plan.operand, batch, selection, scratch);
    this.#accumulator.add(selection, groups, this.#keys.size, numbers);
    this.#exemplars?.add(batch, selection, groups, numbers);
  }

  /** `moreBytes`: read besides. */
  finish(moreBytes: number): MetricsPartial {
    const { buckets } = this.#plan.axis;
    const { group, key, rows, cells } = this.#accumulator.result();
    const presence = presenceOf(this.#kind);
    const untouched = cellFills(this.#kind)[presence];
    const groups: (readonly GroupValue[])[] = [];
    const numbers = new Map<number, number>();
    const numberOf = (of: number): number => {
      let number = numbers.get(of);
      if (number === undefined) {
        numbers.set(of, (number = groups.length));
        groups.push(this.#keys.valuesOf(of));
      }
      return number;
    };
    const used: number[] = [];
    for (let row = 0; row < rows; row++) {
      const array = cells[presence];
      let cell = row * buckets;
      const end = cell + buckets;
      while (cell < end && Object.is(array[cell], untouched)) cell++;
      if (cell < end) used.push(row);
    }
    return {
      seriesGroup: Uint32Array.from(used, (row) => numberOf(group(row))),
      seriesKey: Uint32Array.from(used, key),
      cells: cells.map((array) => pickRows(array, used, buckets)),
      // Of a group without a number there is no series.
      exemplars: (this.#exemplars?.chosen() ?? []).map((piece) => ({ ...piece, group: numberOf(piece.group) })),
      groups,
      overflowed: [...this.#keys.overflowed, ...(this.#accumulator.isFull ? ['__bucket'] : [])],
      inspectedTraces: this.#inspectedTraces,
      inspectedSpans: this.#inspectedSpans,
      inspectedBytes: this.#inspectedBytes + moreBytes,
    };
  }
}

function pickRows(array: Float64Array, rows: readonly number[], width: number): Float64Array {
  const out = new Float64Array(rows.length * width);
  rows.forEach((row, i) => out.set(array.subarray(row * width, (row + 1) * width), i * width));
  return out;
}
