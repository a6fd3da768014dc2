import { hex } from '@vivace/base';
import { ATTR_BOOL, ATTR_DOUBLE, ATTR_INT, ATTR_JSON, ATTR_STRING } from '@vivace/trace';
import type { AttrColumn } from '@vivace/trace';
import { compileRegex } from '@vivace/traceql';
import type { ArithmeticOp, ComparisonOp, FieldExpr, IntrinsicName } from '@vivace/traceql';
import type { Batch } from './batch.ts';
import {
  arithmetic,
  Cell,
  CELL_BOOL,
  CELL_DURATION,
  CELL_FLOAT,
  CELL_INT,
  CELL_KIND,
  CELL_STATUS,
  CELL_TEXT,
  compareCells,
  negate,
  setLiteral,
} from './cell.ts';
import { accepts } from './condition.ts';
import { idColumn, stringColumn } from './intrinsic-columns.ts';
import { resolveField } from './field.ts';
import type { Field, Level } from './field.ts';
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

/**
 * Compiles `expr` for rows of `level` (span, event or link). Seen from a span, the fields of its events are those of the one in
 * `binding`, or all together without a binding.
 */
export function compileProgram(expr: FieldExpr, batch: Batch, level: Level, binding?: Binding): Program {
  switch (expr.kind) {
    case 'literal': {
      const value = new Cell();
      setLiteral(value, expr.value);
      return { count: () => 1, read: (_, cell) => cell.copy(value) };
    }
    case 'attribute':
    case 'intrinsic':
      return fieldProgram(resolveField(expr), batch, level, binding);
    case 'exists': {
      const operand = compileProgram(expr.operand, batch, level, binding);
      return boolProgram((row) => operand.count(row) > 0 !== expr.negated);
    }
    case 'unary': {
      const operand = compileProgram(expr.operand, batch, level, binding);
      return expr.op === '!' ? notProgram(operand) : scalarProgram(operand, negate);
    }
    case 'binary': {
      const left = compileProgram(expr.left, batch, level, binding);
      const right = compileProgram(expr.right, batch, level, binding);
      switch (expr.op) {
        case '&&':
          return boolProgram((row) => hasTrue(left, row) && hasTrue(right, row));
        case '||':
          return boolProgram((row) => hasTrue(left, row) || hasTrue(right, row));
        case '+':
        case '-':
        case '*':
        case '/':
        case '%':
        case '^':
          return arithmeticProgram(expr.op, left, right);
        default:
          return comparisonProgram(expr.op, left, right);
      }
    }
  }
}

const probe = new Cell();

/** Whether the program gives exactly the scalar true. */
export function isTrue(program: Program, row: number): boolean {
  if (program.count(row) !== 1) return false;
  program.read(0, probe);
  return probe.type === CELL_BOOL && probe.num === 1;
}

/** Whether one of the values is true. */
function hasTrue(program: Program, row: number): boolean {
  const n = program.count(row);
  for (let i = 0; i < n; i++) {
    program.read(i, probe);
    if (probe.type === CELL_BOOL && probe.num === 1) return true;
  }
  return false;
}

function boolProgram(test: (row: number) => boolean): Program {
  let value = 0;
  return {
    count(row) {
      value = test(row) ? 1 : 0;
      return 1;
    },
    read: (_, cell) => cell.setNumber(CELL_BOOL, value),
  };
}

/** The negation of a present bool; anything else has no value. */
function notProgram(operand: Program): Program {
  return scalarProgram(operand, (cell, out) => {
    if (cell.type === CELL_BOOL) out.setNumber(CELL_BOOL, 1 - cell.num);
    else out.clear();
  });
}

function scalarProgram(operand: Program, apply: (cell: Cell, out: Cell) => void): Program {
  const input = new Cell();
  const output = new Cell();
  return {
    count(row) {
      if (operand.count(row) !== 1) return ABSENT;
      operand.read(0, input);
      apply(input, output);
      return output.type === 0 ? ABSENT : 1;
    },
    read: (_, cell) => cell.copy(output),
  };
}

function arithmeticProgram(op: ArithmeticOp, left: Program, right: Program): Program {
  const a = new Cell();
  const b = new Cell();
  const output = new Cell();
  return {
    count(row) {
      if (left.count(row) !== 1 || right.count(row) !== 1) return ABSENT;
      left.read(0, a);
      right.read(0, b);
      arithmetic(op, a, b, output);
      return output.type === 0 ? ABSENT : 1;
    },
    read: (_, cell) => cell.copy(output),
  };
}

/** True when any pair of values satisfies the operator. */
function comparisonProgram(op: ComparisonOp, left: Program, right: Program): Program {
  const a = new Cell();
  const b = new Cell();
  const test = op === '=~' || op === '!~' ? regexTest(op) : orderTest(accepts(op));
  return boolProgram((row) => {
    const n = left.count(row);
    const m = right.count(row);
    for (let i = 0; i < n; i++) {
      left.read(i, a);
      for (let j = 0; j < m; j++) {
        right.read(j, b);
        if (test(a, b)) return true;
      }
    }
    return false;
  });
}

function orderTest(accept: number): (a: Cell, b: Cell) => boolean {
  return (a, b) => (compareCells(a, b) & accept) !== 0;
}

/** The pattern may come from the data: compiled once per text, and one that does not compile matches nothing. */
function regexTest(op: '=~' | '!~'): (a: Cell, b: Cell) => boolean {
  const wanted = op === '=~';
  const compiled = new Map<string, ((text: string) => boolean) | undefined>();
  return (a, b) => {
    if (a.type !== CELL_TEXT || b.type !== CELL_TEXT) return false;
    if (!compiled.has(b.text)) {
      if (compiled.size >= 256) compiled.clear();
      compiled.set(b.text, tryRegex(b.text));
    }
    const regex = compiled.get(b.text);
    return regex !== undefined && regex(a.text) === wanted;
  };
}

function tryRegex(pattern: string): ((text: string) => boolean) | undefined {
  try {
    return compileRegex(pattern);
  } catch {
    return undefined;
  }
}

/** The values of a field, seen from rows of `level`. */
export function fieldProgram(field: Field, batch: Batch, level: Level, binding?: Binding): Program {
  if (field.kind === 'attr') {
    return attrProgram(batch.columns.attr(field.scope, field.key), rowMap(level, field.level, batch, binding), field.emptyWhenMissing);
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
