import { printScalar } from '@vivace/traceql';
import type { Aggregate, ScalarExpr, ScalarFilter, Stage } from '@vivace/traceql';
import type { Batch } from './batch.ts';
import { compileValue } from './compile-value.ts';
import { cellToJson } from './cell-json.ts';
import { arithmetic, Cell, CELL_DURATION, CELL_FLOAT, CELL_INT, CELL_NONE, compareCells, isNumeric, setLiteral } from './cell.ts';
import { accepts, GREATER, LESS } from './condition.ts';
import type { KeyValueJson } from './model.ts';
import type { Program } from './field-program.ts';
import { allRows, unionRows } from './spanset.ts';
import type { Spanset, StageFunction } from './spanset.ts';
import type { AskedOf } from './standing-rows.ts';

/** Makes the stages of a scalar pipeline ready for the batch at hand. */
export type CompileStages = (stages: readonly Stage[]) => StageFunction;

/** What the answer says of a spanset besides its spans. */
interface Notes {
  /** The aggregates met. */
  readonly attributes: KeyValueJson[];
  /** The spans scalar pipelines looked at; undefined when there is none. */
  rows: readonly number[] | undefined;
}

/** A number about a spanset. A cell without type: no value. */
type Scalar = (spanset: Spanset, out: Cell, notes: Notes) => void;

/**
 * `| avg(duration) > 1s`: keeps spansets whose scalars satisfy the comparison and notes the aggregates on them. Of scalar pipelines
 * (`({ … } | count()) > ({ … } | count())`) the spans they found are kept.
 */
export function compileScalarFilter(stage: ScalarFilter, batch: Batch, filters: AskedOf, compileStages: CompileStages): StageFunction {
  const left = compileScalar(stage.left, batch, filters, compileStages);
  const right = compileScalar(stage.right, batch, filters, compileStages);
  const accept = accepts(stage.op);
  const a = new Cell();
  const b = new Cell();
  return (spansets) => {
    const out: Spanset[] = [];
    for (const spanset of spansets) {
      const notes: Notes = { attributes: [], rows: undefined };
      left(spanset, a, notes);
      right(spanset, b, notes);
      if ((compareCells(a, b) & accept) === 0) continue;
      const rows = notes.rows ?? spanset.rows;
      if (rows.length > 0) out.push({ rows, group: spanset.group, attributes: [...spanset.attributes, ...notes.attributes] });
    }
    return out;
  };
}

function compileScalar(expr: ScalarExpr, batch: Batch, filters: AskedOf, compileStages: CompileStages): Scalar {
  switch (expr.kind) {
    case 'literal': {
      const value = new Cell();
      setLiteral(value, expr.value);
      return (_, out) => out.copy(value);
    }
    case 'aggregate':
      return compileAggregate(expr, printScalar(expr), batch, filters);
    case 'scalarOperation': {
      const left = compileScalar(expr.left, batch, filters, compileStages);
      const right = compileScalar(expr.right, batch, filters, compileStages);
      const a = new Cell();
      const b = new Cell();
      return (spanset, out, notes) => {
        left(spanset, a, notes);
        right(spanset, b, notes);
        arithmetic(expr.op, a, b, out);
      };
    }
    case 'scalarPipeline': {
      const run = compileStages(expr.stages);
      const scalar = compileAggregate(expr.scalar, printScalar(expr), batch, filters);
      return (spanset, out, notes) => {
        const rows = allRows(run([spanset]));
        notes.rows = unionRows(notes.rows ?? [], rows);
        scalar({ rows, group: '', attributes: [] }, out, notes);
      };
    }
  }
}

/** `key` names the value in the answer. */
function compileAggregate(expr: Aggregate, key: string, batch: Batch, filters: AskedOf): Scalar {
  const fold = expr.operand ? foldOf(expr.op, compileValue(expr.operand, batch, filters)) : countRows;
  return ({ rows }, out, notes) => {
    out.clear();
    fold(rows, out);
    if (isNumeric(out)) notes.attributes.push({ key, value: cellToJson(out) });
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
  const sum = new Sum();
  return (rows, out) => {
    sum.reset();
    for (const row of rows) if (readNumber(program, row, value)) sum.add(value);
    if (sum.count > 0) sum.result(op, out);
  };
}

function readNumber(program: Program, row: number, value: Cell): boolean {
  if (program.count(row) !== 1) return false;
  program.read(0, value);
  return isNumeric(value);
}

/** Sums ints and durations exactly, keeping their type; anything mixed is a float. */
class Sum {
  count = 0;
  #type = CELL_NONE;
  #float = 0;
  /** The exact sum is `#safe` + `#wide`: bigint is only touched beyond 2^53. */
  #safe = 0;
  #wide = 0n;

  reset(): void {
    this.count = 0;
    this.#float = 0;
    this.#safe = 0;
    this.#wide = 0n;
  }

  add(value: Cell): void {
    this.#type = this.count++ === 0 || this.#type === value.type ? value.type : CELL_FLOAT;
    this.#float += value.num;
    if (value.type === CELL_FLOAT) return;
    if (!value.wide && Number.isSafeInteger(this.#safe + value.num)) this.#safe += value.num;
    else this.#wide += value.toBig();
  }

  /** The average of ints is a float, of durations a duration truncated to whole nanoseconds. */
  result(op: Aggregate['op'], out: Cell): void {
    const isAverage = op === 'avg';
    const exact = this.#wide + BigInt(this.#type === CELL_FLOAT ? 0 : this.#safe);
    if (this.#type === CELL_FLOAT) out.setNumber(CELL_FLOAT, isAverage ? this.#float / this.count : this.#float);
    else if (!isAverage) out.setBig(this.#type, exact);
    else if (this.#type === CELL_DURATION) out.setBig(CELL_DURATION, exact / BigInt(this.count));
    else out.setNumber(CELL_FLOAT, Number(exact) / this.count);
  }
}
