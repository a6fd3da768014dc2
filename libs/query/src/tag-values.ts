import { ATTR_BOOL, ATTR_DOUBLE, ATTR_INT, ATTR_STRING } from '@vivace/trace';
import type { AttrColumn, AttrScope, SpanColumns, StringColumn, ValueSummary } from '@vivace/trace';
import { Batch } from './batch.ts';
import { batchesInRange } from './batches-in-range.ts';
import { KIND_NAMES, STATUS_NAMES } from './condition.ts';
import { NeedsBuilder, resolveField } from './field.ts';
import type { Field, Level } from './field.ts';
import { stringColumn } from './intrinsic-columns.ts';
import { MaskPool } from './mask.ts';
import type { QueryOptions, TagValue, TagValuesRequest, TagValuesResponse } from './model.ts';
import { loadAhead } from './load-ahead.ts';
import type { Batches } from './load-ahead.ts';
import { planSelection, selectedRows } from './span-selection.ts';
import type { SelectedRows, SpanSelection } from './span-selection.ts';

/** Used when the request gives none: values beyond are of no use to anybody who types. */
const DEFAULT_LIMIT = 10_000;

/**
 * The distinct values of a field in `batches`, with types, sorted, at most `limit` (the first in order, whatever the order of batches).
 * Arrays count by element. Status and kind answer their keywords; durations, ids and nested-set numbers answer nothing (contract 1.5).
 */
export async function tagValues(batches: Batches, request: TagValuesRequest, options: QueryOptions = {}): Promise<TagValuesResponse> {
  const asked = resolveField(request.tag);
  const field = asked.kind === 'parent' ? asked.of : asked; // parents are spans of the same traces
  if (keywordsOf(field)) return mergeTagValues([], request);
  if (field.kind === 'intrinsic' && !isText(field)) return { values: [], inspectedBytes: 0 };
  const needs = new NeedsBuilder();
  needs.addField(field);
  const selection = planSelection(request.query, request.range, needs);
  const values = new DistinctValues(request.limit || DEFAULT_LIMIT);
  const masks = new MaskPool();
  let inspectedBytes = 0;
  const answerBySummary = async (columns: SpanColumns): Promise<boolean> => {
    if (selection || field.kind === 'intrinsic' || !columns.summarise) return false;
    const before = columns.inspectedBytes;
    const summaries: ValueSummary[] = [];
    for (const scope of scopesOf(field)) summaries.push(await columns.summarise({ scope, key: field.key }, options.signal));
    inspectedBytes += columns.inspectedBytes - before;
    if (!summaries.every(({ isExact }) => isExact)) return false;
    for (const dict of summaries.flatMap(({ strings = [] }) => strings)) for (let id = 0; id < dict.size; id++) values.add('string', dict.get(id));
    return true;
  };
  const wanted = request.range ? batchesInRange(batches, request.range, options.signal) : batches;
  for await (const { columns, bytesBefore } of loadAhead(without(wanted, answerBySummary), needs, options.signal)) {
    const batch = new Batch(columns, masks, options.signal);
    if (field.kind === 'intrinsic') collectStrings(stringColumn(field.name, batch), field.level, selection, batch, values);
    else for (const scope of scopesOf(field)) collectAttrs(columns.attr(scope, field.key), scope, selection, batch, values);
    inspectedBytes += columns.inspectedBytes - bytesBefore;
  }
  return { values: values.sorted(), inspectedBytes };
}

/** One answer of several, or of none: values united, sorted, cut to `limit`. Keywords are always there. */
export function mergeTagValues(parts: readonly TagValuesResponse[], { limit, tag }: Pick<TagValuesRequest, 'limit' | 'tag'>): TagValuesResponse {
  const values = new DistinctValues(limit || DEFAULT_LIMIT);
  for (const { type, value } of keywordsOf(resolveField(tag)) ?? []) values.add(type, value);
  for (const part of parts) for (const { type, value } of part.values) values.add(type, value);
  return { values: values.sorted(), inspectedBytes: parts.reduce((sum, part) => sum + part.inspectedBytes, 0) };
}

async function* without(batches: Batches, isDone: (columns: SpanColumns) => Promise<boolean>): AsyncGenerator<SpanColumns> {
  for await (const columns of batches) if (!(await isDone(columns))) yield columns;
}

function scopesOf(field: Field & { kind: 'attr' | 'unscoped' }): readonly AttrScope[] {
  return field.kind === 'attr' ? [field.scope] : ['span', 'resource'];
}

function keywordsOf(field: Field): readonly TagValue[] | undefined {
  if (field.kind !== 'intrinsic') return undefined;
  const names = field.name === 'status' ? STATUS_NAMES : field.name === 'kind' ? KIND_NAMES : undefined;
  return names?.map((value) => ({ type: 'keyword', value }));
}

const TEXT_INTRINSICS = new Set(['name', 'statusMessage', 'rootName', 'rootServiceName', 'event:name', 'instrumentation:name', 'instrumentation:version']);

function isText(field: Field & { kind: 'intrinsic' }): boolean {
  return TEXT_INTRINSICS.has(field.name);
}

/** With a point or an exponent, as TraceQL writes what is no int. */
function floatText(value: number): string {
  const text = String(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}

/** A set of values that keeps the first `limit` in order, in memory of a few times that. */
class DistinctValues {
  readonly #limit: number;
  /** Keyed by type and value; the value object is what `sorted` returns. */
  #values = new Map<string, TagValue>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(type: TagValue['type'], value: string): void {
    const key = `${type} ${value}`;
    if (this.#values.has(key)) return;
    this.#values.set(key, { type, value });
    if (this.#values.size >= this.#limit * 4 + 1024) this.#values = new Map(this.sorted().map((kept) => [`${kept.type} ${kept.value}`, kept]));
  }

  sorted(): readonly TagValue[] {
    return [...this.#values.values()].sort(compareValues).slice(0, this.#limit);
  }
}

/** By type, numbers by size, texts by code unit. */
function compareValues(a: TagValue, b: TagValue): number {
  if (a.type !== b.type) return a.type < b.type ? -1 : 1;
  if (a.type === 'int') {
    const x = BigInt(a.value);
    const y = BigInt(b.value);
    return x < y ? -1 : x > y ? 1 : 0;
  }
  if (a.type === 'float' && Number(a.value) !== Number(b.value)) return Number(a.value) < Number(b.value) ? -1 : 1;
  return a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
}

/** Marks the ids in use, then decodes each once. */
function collectStrings(column: StringColumn | undefined, level: Level, selection: SpanSelection | undefined, batch: Batch, values: DistinctValues): void {
  if (!column) return;
  const { ids, dict } = column;
  const rows = batch.rows(level);
  const used = batch.masks.take(dict.size);
  if (selection) {
    const { mask, of } = selectedRows(selection, level, batch);
    for (let row = 0; row < rows; row++) if (mask.bytes[of ? of[row] : row] !== 0) used.bytes[ids[row]] = 1;
    batch.masks.give(mask);
  } else for (let row = 0; row < rows; row++) used.bytes[ids[row]] = 1;
  for (let id = 0; id < dict.size; id++) if (used.bytes[id] !== 0) values.add('string', dict.get(id));
  batch.masks.give(used);
}

function collectAttrs(columns: readonly AttrColumn[], level: Level, selection: SpanSelection | undefined, batch: Batch, values: DistinctValues): void {
  if (columns.length === 0) return;
  const selected = selection && selectedRows(selection, level, batch);
  for (const column of columns) {
    const { types, u32, i64, f64, dict } = column;
    const entries = selected && selectedEntries(column, selected);
    const count = entries?.length ?? column.count;
    const used = batch.masks.take(dict.size);
    const numbers = new Set<number>();
    const wide = new Set<bigint>();
    for (let n = 0; n < count; n++) {
      const i = entries ? entries[n] : n;
      switch (types[i]) {
        case ATTR_STRING:
          used.bytes[u32[2 * i]] = 1;
          break;
        case ATTR_INT: {
          const value = (u32[2 * i + 1] | 0) * 4_294_967_296 + u32[2 * i];
          if (Number.isSafeInteger(value)) numbers.add(value);
          else wide.add(i64[i]);
          break;
        }
        case ATTR_DOUBLE:
          values.add('float', floatText(f64[i]));
          break;
        case ATTR_BOOL:
          values.add('bool', u32[2 * i] === 1 ? 'true' : 'false');
          break;
        default:
      }
    }
    for (const value of numbers) values.add('int', String(value));
    for (const value of wide) values.add('int', String(value));
    for (let id = 0; id < dict.size; id++) if (used.bytes[id] !== 0) values.add('string', dict.get(id));
    batch.masks.give(used);
  }
  if (selected) batch.masks.give(selected.mask);
}

/** Without branches: which entry is selected is anybody's guess. */
function selectedEntries({ rows, count }: AttrColumn, { mask, of }: SelectedRows): Uint32Array {
  const { bytes } = mask;
  const out = new Uint32Array(count + 1);
  let n = 0;
  if (of) {
    for (let i = 0; i < count; i++) {
      out[n] = i;
      n += bytes[of[rows[i]]];
    }
  } else {
    for (let i = 0; i < count; i++) {
      out[n] = i;
      n += bytes[rows[i]];
    }
  }
  return out.subarray(0, n);
}
