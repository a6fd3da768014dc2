import { ATTR_INT, ATTR_STRING } from '@vivace/trace';
import type { AttrList, StringDictionary } from '@vivace/trace';
import type { GenericAttrs } from './attr-columns.ts';
import type { Scratch } from './scratch.ts';

/** Attributes of one scope split into those with a column and the rest. */
export interface PlacedAttrs {
  /** Per string column, per owner: string id + 1, 0 = no value. */
  readonly columns: readonly Uint32Array[];
  /** Per owner: 1 where it has the int column's value. */
  readonly intSet: Uint32Array;
  /** Values of the int column, as halves, without gaps. */
  readonly intHalves: Uint32Array;
  readonly intCount: number;
  readonly generic: GenericAttrs;
}

export interface Placement {
  /** Keys of the string columns, in column order. */
  readonly keys: readonly string[];
  /** Key of the int column. */
  readonly intKey: string | undefined;
}

const INT_COLUMN = 255;

/**
 * Decides for each attribute of `owners` (rows into `ends`) where it is stored. A column takes the first value of its key that has the column's type;
 * other types and further values of the key stay in the generic list, so that nothing is lost. The result lies in scratch.
 */
export function placeAttrs(
  scratch: Scratch,
  strings: StringDictionary,
  list: AttrList,
  elements: AttrList,
  ends: Uint32Array,
  owners: Uint32Array,
  placement: Placement,
): PlacedAttrs {
  const n = owners.length;
  const target = new Uint8Array(strings.size);
  const columns = placement.keys.map((key, column) => {
    const id = strings.find(key);
    if (id >= 0) target[id] = column + 1;
    return scratch.zeros(n);
  });
  const intId = placement.intKey === undefined ? -1 : strings.find(placement.intKey);
  if (intId >= 0) target[intId] = INT_COLUMN;
  const intSet = scratch.zeros(intId < 0 ? 0 : n);
  const intHalves = scratch.u32(intId < 0 ? 0 : n * 2);
  let intCount = 0;
  const rows = scratch.u32(attrCount(ends, owners));
  const genericEnds = scratch.u32(n);
  let generic = 0;
  const { key, type, u32 } = list;
  for (let i = 0; i < n; i++) {
    const owner = owners[i];
    const to = ends[owner];
    const from = owner === 0 ? 0 : ends[owner - 1];
    for (let a = from; a < to; a++) {
      const column = target[key[a]];
      if (column !== 0) {
        if (column === INT_COLUMN) {
          if (type[a] === ATTR_INT && intSet[i] === 0) {
            intSet[i] = 1;
            intHalves[intCount * 2] = u32[a * 2];
            intHalves[intCount * 2 + 1] = u32[a * 2 + 1];
            intCount++;
            continue;
          }
        } else if (type[a] === ATTR_STRING) {
          const ids = columns[column - 1];
          if (ids[i] === 0) {
            ids[i] = u32[a * 2] + 1;
            continue;
          }
        }
      }
      rows[generic++] = a;
    }
    genericEnds[i] = generic;
  }
  return { columns, intSet, intHalves, intCount, generic: { list, elements, rows, count: generic, ends: genericEnds } };
}

/** The attributes of all `owners`, for scopes without columns. The result lies in scratch. */
export function allAttrs(scratch: Scratch, list: AttrList, elements: AttrList, ends: Uint32Array, owners: Uint32Array): GenericAttrs {
  const n = owners.length;
  const rows = scratch.u32(attrCount(ends, owners));
  const ownEnds = scratch.u32(n);
  let at = 0;
  for (let i = 0; i < n; i++) {
    const owner = owners[i];
    for (let a = owner === 0 ? 0 : ends[owner - 1]; a < ends[owner]; a++) rows[at++] = a;
    ownEnds[i] = at;
  }
  return { list, elements, rows, count: at, ends: ownEnds };
}

function attrCount(ends: Uint32Array, owners: Uint32Array): number {
  let count = 0;
  for (let i = 0; i < owners.length; i++) {
    const owner = owners[i];
    count += ends[owner] - (owner === 0 ? 0 : ends[owner - 1]);
  }
  return count;
}
