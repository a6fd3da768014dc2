import { ATTR_BOOL, ATTR_DOUBLE, ATTR_INT, ATTR_STRING } from '@vivace/trace';
import type { AttrColumn } from '@vivace/trace';
import type { IntrinsicName } from '@vivace/traceql';
import type { Batch } from '../batch.ts';
import { Cell } from '../cell.ts';
import { KIND_NAMES, STATUS_NAMES } from '../condition.ts';
import { fieldProgram } from '../field-program.ts';
import type { Field, Level } from '../field.ts';
import { stringColumn } from '../intrinsic-columns.ts';
import { spread } from '../mask.ts';
import { standingRows } from '../standing-rows.ts';
import type { Scratch } from './scratch.ts';
import type { Selection } from './select-spans.ts';
import { ABSENT, EMPTY, SEVERAL } from './value-table.ts';
import type { ValueTable } from './value-table.ts';

/**
 * Writes the id of the field's value (of `table`) for every span of the selection to `out`. No value is an id below `FIRST_VALUE`. A value is
 * looked up once per resource, scope, trace or string of a dictionary, and only where a selected span has it.
 */
export function fieldIds(field: Field, batch: Batch, selection: Selection, table: ValueTable, scratch: Scratch, out: Uint32Array): void {
  const { rows, count } = selection;
  const { columns } = batch;
  switch (field.level) {
    case 'span': {
      const dense = field.kind === 'intrinsic' ? denseTexts(field.name, batch) : undefined;
      if (dense) textIds(dense, rows, count, table, out);
      else pick(spanIds(field, batch, selection.mask, table, scratch), rows, count, out);
      return;
    }
    case 'resource':
    case 'scope':
    case 'trace': {
      const owner = field.level === 'resource' ? columns.spanResource() : field.level === 'scope' ? columns.spanScope() : batch.spanTrace();
      const used = scratch.zeroBytes('used', batch.rows(field.level));
      if (rows) for (let i = 0; i < count; i++) used[owner[rows[i]]] = 1;
      else used.fill(1);
      const ids = scratch.zeroU32('level ids', batch.rows(field.level));
      levelIds(field, batch, used, table, ids);
      if (rows) for (let i = 0; i < count; i++) out[i] = ids[owner[rows[i]]];
      else for (let row = 0; row < count; row++) out[row] = ids[owner[row]];
      return;
    }
    case 'event':
    case 'link': {
      const ids = scratch.zeroU32('span ids', columns.spanCount);
      firstIds(field, field.level, batch, selection, table, scratch, ids);
      pick(ids, rows, count, out);
    }
  }
}

function pick(ids: Uint32Array, rows: Uint32Array | undefined, count: number, out: Uint32Array): void {
  if (rows) for (let i = 0; i < count; i++) out[i] = ids[rows[i]];
  else out.set(ids.subarray(0, count));
}

/** One id a span row; the spans that are not in `mask` have any. */
function spanIds(field: Field, batch: Batch, mask: Uint8Array | undefined, table: ValueTable, scratch: Scratch): Uint32Array {
  const { columns } = batch;
  const { spanCount } = columns;
  const ids = scratch.zeroU32('span ids', spanCount);
  if (field.kind === 'unscoped') {
    levelIds({ kind: 'attr', level: 'span', scope: 'span', key: field.key, emptyWhenMissing: false }, batch, mask, table, ids);
    const owner = columns.spanResource();
    const used = scratch.zeroBytes('used', columns.resourceCount());
    for (let row = 0; row < spanCount; row++) if (ids[row] === ABSENT && (!mask || mask[row] !== 0)) used[owner[row]] = 1;
    const shared = scratch.zeroU32('level ids', columns.resourceCount());
    const { key, emptyWhenMissing } = field;
    levelIds({ kind: 'attr', level: 'resource', scope: 'resource', key, emptyWhenMissing }, batch, used, table, shared);
    for (let row = 0; row < spanCount; row++) if (ids[row] === ABSENT) ids[row] = shared[owner[row]];
  } else levelIds(field, batch, mask, table, ids);
  return ids;
}

/** Of several events (links) of a span the first with a value gives it, of those that stand for the span before others. */
function firstIds(
  field: Field,
  level: 'event' | 'link',
  batch: Batch,
  { mask, filters }: Selection,
  table: ValueTable,
  scratch: Scratch,
  out: Uint32Array,
): void {
  const { columns } = batch;
  const rows = batch.rows(level);
  const owner = level === 'event' ? columns.eventSpan() : columns.linkSpan();
  let used: Uint8Array | undefined;
  if (mask) spread(mask, owner, rows, (used = scratch.zeroBytes('used', rows)));
  const ids = scratch.zeroU32('level ids', rows);
  levelIds(field, batch, used, table, ids);
  const stands = standingRows(filters, level, batch);
  if (stands) for (let row = 0; row < rows; row++) if (stands[row] !== 0 && ids[row] >= SEVERAL && out[owner[row]] === ABSENT) out[owner[row]] = ids[row];
  for (let row = 0; row < rows; row++) if (ids[row] >= SEVERAL && out[owner[row]] === ABSENT) out[owner[row]] = ids[row];
}

/** Ids of the rows of the field's own level with `used[row] = 1` (all, without). `out` starts as `ABSENT`. */
function levelIds(field: Field, batch: Batch, used: Uint8Array | undefined, table: ValueTable, out: Uint32Array): void {
  const rows = batch.rows(field.level);
  if (field.kind === 'attr') {
    for (const column of batch.columns.attr(field.scope, field.key)) attrIds(column, used, table, out);
    if (field.emptyWhenMissing) {
      let empty = ABSENT;
      for (let row = 0; row < rows; row++) {
        if (out[row] !== ABSENT || (used && used[row] === 0)) continue;
        if (empty === ABSENT) empty = table.text('');
        out[row] = empty;
      }
    }
    return;
  }
  const dense = field.kind === 'intrinsic' ? denseTexts(field.name, batch) : undefined;
  if (dense) usedTextIds(dense, used, rows, table, out);
  else cellIds(field, field.level, batch, used, table, out, rows);
}

/** Several entries of one row are an array; of one element it is that element. */
function attrIds(column: AttrColumn, used: Uint8Array | undefined, table: ValueTable, out: Uint32Array): void {
  const { count, rows, types, u32, f64, dict } = column;
  const known = new Uint32Array(dict.size);
  for (let i = 0; i < count; i++) {
    const row = rows[i];
    if (used !== undefined && used[row] === 0) continue;
    let id = EMPTY;
    switch (types[i]) {
      case ATTR_STRING:
        id = known[u32[2 * i]];
        if (id === 0) id = known[u32[2 * i]] = table.text(dict.get(u32[2 * i]));
        break;
      case ATTR_INT:
        id = table.int(u32[2 * i], u32[2 * i + 1]);
        break;
      case ATTR_DOUBLE:
        id = table.float(f64[i]);
        break;
      case ATTR_BOOL:
        id = table.bool(u32[2 * i]);
        break;
      default:
    }
    if (out[row] <= EMPTY) out[row] = Math.max(out[row], id);
    else if (id > EMPTY) out[row] = SEVERAL;
  }
}

/** A text for every row of a level, by number. */
interface DenseTexts {
  readonly ids: Uint32Array | Uint8Array;
  /** Ids are below. */
  readonly size: number;
  text(id: number): string;
}

/** The texts of an intrinsic that has few. */
function denseTexts(name: IntrinsicName, batch: Batch): DenseTexts | undefined {
  const strings = stringColumn(name, batch);
  if (strings) return { ids: strings.ids, size: strings.dict.size, text: (id) => strings.dict.get(id) };
  const code = (ids: Uint8Array, names: readonly string[]): DenseTexts => ({ ids, size: 256, text: (id) => names[id] ?? String(id) });
  if (name === 'status') return code(batch.columns.status(), STATUS_NAMES);
  return name === 'kind' ? code(batch.columns.kind(), KIND_NAMES) : undefined;
}

function textIds({ ids, size, text }: DenseTexts, rows: Uint32Array | undefined, count: number, table: ValueTable, out: Uint32Array): void {
  const known = new Uint32Array(size);
  for (let i = 0; i < count; i++) {
    const at = ids[rows === undefined ? i : rows[i]];
    let id = known[at];
    if (id === 0) id = known[at] = table.text(text(at));
    out[i] = id;
  }
}

function usedTextIds({ ids, size, text }: DenseTexts, used: Uint8Array | undefined, rows: number, table: ValueTable, out: Uint32Array): void {
  const known = new Uint32Array(size);
  for (let row = 0; row < rows; row++) {
    if (used !== undefined && used[row] === 0) continue;
    const at = ids[row];
    let id = known[at];
    if (id === 0) id = known[at] = table.text(text(at));
    out[row] = id;
  }
}

const cell = new Cell();

/** Everything else, value by value. */
function cellIds(field: Field, level: Level, batch: Batch, used: Uint8Array | undefined, table: ValueTable, out: Uint32Array, rows: number): void {
  const program = fieldProgram(field, batch, level);
  for (let row = 0; row < rows; row++) {
    if (used !== undefined && used[row] === 0) continue;
    const n = program.count(row);
    if (n === 1) {
      program.read(0, cell);
      out[row] = table.cell(cell);
    } else if (n >= 0) out[row] = n === 0 ? EMPTY : SEVERAL;
  }
}
