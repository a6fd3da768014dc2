import { AppError } from '@vivace/base';
import { printScalar } from '@vivace/traceql';
import type { Aggregate, ScalarExpr, ScalarFilter } from '@vivace/traceql';
import type { Batch } from './batch.ts';
import { cellToJson } from './cell-json.ts';
import { arithmetic, Cell, CELL_DURATION, CELL_FLOAT, CELL_INT, compareCells, isNumeric, setLiteral } from './cell.ts';
import { accepts, GREATER, LESS } from './condition.ts';
import type { KeyValueJson } from './model.ts';
import { compileProgram } from './program.ts';
import type { Program } from './program.ts';
import type { Spanset, StageFunction } from './spanset.ts';

/** A number about a spanset; `seen` collects the aggregates met, for the answer. A cell without type: no value. */
type Scalar = (spanset: Spanset, out: Cell, seen: KeyValueJson[]) => void;

/** `| avg(duration) > 1s`: keeps spansets whose scalar satisfies the comparison and notes the aggregate on them. */
export function compileScalarFilter(stage: ScalarFilter, batch: Batch): StageFunction {
  const left = compileScalar(stage.left, batch);
  const right = compileScalar(stage.right, batch);
  const accept = accepts(stage.op);
  const a = new Cell();
  const b = new Cell();
  return (spansets) => {
    const out: Spanset[] = [];
    for (const spanset of spansets) {
      const seen: KeyValueJson[] = [];
      left(spanset, a, seen);
      right(spanset, b, seen);
      if ((compareCells(a, b) & accept) !== 0) out.push({ rows: spanset.rows, attributes: [...spanset.attributes, ...seen] });
    }
    return out;
  };
}

function compileScalar(expr: ScalarExpr, batch: Batch): Scalar {
  switch (expr.kind) {
    case 'literal': {
      const value = new Cell();
      setLiteral(value, expr.value);
      return (_, out) => out.copy(value);
    }
    case 'aggregate':
      return compileAggregate(expr, batch);
    case 'scalarOperation': {
      const left = compileScalar(expr.left, batch);
      const right = compileScalar(expr.right, batch);
      const a = new Cell();
      const b = new Cell();
      return (spanset, out, seen) => {
        left(spanset, a, seen);
        right(spanset, b, seen);
        arithmetic(expr.op, a, b, out);
      };
    }
    case 'scalarPipeline':
      throw new AppError('unimplemented', 'scalar pipelines not yet supported');
  }
}

function compileAggregate(expr: Aggregate, batch: Batch): Scalar {
  const key = printScalar(expr);
  const fold = expr.operand ? foldOf(expr.op, compileProgram(expr.operand, batch, 'span')) : countRows;
  return (spanset, out, seen) => {
    out.clear();
    fold(spanset.rows, out);
    if (isNumeric(out)) seen.push({ key, value: cellToJson(out) });
  };
}

function countRows(rows: readonly number[], out: Cell): void {
  out.setNumber(CELL_INT, rows.length);
}

/** Numbers only; spans without one do not count. No number at all: `out` stays without value. */
function foldOf(op: Aggregate['op'], program: Program): (rows: readonly number[], out: Cell) => void {
  const value = new Cell();
  if (op === 'min' || op === 'max') {
    const better = op === 'min' ? LESS : GREATER;
    return (rows, out) => {
      for (const row of rows) {
        if (!readNumber(program, row, value)) continue;
        if (!isNumeric(out) || compareCells(value, out) === better) out.copy(value);
      }
    };
  }
  return (rows, out) => {
    let n = 0;
    for (const row of rows) {
      if (!readNumber(program, row, value)) continue;
      if (n++ === 0) out.copy(value);
      else add(out, value);
    }
    if (op === 'avg' && n > 0) divide(out, n);
  };
}

function readNumber(program: Program, row: number, value: Cell): boolean {
  if (program.count(row) !== 1) return false;
  program.read(0, value);
  return isNumeric(value);
}

/** Sums keep their type: int and duration exactly, anything mixed as a float. */
function add(sum: Cell, value: Cell): void {
  if (sum.type !== value.type) return sum.setNumber(CELL_FLOAT, sum.num + value.num);
  if (sum.type === CELL_FLOAT || !(sum.wide || value.wide || !Number.isSafeInteger(sum.num + value.num))) return sum.setNumber(sum.type, sum.num + value.num);
  sum.setBig(sum.type, sum.toBig() + value.toBig());
}

/** The average of ints is a float, of durations a duration truncated to whole nanoseconds. */
function divide(sum: Cell, n: number): void {
  if (sum.type === CELL_DURATION) sum.setBig(CELL_DURATION, sum.toBig() / BigInt(n));
  else sum.setNumber(CELL_FLOAT, sum.num / n);
}
