import { hex } from '@vivace/base';
import { ATTR_BOOL, ATTR_DOUBLE, ATTR_INT, ATTR_JSON, ATTR_STRING } from '@vivace/trace';
import type { AttrColumn } from '@vivace/trace';
import type { IntrinsicName } from '@vivace/traceql';
import type { Batch } from './batch.ts';
import { CELL_BOOL, CELL_DURATION, CELL_FLOAT, CELL_INT, CELL_KIND, CELL_STATUS } from './cell.ts';
import type { Cell } from './cell.ts';
import type { Field, Level } from './field.ts';
import { idColumn, stringColumn } from './intrinsic-columns.ts';
import { Cursor, rowMap } from './row-map.ts';
import type { Binding, RowMap } from './row-map.ts';

/** `count` of a field whose key is not there at all: an unscoped name is then looked up on the resource. */
export const ABSENT = -1;

/**
 * An expression made ready for one batch, evaluated row by row. Mostly 0 or 1 values; an attribute may have several (arrays, the
 * events of a span). After `count(row)` the values are read into the caller's cell.
 */
export interface Program {
  /** Number of values; 0 or `ABSENT` when there is none. */
  count(row: number): number;
  read(index: number, cell: Cell): void;
}

/** The values of a field, seen from rows of `level`. */
export function fieldProgram(field: Field, batch: Batch, level: Level, binding?: Binding): Program {
  if (field.kind === 'attr') {
    return attrProgram(batch.columns.attr(field.scope, field.key), rowMap(level, field.level, batch, binding), field.emptyWhenMissing);
  }
  if (field.kind === 'parent') {
    const map = rowMap(level, 'span', batch);
    const parents = batch.parentRows();
    const program = fieldProgram(field.of, batch, 'span');
    return {
      count(row) {
        map.at(row);
        return parents[map.from] < 0 ? ABSENT : program.count(parents[map.from]);
      },
      read: (index, cell) => program.read(index, cell),
    };
  }
  if (field.kind === 'unscoped') {
    const own = attrProgram(batch.columns.attr('span', field.key), rowMap(level, 'span', batch), false);
    const shared = attrProgram(batch.columns.attr('resource', field.key), rowMap(level, 'resource', batch), field.emptyWhenMissing);
    let source = own;
    return {
      count(row) {
        source = own;
        const n = own.count(row);
        if (n !== ABSENT) return n;
        source = shared;
        return shared.count(row);
      },
      read: (index, cell) => source.read(index, cell),
    };
  }
  const map = rowMap(level, field.level, batch, binding);
  const read = intrinsicReader(field.name, batch);
  return {
    count(row) {
      map.at(row);
      return map.to > map.from ? map.to - map.from : ABSENT;
    },
    read: (index, cell) => read(map.from + index, cell),
  };
}

function attrProgram(columns: readonly AttrColumn[], map: RowMap, emptyWhenMissing: boolean): Program {
  const cursors = columns.map((column) => new Cursor(column.rows, column.count));
  const entries: number[] = [];
  const sources: AttrColumn[] = [];
  let isEmptyText = false;
  return {
    count(row) {
      map.at(row);
      let isPresent = false;
      let n = 0;
      isEmptyText = false;
      for (let c = 0; c < columns.length; c++) {
        const column = columns[c];
        const { rows, count, types } = column;
        for (let i = cursors[c].seek(map.from); i < count && rows[i] < map.to; i++) {
          isPresent = true;
          if (types[i] === ATTR_JSON) continue;
          entries[n] = i;
          sources[n++] = column;
        }
      }
      if (isPresent) return n;
      isEmptyText = emptyWhenMissing && map.to > map.from;
      return isEmptyText ? 1 : ABSENT;
    },
    read(index, cell) {
      if (isEmptyText) cell.setText('');
      else readEntry(sources[index], entries[index], cell);
    },
  };
}

function readEntry(column: AttrColumn, i: number, cell: Cell): void {
  switch (column.types[i]) {
    case ATTR_STRING:
      return cell.setText(column.dict.get(column.u32[2 * i]));
    case ATTR_INT:
      return cell.setHalves(CELL_INT, column.u32[2 * i], column.u32[2 * i + 1]);
    case ATTR_DOUBLE:
      return cell.setNumber(CELL_FLOAT, column.f64[i]);
    case ATTR_BOOL:
      return cell.setNumber(CELL_BOOL, column.u32[2 * i]);
    default:
      return cell.clear();
  }
}

function intrinsicReader(name: IntrinsicName, batch: Batch): (row: number, cell: Cell) => void {
  const strings = stringColumn(name, batch);
  if (strings) return (row, cell) => cell.setText(strings.dict.get(strings.ids[row]));
  const ids = idColumn(name, batch);
  if (ids) return (row, cell) => cell.setText(hex(ids.bytes, row * ids.width, (row + 1) * ids.width));
  const { columns } = batch;
  switch (name) {
    case 'status':
      return numbers(columns.status(), CELL_STATUS);
    case 'kind':
      return numbers(columns.kind(), CELL_KIND);
    case 'duration':
      return numbers(columns.spanDuration(), CELL_DURATION);
    case 'traceDuration':
      return numbers(columns.traceDuration(), CELL_DURATION);
    case 'nestedSetLeft':
      return numbers(columns.nestedSets().left, CELL_INT);
    case 'nestedSetRight':
      return numbers(columns.nestedSets().right, CELL_INT);
    case 'nestedSetParent':
      return numbers(columns.nestedSets().parent, CELL_INT);
    case 'span:childCount':
      return numbers(batch.childCounts(), CELL_INT);
    case 'event:timeSinceStart': {
      const offsets = columns.eventOffset();
      return (row, cell) => cell.setHalves(CELL_DURATION, offsets[2 * row], offsets[2 * row + 1]);
    }
    default:
      return (_, cell) => cell.clear();
  }
}

function numbers(values: Uint8Array | Int32Array | Float64Array, type: number): (row: number, cell: Cell) => void {
  return (row, cell) => cell.setNumber(type, values[row]);
}
