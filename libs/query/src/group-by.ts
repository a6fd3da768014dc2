import { printExpr } from '@vivace/traceql';
import type { GroupBy } from '@vivace/traceql';
import type { Batch } from './batch.ts';
import { compileValue } from './choices.ts';
import { cellToJson, NIL_JSON } from './cell-json.ts';
import { Cell, CELL_TEXT } from './cell.ts';
import type { AnyValueJson } from './model.ts';
import { fineLevels } from './predicate.ts';
import type { Program } from './field-program.ts';
import { unionRows } from './spanset.ts';
import type { Spanset, StageFunction } from './spanset.ts';

/** `| by(e)`: splits every spanset by the value of `e`, in order of first appearance. No value is a group of its own. */
export function compileGroupBy(stage: GroupBy, batch: Batch): StageFunction {
  const program = compileValue(stage.expr, fineLevels(stage.expr), batch);
  const key = `by(${printExpr(stage.expr)})`;
  return (spansets) => {
    const out: Spanset[] = [];
    for (const spanset of spansets) {
      const groups = new Map<string, { readonly value: AnyValueJson; readonly rows: number[] }>();
      for (const row of spanset.rows) {
        const n = program.count(row);
        const id = groupId(program, n);
        const group = groups.get(id);
        if (group) group.rows.push(row);
        else groups.set(id, { value: readJson(program, n), rows: [row] });
      }
      for (const { value, rows } of groups.values()) out.push({ rows, attributes: [...spanset.attributes, { key, value }] });
    }
    return out;
  };
}

/** `| coalesce()`: one spanset of all spans; what was said of the parts is dropped. */
export function coalesce(spansets: readonly Spanset[]): readonly Spanset[] {
  const [first, ...rest] = spansets;
  if (!first) return [];
  return [{ rows: rest.reduce((rows, spanset) => unionRows(rows, spanset.rows), first.rows), attributes: [] }];
}

const cell = new Cell();

/** Equal for equal values of equal type, arrays by content. */
function groupId(program: Program, n: number): string {
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
