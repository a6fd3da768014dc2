import type { AttrEntries, AttrScope, SpanColumns } from '@vivace/trace';
import type { AttributeScope, IntrinsicName } from '@vivace/traceql';
import { Batch } from '../batch.ts';
import { evaluatePredicate } from '../evaluate-predicate.ts';
import { NeedsBuilder, resolveField } from '../field.ts';
import { loadAhead } from '../load-ahead.ts';
import type { Batches } from '../load-ahead.ts';
import { MaskPool } from '../mask.ts';
import { CompareCounts } from './compare-counts.ts';
import type { GroupField } from './group-keys.ts';
import { fieldIds } from './level-ids.ts';
import { ListedAttrs } from './listed-attrs.ts';
import type { SpansOfRows } from './listed-attrs.ts';
import type { MetricsPartial } from './metrics-partial.ts';
import { labelled } from './plan-metrics.ts';
import type { ComparePlan } from './plan-metrics.ts';
import { PromisingBatches } from './promising-batches.ts';
import { Scratch } from './scratch.ts';
import { needsOf, selectSpans } from './select-spans.ts';
import type { Selection } from './select-spans.ts';
import { OFF_AXIS, placeOnAxis } from './time-axis.ts';

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
/** Every resource has one, if only "". */
const ALWAYS_THERE = { key: 'service.name', label: 'resource.service.name' };
/** Columns fetched together: a few reads of storage, and not all columns in memory. */
const FIELDS_AT_ONCE = 8;

/**
 * Counts, on both sides of `compare()`, every value of every attribute of the spans: of resource, span and instrumentation scope, and the intrinsics that
 * name something. The groups of the result are `[side, attribute]`, how many spans have it, and `[side, attribute, value]`, nil for an array or a map.
 * Attributes that share a list are counted in one pass over it, the others a few at a time; columns that only this query looks at are not kept.
 */
export async function compareBatches(plan: ComparePlan, batches: Batches, options: CompareOptions): Promise<MetricsPartial> {
  const run = new CompareRun(plan, options);
  const promising = new PromisingBatches(plan, options.signal);
  if (!plan.isEmpty && plan.axis.buckets > 0)
    for await (const { columns, bytesBefore } of loadAhead(promising.of(batches), needsOf(plan, options.without), options.signal, 1))
      await run.add(columns, bytesBefore);
  return run.finish(promising.inspectedBytes);
}

interface CompareOptions {
  /** See `MetricsOptions`. */
  readonly without?: Uint8Array;
  readonly signal?: AbortSignal;
}

class CompareRun {
  readonly #plan: ComparePlan;
  readonly #signal: AbortSignal | undefined;
  readonly #without: Uint8Array | undefined;
  readonly #counts: CompareCounts;
  readonly #masks = new MaskPool();
  readonly #scratch = new Scratch();
  #inspectedTraces = 0;
  #inspectedSpans = 0;
  #inspectedBytes = 0;

  constructor(plan: ComparePlan, { without, signal }: CompareOptions) {
    this.#plan = plan;
    this.#signal = signal;
    this.#without = without;
    this.#counts = new CompareCounts(plan.axis.buckets);
  }

  async add(columns: SpanColumns, bytesBefore: number): Promise<void> {
    this.#inspectedTraces += columns.traceCount;
    this.#inspectedSpans += columns.spanCount;
    const batch = new Batch(columns, this.#masks, this.#signal);
    const selection = selectSpans(this.#plan, batch, this.#scratch, this.#without);
    if (selection.count > 0) {
      const cells = this.#cellsOf(batch, selection);
      await this.#countFields(
        INTRINSICS.map((name) => labelled(resolveField({ kind: 'intrinsic', name, loc: NOWHERE }))),
        columns,
        selection,
        cells,
      );
      for (const [attrScope, scope] of SCOPES) {
        const keys = new Set(await this.#countListed(attrScope, scope, columns, selection, cells));
        if (scope === 'resource') keys.add(ALWAYS_THERE.key);
        const fields = Array.from(keys, (name) => labelled(resolveField({ kind: 'attribute', scope, name, parent: false, loc: NOWHERE })));
        await this.#countFields(fields, columns, selection, cells);
      }
    }
    this.#inspectedBytes += columns.inspectedBytes - bytesBefore;
  }

  /** `moreBytes`: read besides. */
  finish(moreBytes: number): MetricsPartial {
    const { groups, cells } = this.#counts.hand(this.#plan.topN);
    return {
      groups,
      seriesGroup: Uint32Array.from(groups, (_, i) => i),
      seriesKey: new Uint32Array(groups.length),
      cells: [cells],
      exemplars: [],
      overflowed: this.#counts.isFull ? ['compare()'] : [],
      inspectedTraces: this.#inspectedTraces,
      inspectedSpans: this.#inspectedSpans,
      inspectedBytes: this.#inspectedBytes + moreBytes,
    };
  }

  /** Where each span counts within a row of cells: its bucket, behind those of the baseline when it is of the selection. */
  #cellsOf(batch: Batch, { rows, buckets, count }: Selection): Uint32Array {
    const { selection, window, axis } = this.#plan;
    const mask = evaluatePredicate(selection, batch);
    const cells = this.#scratch.u32('cells', count);
    for (let i = 0; i < count; i++) cells[i] = buckets[i] + mask.bytes[rows ? rows[i] : i] * axis.buckets;
    batch.masks.give(mask);
    if (window) {
      const places = this.#scratch.u32('values', count);
      placeOnAxis(window, batch.columns.spanStart(), rows, count, places);
      for (let i = 0; i < count; i++) if (places[i] === OFF_AXIS) cells[i] = buckets[i];
    }
    return cells;
  }

  async #countFields(fields: readonly GroupField[], columns: SpanColumns, selection: Selection, cells: Uint32Array): Promise<void> {
    for (let from = 0; from < fields.length; from += FIELDS_AT_ONCE) {
      const some = fields.slice(from, from + FIELDS_AT_ONCE);
      const needs = new NeedsBuilder();
      for (const { field } of some) needs.addField(field);
      const passing = columns.passing?.() ?? columns;
      await passing.load(needs, this.#signal);
      const batch = new Batch(passing, this.#masks, this.#signal);
      for (const { label, field } of some) {
        batch.checkpoint();
        const counts = this.#counts.of(label);
        if (!counts) continue;
        const ids = this.#scratch.u32('values', selection.count);
        fieldIds(field, batch, selection, counts.table, this.#scratch, ids);
        counts.addAll(ids, cells, selection.count);
      }
    }
  }

  /** Counts what one pass can; resolves to the keys left, which dictionaries tell. */
  async #countListed(scope: AttrScope, labelScope: string, columns: SpanColumns, selection: Selection, cells: Uint32Array): Promise<readonly string[]> {
    if (!columns.visitAttrs) return columns.attrKeys(scope, this.#signal);
    // Who belongs to which resource most queries ask: that is kept.
    const base = scope === 'scope' ? (columns.passing?.() ?? columns) : columns;
    if (scope !== 'span') await base.load({ columns: new Set([scope === 'scope' ? scope : 'resource']), attrs: [] }, this.#signal);
    const spans = this.#spansOfRows(scope, base, selection, cells);
    const { starts } = spans;
    const rows = this.#scratch.u32('level rows', starts.length);
    let n = 0;
    for (let row = 0; row + 1 < starts.length; row++) if (starts[row + 1] > starts[row]) rows[n++] = row;
    const listed = new ListedAttrs(this.#counts, labelScope, ALWAYS_THERE.label, spans, this.#scratch);
    const visit = (slice: AttrEntries): void => {
      this.#signal?.throwIfAborted();
      listed.add(slice);
    };
    return (await base.visitAttrs?.(scope, rows.subarray(0, n), visit, this.#signal)) ?? [];
  }

  /** The cells of the spans selected, by their row of the level: each row's together. */
  #spansOfRows(scope: AttrScope, columns: SpanColumns, { rows, count }: Selection, cells: Uint32Array): SpansOfRows {
    const owner = scope === 'resource' ? columns.spanResource() : scope === 'scope' ? columns.spanScope() : undefined;
    const levelRows = scope === 'resource' ? columns.resourceCount() : scope === 'scope' ? columns.scopeCount() : columns.spanCount;
    const ends = this.#scratch.zeroU32('row ends', levelRows + 1).subarray(0, levelRows + 1);
    const rowOf = (i: number): number => {
      const span = rows ? rows[i] : i;
      return owner ? owner[span] : span;
    };
    for (let i = 0; i < count; i++) ends[rowOf(i)]++;
    for (let row = 0, end = 0; row <= levelRows; row++) ends[row] = end += ends[row];
    const out = this.#scratch.u32('row cells', count);
    // Filled from behind: what was the end of a row becomes its start.
    for (let i = count - 1; i >= 0; i--) out[--ends[rowOf(i)]] = cells[i];
    return { starts: ends, columns: out };
  }
}

const NOWHERE = { from: 0, to: 0 };
