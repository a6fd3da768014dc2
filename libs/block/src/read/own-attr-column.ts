import { ATTR_INT, ATTR_STRING } from '@vivace/trace';
import type { AttrColumn } from '@vivace/trace';
import { EMPTY_DICT } from './attr-group.ts';
import { halvesColumn, stringColumn } from './column-values.ts';
import type { ColumnSource } from './columns.ts';
import { presentRows } from './list-kernels.ts';
import type { OwnColumn } from './own-columns.ts';

/** The values of an attribute that has a column of its own. */
export function ownAttrColumn(source: ColumnSource, own: OwnColumn, level: number): AttrColumn {
  const present = presentRows(source, level);
  if (own.kind === 'int') {
    const u32 = halvesColumn(source, present.length);
    return {
      count: present.length,
      rows: present,
      types: new Uint8Array(present.length).fill(ATTR_INT),
      f64: new Float64Array(u32.buffer),
      i64: new BigInt64Array(u32.buffer),
      u32,
      dict: EMPTY_DICT,
      array: undefined,
    };
  }
  const { ids, dict } = stringColumn(source, present.length);
  const empty = own.kind === 'required' ? dict.find('') : -1;
  const f64 = new Float64Array(ids.length);
  const u32 = new Uint32Array(f64.buffer);
  const rows = new Uint32Array(ids.length);
  let count = 0;
  for (let i = 0; i < ids.length; i++) {
    if (ids[i] === empty) continue;
    rows[count] = present[i];
    u32[2 * count++] = ids[i];
  }
  return { count, rows, types: new Uint8Array(count).fill(ATTR_STRING), f64, i64: new BigInt64Array(f64.buffer), u32, dict, array: undefined };
}
