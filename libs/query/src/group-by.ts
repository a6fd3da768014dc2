import { printExpr } from '@vivace/traceql';
import type { FieldExpr, GroupBy } from '@vivace/traceql';
import type { Batch } from './batch.ts';
import { cellToJson, NIL_JSON } from './cell-json.ts';
import { Cell, CELL_TEXT } from './cell.ts';
import { compileValue } from './compile-value.ts';
import { resolveField } from './field.ts';
import type { Program } from './field-program.ts';
import type { AnyValueJson } from './model.ts';
import { unionRows } from './spanset.ts';
import type { Spanset, StageFunction } from './spanset.ts';
import type { AskedOf } from './standing-rows.ts';

/** A value spans are grouped by; one object per distinct value of a batch. */
interface Value {
  readonly id: string;
  readonly json: AnyValueJson;
}

/** `| by(e)`: splits every spanset by the value of `e`, in order of first appearance. No value is a group of its own. */
export function compileGroupBy(stage: GroupBy, batch: Batch, filters: AskedOf): StageFunction {
  const valueOf = compileValueOf(stage.expr, batch, filters);
  const key = `by(${printExpr(stage.expr)})`;
  return (spansets) => {
    const out: Spanset[] = [];
    for (const spanset of spansets) {
      const groups = new Map<Value, number[]>();
      for (const row of spanset.rows) {
        const value = valueOf(row);
        const rows = groups.get(value);
        if (rows) rows.push(row);
        else groups.set(value, [row]);
      }
      for (const [value, rows] of groups) {
        out.push({ rows, group: `${spanset.group}${value.id};`, attributes: [...spanset.attributes, { key, value: value.json }] });
      }
    }
    return out;
  };
}

/** `| coalesce()`: one spanset of all spans; what was said of the parts is dropped. */
export function coalesce(spansets: readonly Spanset[]): readonly Spanset[] {
  const [first, ...rest] = spansets;
  if (!first) return [];
  return [{ rows: rest.reduce((rows, spanset) => unionRows(rows, spanset.rows), first.rows), group: '', attributes: [] }];
}

/** Where spans share rows of a coarse level or ids of a dictionary, the value is computed once for all of them. */
function compileValueOf(expr: FieldExpr, batch: Batch, filters: AskedOf): (row: number) => Value {
  const program = compileValue(expr, batch, filters);
  const distinct = new Map<string, Value>();
  const compute = (row: number): Value => {
    const n = program.count(row);
    const id = valueId(program, n);
    let value = distinct.get(id);
    if (!value) distinct.set(id, (value = { id, json: readJson(program, n) }));
    return value;
  };
  const shared = sharedColumn(expr, batch);
  if (!shared) return compute;
  const known = new Map<number, Value>();
  return (row) => {
    let value = known.get(shared[row]);
    if (!value) known.set(shared[row], (value = compute(row)));
    return value;
  };
}

/** A column in which equal numbers mean equal values of `expr`. */
function sharedColumn(expr: FieldExpr, batch: Batch): Uint32Array | Uint8Array | undefined {
  if (expr.kind !== 'attribute' && expr.kind !== 'intrinsic') return undefined;
  const field = resolveField(expr);
  if (field.level === 'resource') return batch.columns.spanResource();
  if (field.level === 'scope') return batch.columns.spanScope();
  if (field.level === 'trace') return batch.spanTrace();
  if (field.kind !== 'intrinsic') return undefined;
  switch (field.name) {
    case 'name':
      return batch.columns.name().ids;
    case 'statusMessage':
      return batch.columns.statusMessage().ids;
    case 'status':
      return batch.columns.status();
    case 'kind':
      return batch.columns.kind();
    default:
      return undefined;
  }
}

const cell = new Cell();

/** Equal for equal values of equal type, arrays by content. */
function valueId(program: Program, n: number): string {
  let id = '';
  for (let i = 0; i < n; i++) {
    program.read(i, cell);
    const value = cell.type === CELL_TEXT ? `${cell.text.length}:${cell.text}` : cell.wide ? cell.big : cell.num;
    id += `${cell.type} ${value} `;
  }
  return id;
}

function readJson(program: Program, n: number): AnyValueJson {
  if (n <= 0) return NIL_JSON;
  const values: AnyValueJson[] = [];
  for (let i = 0; i < n; i++) {
    program.read(i, cell);
    values.push(cellToJson(cell));
  }
  return n === 1 ? values[0] : { arrayValue: { values } };
}
