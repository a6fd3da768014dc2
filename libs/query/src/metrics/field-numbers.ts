import { ATTR_DOUBLE, ATTR_INT, ATTR_JSON } from '@vivace/trace';
import type { AttrColumn } from '@vivace/trace';
import type { Batch } from '../batch.ts';
import { Cell, isNumeric } from '../cell.ts';
import { fieldProgram } from '../field-program.ts';
import { standingRows } from '../standing-rows.ts';
import type { Field } from '../field.ts';
import type { Scratch } from './scratch.ts';
import type { Selection } from './select-spans.ts';

/** Whether the field's numbers are nanoseconds, which answers show as seconds. */
export function isDurationField(field: Field): boolean {
  return field.kind === 'intrinsic' && (field.name === 'duration' || field.name === 'traceDuration' || field.name === 'event:timeSinceStart');
}

/**
 * The number of the field for every span of the selection, NaN where it has none: nothing there, an array, another type, an infinity. Of events and
 * links the first with any value gives it, of those that stand for the span before others. Borrowed until the next batch; not to be written into.
 */
export function fieldNumbers(field: Field, batch: Batch, selection: Selection, scratch: Scratch): Float64Array {
  const { rows, count, filters } = selection;
  const { columns } = batch;
  const out = scratch.f64('numbers', count + 1);
  if (field.kind === 'intrinsic' && field.name === 'duration') {
    const durations = columns.spanDuration();
    if (!rows) return durations;
    for (let i = 0; i < count; i++) out[i] = durations[rows[i]];
    return out;
  }
  switch (field.level) {
    case 'span':
    case 'resource':
    case 'scope':
    case 'trace': {
      if (field.kind === 'unscoped') {
        unscopedNumbers(field.key, batch, selection, scratch, out);
        return out;
      }
      const { values } = levelNumbers(field, batch, scratch, 'own');
      const owner = ownerOf(field.level, batch);
      if (owner) for (let i = 0; i < count; i++) out[i] = values[owner[rows ? rows[i] : i]];
      else if (!rows) return values;
      else for (let i = 0; i < count; i++) out[i] = values[rows[i]];
      return out;
    }
    case 'event':
    case 'link': {
      const owner = field.level === 'event' ? columns.eventSpan() : columns.linkSpan();
      const { values, found } = levelNumbers(field, batch, scratch, 'own');
      const spans = scratch.f64('span numbers', columns.spanCount).fill(Number.NaN, 0, columns.spanCount);
      // Backwards, so that the first stays.
      const last = batch.rows(field.level) - 1;
      for (let row = last; row >= 0; row--) if (found[row] >= ONE) spans[owner[row]] = values[row];
      const stands = standingRows(filters, field.level, batch);
      if (stands) for (let row = last; row >= 0; row--) if (stands[row] !== 0 && found[row] >= ONE) spans[owner[row]] = values[row];
      if (!rows) return spans;
      for (let i = 0; i < count; i++) out[i] = spans[rows[i]];
      return out;
    }
  }
}

function ownerOf(level: 'span' | 'resource' | 'scope' | 'trace', batch: Batch): Uint32Array | undefined {
  switch (level) {
    case 'span':
      return undefined;
    case 'resource':
      return batch.columns.spanResource();
    case 'scope':
      return batch.columns.spanScope();
    case 'trace':
      return batch.spanTrace();
  }
}

/** What was found in a row: 0 nothing, then `EXISTS` without a scalar, `ONE` value, or `MANY`. */
const EXISTS = 1;
const ONE = 2;
const MANY = 3;

interface LevelNumbers {
  /** NaN unless there is exactly one value and it is a number. */
  readonly values: Float64Array;
  readonly found: Uint8Array;
}

function levelNumbers(field: Field, batch: Batch, scratch: Scratch, name: string): LevelNumbers {
  const rows = batch.rows(field.level);
  const values = scratch.f64(`${name} numbers`, rows).fill(Number.NaN, 0, rows);
  const found = scratch.zeroBytes(`${name} found`, rows);
  if (field.kind === 'attr') {
    for (const column of batch.columns.attr(field.scope, field.key)) attrNumbers(column, values, found);
    return { values, found };
  }
  const cell = new Cell();
  const program = fieldProgram(field, batch, field.level);
  for (let row = 0; row < rows; row++) {
    const n = program.count(row);
    found[row] = n === 1 ? ONE : n > 1 ? MANY : n === 0 ? EXISTS : 0;
    if (n !== 1) continue;
    program.read(0, cell);
    if (isNumeric(cell) && Number.isFinite(cell.num)) values[row] = cell.num;
  }
  return { values, found };
}

function attrNumbers(column: AttrColumn, values: Float64Array, found: Uint8Array): void {
  const { count, rows, types, u32, f64 } = column;
  for (let i = 0; i < count; i++) {
    const row = rows[i];
    const type = types[i];
    if (type === ATTR_JSON) {
      if (found[row] === 0) found[row] = EXISTS;
    } else if (found[row] >= ONE) {
      found[row] = MANY;
      values[row] = Number.NaN;
    } else {
      found[row] = ONE;
      if (type === ATTR_INT) values[row] = (u32[2 * i + 1] | 0) * 4_294_967_296 + u32[2 * i];
      else if (type === ATTR_DOUBLE && Number.isFinite(f64[i])) values[row] = f64[i];
    }
  }
}

/** The span's value wherever it has the key, else the resource's. */
function unscopedNumbers(key: string, batch: Batch, { rows, count }: Selection, scratch: Scratch, out: Float64Array): void {
  const own = levelNumbers({ kind: 'attr', level: 'span', scope: 'span', key, emptyWhenMissing: false }, batch, scratch, 'own');
  const shared = levelNumbers({ kind: 'attr', level: 'resource', scope: 'resource', key, emptyWhenMissing: false }, batch, scratch, 'shared');
  const owner = batch.columns.spanResource();
  for (let i = 0; i < count; i++) {
    const row = rows ? rows[i] : i;
    out[i] = own.found[row] === 0 ? shared.values[owner[row]] : own.values[row];
  }
}
