import { compareBytes } from '@vivace/bytes';

export const ID_BYTES = 16;

/** The trace ids `[from, to)`; undefined: no bound. */
export interface IdRange {
  readonly from?: Uint8Array;
  readonly to?: Uint8Array;
}

/** One of `of` ranges of trace ids, which together have all. */
export interface Share {
  readonly part: number;
  readonly of: number;
}

/** The `i`th of some ids. Borrows. */
export function idAt(ids: Uint8Array, i: number): Uint8Array {
  return ids.subarray(i * ID_BYTES, (i + 1) * ID_BYTES);
}

/** Each of some ids. Borrows. */
export function eachId(ids: Uint8Array): Uint8Array[] {
  return Array.from({ length: ids.length / ID_BYTES }, (_, i) => idAt(ids, i));
}

/** All ids of the lists, one after the other. */
export function joinIds(lists: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(lists.reduce((n, { length }) => n + length, 0));
  let at = 0;
  for (const list of lists) {
    out.set(list, at);
    at += list.length;
  }
  return out;
}

/** First of ascending `ids` that is not below `id`. */
export function lowerBound(ids: Uint8Array, id: Uint8Array, idAt = 0): number {
  let low = 0;
  let high = ids.length / ID_BYTES;
  while (low < high) {
    const mid = (low + high) >>> 1;
    if (compareBytes(ids, mid * ID_BYTES, id, idAt, ID_BYTES) < 0) low = mid + 1;
    else high = mid;
  }
  return low;
}

/** The rows `[from, to)` of ascending `ids` that lie in the range. */
export function rowsInRange(ids: Uint8Array, { from, to }: IdRange): readonly [from: number, to: number] {
  return [from ? lowerBound(ids, from) : 0, to ? lowerBound(ids, to) : ids.length / ID_BYTES];
}

/** The ids of all lists, each once, ascending. */
export function sortedIds(lists: readonly Uint8Array[]): Uint8Array {
  const ids = lists.flatMap(eachId);
  ids.sort((a, b) => compareBytes(a, 0, b, 0, ID_BYTES));
  const out = new Uint8Array(ids.length * ID_BYTES);
  let n = 0;
  for (const [i, id] of ids.entries()) if (i === 0 || compareBytes(ids[i - 1], 0, id, 0, ID_BYTES) !== 0) out.set(id, n++ * ID_BYTES);
  return out.slice(0, n * ID_BYTES);
}

/** What decides where ranges are cut: a row group's last trace id, and how large it is. */
export interface CutPoint {
  readonly id: Uint8Array;
  readonly weight: number;
}

/** A range of about `1 / of` of the weight, cut where row groups end. Everybody who knows the same points cuts alike. */
export function rangeOfShare(points: readonly CutPoint[], { part, of }: Share): IdRange {
  const sorted = [...points].sort((a, b) => compareBytes(a.id, 0, b.id, 0, ID_BYTES));
  const total = sorted.reduce((sum, { weight }) => sum + weight, 0);
  const ends: (Uint8Array | undefined)[] = Array.from({ length: of - 1 });
  let before = 0;
  for (const { id, weight } of sorted) {
    before += weight;
    // The last cut that this row group reaches: of several within one, all but one range are empty.
    const cut = Math.min(of - 1, Math.floor((before / total) * of + 1e-9));
    if (cut > 0) ends[cut - 1] ??= after(id);
  }
  // A cut that fell to no row group is where the one before it is.
  const cutAt = (n: number): Uint8Array | undefined => {
    for (let i = n; i >= 0; i--) if (ends[i]) return ends[i];
    return undefined;
  };
  const from = part === 0 ? undefined : (cutAt(part - 1) ?? ZERO);
  const to = part === of - 1 ? undefined : (cutAt(part) ?? ZERO);
  return { ...(from && { from }), ...(to && { to }) };
}

const ZERO = new Uint8Array(ID_BYTES);

/** The id that follows; of the highest, itself. */
function after(id: Uint8Array): Uint8Array {
  const next = id.slice();
  for (let i = ID_BYTES - 1; i >= 0; i--) {
    next[i]++;
    if (next[i] !== 0) return next;
  }
  return id;
}
