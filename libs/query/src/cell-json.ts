import { formatGoDuration } from '@vivace/base';
import type { Cell } from './cell.ts';
import { CELL_BOOL, CELL_DURATION, CELL_FLOAT, CELL_INT, CELL_KIND, CELL_NONE, CELL_STATUS, CELL_TEXT } from './cell.ts';
import { KIND_NAMES, STATUS_NAMES } from './condition.ts';
import type { AnyValueJson } from './model.ts';

export const NIL_JSON: AnyValueJson = { stringValue: 'nil' };

/** A value as search answers show it: status, kind and durations as text, absence as "nil". */
export function cellToJson(cell: Cell): AnyValueJson {
  switch (cell.type) {
    case CELL_TEXT:
      return { stringValue: cell.text };
    case CELL_INT:
      return { intValue: cell.toBig().toString() };
    case CELL_FLOAT:
      return { doubleValue: cell.num };
    case CELL_BOOL:
      return { boolValue: cell.num === 1 };
    case CELL_DURATION:
      return { stringValue: formatGoDuration(cell.toBig()) };
    case CELL_STATUS:
      return { stringValue: STATUS_NAMES[cell.num] ?? String(cell.num) };
    case CELL_KIND:
      return { stringValue: KIND_NAMES[cell.num] ?? String(cell.num) };
    case CELL_NONE:
    default:
      return NIL_JSON;
  }
}
