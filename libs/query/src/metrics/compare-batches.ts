import type { AttrScope, SpanColumns } from '@vivace/trace';
import type { AttributeScope, IntrinsicName } from '@vivace/traceql';
import { Batch } from '../batch.ts';
import { evaluatePredicate } from '../evaluate-predicate.ts';
import { NeedsBuilder, resolveField } from '../field.ts';
import { loadAhead } from '../load-ahead.ts';
import type { Batches } from '../load-ahead.ts';
import { MaskPool } from '../mask.ts';
import { CellRows } from './cells.ts';
import type { GroupField } from './group-keys.ts';
import { fieldIds } from './level-ids.ts';
import type { MetricsPartial } from './metrics-partial.ts';
import { FULL } from './pair-table.ts';
import { labelled } from './plan-metrics.ts';
import type { ComparePlan } from './plan-metrics.ts';
import { PromisingBatches } from './promising-batches.ts';
import { Scratch } from './scratch.ts';
import { selectSpans } from './select-spans.ts';
import type { Selection } from './select-spans.ts';
import { OFF_AXIS, placeOnAxis } from './time-axis.ts';
import { ABSENT, FIRST_VALUE, ValueTable } from './value-table.ts';
import type { GroupValue } from './value-table.ts';

const INTRINSICS: readonly IntrinsicName[] = [
  'name',
  'kind',
  'status',
  'statusMessage',
  'rootName',
  'rootServiceName',
  'instrumentation:name',
  'instrumentation:version',
];
const SCOPES: readonly (readonly [AttrScope, AttributeScope])[] = [
  ['resource', 'resource'],
  ['span', 'span'],
  ['scope', 'instrumentation'],
];
const SIDES = ['baseline', 'selection'] as const;
/** Distinct values of an attribute that are counted apart; of further ones only that they are there. */
const MAX_VALUES = 10_000;
/** Cells of one attribute. */
const MAX_CELLS = 1_048_576;
/** Values of an attribute and side that one job hands over. */
const MAX_HANDED = 1_000;

/**
 * Counts, on both sides of `compare()`, every value of every attribute of the spans: of resource, span and instrumentation scope, and the intrinsics that
 * name something. The groups of the result are `[side, attribute]`, how many spans have it, and `[side, attribute, value]`, nil for an array or a map.
 */
export async function compareBatches(plan: ComparePlan, batches: Batches, options: { readonly signal?: AbortSignal }): Promise<MetricsPartial> {
  const run = new CompareRun(plan, options.signal);
  const promising = new PromisingBatches(plan, options.signal);
  if (!plan.isEmpty && plan.axis.buckets > 0)
    for await (const { columns, bytesBefore } of loadAhead(promising.of(batches), plan.needs, options.signal)) await run.add(columns, bytesBefore);
  return run.finish(promising.inspectedBytes);
}

class CompareRun {
  readonly #plan: ComparePlan;
  readonly #signal: AbortSignal | undefined;
  readonly #counts = new Map<string, ValueCounts>();
  readonly #masks = new MaskPool();
  readonly #scratch = new Scratch();
  #inspectedTraces = 0;
  #inspectedSpans = 0;
  #inspectedBytes = 0;

  constructor(plan: ComparePlan, signal: AbortSignal | undefined) {
    this.#plan = plan;
    this.#signal = signal;
  }

  async add(columns: SpanColumns, bytesBefore: number): Promise<void> {
    this.#inspectedTraces += columns.traceCount;
    this.#inspectedSpans += columns.spanCount;
    const batch = new Batch(columns, this.#masks, this.#signal);
    const selection = selectSpans(this.#plan, batch, this.#scratch);
    if (selection.count > 0) {
      const sides = this.#sidesOf(batch, selection);
      const fields = await fieldsOf(columns, this.#signal);
      const needs = new NeedsBuilder();
      for (const { field } of fields) needs.addField(field);
      await columns.load(needs, this.#signal);
      for (const { label, field } of fields) {
        let counts = this.#counts.get(label);
        if (!counts) this.#counts.set(label, (counts = new ValueCounts(this.#plan.axis.buckets)));
        const ids = this.#scratch.u32('values', selection.count);
        fieldIds(field, batch, selection, counts.table, this.#scratch, ids);
        counts.add(ids, sides, selection);
      }
    }
    this.#inspectedBytes += columns.inspectedBytes - bytesBefore;
  }

  /** `moreBytes`: read besides. */
  finish(moreBytes: number): MetricsPartial {
    const groups: (readonly GroupValue[])[] = [];
    const cells: Float64Array[] = [];
    for (const [label, counts] of this.#counts) {
      for (const [side, name] of SIDES.entries()) {
        const head = [{ stringValue: name }, { stringValue: label }];
        for (const { value, counted } of counts.best(side)) {
          groups.push(value === 'total' ? head : [...head, value]);
          cells.push(counted);
        }
      }
    }
    const { buckets } = this.#plan.axis;
    const all = new Float64Array(cells.length * buckets);
    cells.forEach((row, i) => all.set(row, i * buckets));
    return {
      groups,
      seriesGroup: Uint32Array.from(groups, (_, i) => i),
      seriesKey: new Uint32Array(groups.length),
      cells: [all],
      exemplars: [],
      overflowed: [],
      inspectedTraces: this.#inspectedTraces,
      inspectedSpans: this.#inspectedSpans,
      inspectedBytes: this.#inspectedBytes + moreBytes,
    };
  }

  /** 1 for the spans of the selection, 0 for those of the baseline. */
  #sidesOf(batch: Batch, { rows, count }: Selection): Uint32Array {
    const { selection, window } = this.#plan;
    const mask = evaluatePredicate(selection, batch);
    const sides = this.#scratch.u32('sides', count);
    for (let i = 0; i < count; i++) sides[i] = mask.bytes[rows ? rows[i] : i];
    batch.masks.give(mask);
    if (window) {
      const places = this.#scratch.u32('values', count);
      placeOnAxis(window, batch.columns.spanStart(), rows, count, places);
      for (let i = 0; i < count; i++) if (places[i] === OFF_AXIS) sides[i] = 0;
    }
    return sides;
  }
}

/** The keys in use come from dictionaries. */
async function fieldsOf(columns: SpanColumns, signal: AbortSignal | undefined): Promise<readonly GroupField[]> {
  const loc = { from: 0, to: 0 };
  const fields = INTRINSICS.map((name) => labelled(resolveField({ kind: 'intrinsic', name, loc })));
  for (const [attrScope, scope] of SCOPES) {
    const keys = new Set(await columns.attrKeys(attrScope, signal));
    // Every resource has one, if only "".
    if (scope === 'resource') keys.add('service.name');
    for (const name of keys) fields.push(labelled(resolveField({ kind: 'attribute', scope, name, parent: false, loc })));
  }
  return fields;
}

/** Row 0 of a side is all spans with the attribute, row 1 those whose value is no scalar, then one row a value. */
const TOTAL = 0;
const NIL = 1;
const VALUES = 2;

/** The values of one attribute, counted by side and bucket. */
class ValueCounts {
  readonly table: ValueTable;
  readonly #cells: CellRows;

  constructor(buckets: number) {
    this.table = new ValueTable(Math.max(1, Math.min(MAX_VALUES, Math.floor(MAX_CELLS / (2 * buckets)))));
    this.#cells = new CellRows(buckets, [0]);
  }

  add(ids: Uint32Array, sides: Uint32Array, { buckets, count }: Selection): void {
    this.#cells.ensure(2 * (VALUES + this.table.size));
    const [cells] = this.#cells.arrays;
    const { width } = this.#cells;
    for (let i = 0; i < count; i++) {
      const id = ids[i];
      if (id === ABSENT) continue;
      const at = sides[i] * width + buckets[i];
      cells[2 * TOTAL * width + at]++;
      if (id !== FULL) cells[2 * (id < FIRST_VALUE ? NIL : id - FIRST_VALUE + VALUES) * width + at]++;
    }
  }

  /** The total and the most frequent values of a side; nothing when no span there has the attribute. */
  best(side: number): readonly { readonly value: GroupValue | 'total'; readonly counted: Float64Array }[] {
    const { width } = this.#cells;
    const [cells] = this.#cells.arrays;
    const rowOf = (row: number): Float64Array => cells.subarray((2 * row + side) * width, (2 * row + side + 1) * width);
    const rows = Array.from({ length: this.table.size + VALUES }, (_, row) => {
      const counted = rowOf(row);
      let total = 0;
      for (let b = 0; b < width; b++) total += counted[b];
      return { value: row === TOTAL ? ('total' as const) : row === NIL ? undefined : this.table.value(row - VALUES + FIRST_VALUE), counted, total };
    });
    const [all, ...values] = rows.filter(({ total }) => total > 0);
    return all ? [all, ...values.sort((a, b) => b.total - a.total).slice(0, MAX_HANDED)] : [];
  }
}
