import { BooleanValues, DoubleValues } from '@vivace/parquet';
import type { Levels } from '@vivace/parquet';
import { ATTR_ARRAY, ATTR_BOOL, ATTR_DOUBLE, ATTR_INT, ATTR_JSON, ATTR_STRING } from '@vivace/trace';
import type { AttrList } from '@vivace/trace';
import type { ColumnWriter } from './column-writer.ts';
import type { Scratch } from './scratch.ts';

/** Attributes chosen for the generic list of their owners: rows of `list` in storage order. */
export interface GenericAttrs {
  readonly list: AttrList;
  readonly elements: AttrList;
  readonly rows: Uint32Array;
  readonly count: number;
  /** End offset in `rows` per owner. */
  readonly ends: Uint32Array;
}

/** The seven leaves of an `Attrs` list (docs/format/block.md) for the elements of `owner`. */
export function writeAttrs(out: ColumnWriter, owner: Levels, attrs: GenericAttrs): void {
  const { list, elements, rows, count: n, ends } = attrs;
  const { scratch } = out;
  const mark = scratch.mark();
  const levels = owner.list(ends, n);
  const keys = scratch.u32(n);
  const isArray = scratch.u8(n).fill(0);
  const totals = new Uint32Array(8);
  /** The type whose column holds the value; arrays go by their first element. */
  const types = scratch.u8(n);
  for (let i = 0; i < n; i++) {
    const row = rows[i];
    let type = list.type[row];
    let values = 1;
    keys[i] = list.key[row];
    if (type === ATTR_ARRAY) {
      isArray[i] = 1;
      values = list.u32[row * 2 + 1];
      type = values === 0 ? ATTR_ARRAY : elements.type[list.u32[row * 2]];
    }
    types[i] = type;
    totals[type] += values;
  }
  out.text(levels, keys, n);
  out.put(levels, new BooleanValues(isArray));

  const strings = gather(scratch, attrs, types, ATTR_STRING, totals[ATTR_STRING]);
  const ids = scratch.u32(totals[ATTR_STRING]);
  for (let i = 0; i < ids.length; i++) ids[i] = strings.halves[i * 2];
  out.text(levels.list(strings.ends, ids.length), ids, ids.length);

  const ints = gather(scratch, attrs, types, ATTR_INT, totals[ATTR_INT]);
  out.int64(levels.list(ints.ends, totals[ATTR_INT]), ints.halves, totals[ATTR_INT], false);

  const doubles = gather(scratch, attrs, types, ATTR_DOUBLE, totals[ATTR_DOUBLE]);
  out.put(
    levels.list(doubles.ends, totals[ATTR_DOUBLE]),
    new DoubleValues(new Float64Array(doubles.halves.buffer, doubles.halves.byteOffset, totals[ATTR_DOUBLE])),
  );

  const bools = gather(scratch, attrs, types, ATTR_BOOL, totals[ATTR_BOOL]);
  const bits = scratch.u8(totals[ATTR_BOOL]);
  for (let i = 0; i < bits.length; i++) bits[i] = bools.halves[i * 2];
  out.put(levels.list(bools.ends, bits.length), new BooleanValues(bits));

  const texts = scratch.zeros(n);
  if (totals[ATTR_JSON] > 0) for (let i = 0; i < n; i++) if (types[i] === ATTR_JSON) texts[i] = list.u32[rows[i] * 2] + 1;
  out.optionalLongText(levels, texts, n);
  scratch.release(mark);
}

interface Gathered {
  /** End offset in the values per attribute. */
  readonly ends: Uint32Array;
  /** The 8-byte values, as halves. */
  readonly halves: Uint32Array;
}

/** Values of the attributes of one type, array elements included, `total` in all. */
function gather(scratch: Scratch, { list, elements, rows, count }: GenericAttrs, types: Uint8Array, type: number, total: number): Gathered {
  const halves = scratch.u32(total * 2);
  if (total === 0) return { ends: halves, halves };
  const ends = scratch.u32(count);
  const values = list.u32;
  let n = 0;
  for (let i = 0; i < count; i++) {
    if (types[i] === type) {
      const row = rows[i];
      if (list.type[row] === ATTR_ARRAY) {
        const to = values[row * 2] + values[row * 2 + 1];
        for (let e = values[row * 2]; e < to; e++, n += 2) {
          halves[n] = elements.u32[e * 2];
          halves[n + 1] = elements.u32[e * 2 + 1];
        }
      } else {
        halves[n] = values[row * 2];
        halves[n + 1] = values[row * 2 + 1];
        n += 2;
      }
    }
    ends[i] = n >>> 1;
  }
  return { ends, halves };
}
