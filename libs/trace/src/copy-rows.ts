/** Rows of a column: those in `list[first, first + count)`, or, without a list, the ones from `first` on. */
export interface Rows {
  readonly list: Uint32Array | undefined;
  readonly first: number;
  readonly count: number;
}

export function between(from: number, to: number): Rows {
  return { list: undefined, first: from, count: to - from };
}

/** The rows `list[from, to)`, seen as a range when they are one. */
export function rowsOf(list: Uint32Array, from: number, to: number): Rows {
  if (from === to) return between(0, 0);
  for (let i = from + 1; i < to; i++) if (list[i] !== list[i - 1] + 1) return { list, first: from, count: to - from };
  return between(list[from], list[to - 1] + 1);
}

/** The child rows (attributes, events, links) of parent rows, in their order. Keeps its memory from call to call. */
export class ChildRows {
  #list = new Uint32Array(64);

  /**
   * `ends` are the ends of the children of each parent; `target[at…]` become those of their copies, which begin at `base`. The result is valid until
   * the next call.
   */
  of(parents: Rows, ends: Uint32Array, target: Uint32Array, at: number, base: number): Rows {
    const { list, first, count } = parents;
    if (count === 0) return parents;
    if (list === undefined) {
      const from = first === 0 ? 0 : ends[first - 1];
      const shift = base - from;
      for (let i = 0; i < count; i++) target[at + i] = ends[first + i] + shift;
      return between(from, ends[first + count - 1]);
    }
    let n = 0;
    for (let i = 0; i < count; i++) {
      const row = list[first + i];
      n += ends[row] - (row === 0 ? 0 : ends[row - 1]);
      target[at + i] = base + n;
    }
    if (n > this.#list.length) this.#list = new Uint32Array(n * 2);
    const children = this.#list;
    let out = 0;
    for (let i = 0; i < count; i++) {
      const row = list[first + i];
      const end = ends[row];
      for (let child = row === 0 ? 0 : ends[row - 1]; child < end; child++) children[out++] = child;
    }
    return { list: children, first: 0, count: n };
  }
}

/** Below this many rows a loop beats a call of `set`. */
const FEW = 16;

/** Copies bytes, one a row, to `target[at…]`. */
export function copyBytes(source: Uint8Array, target: Uint8Array, { list, first, count }: Rows, at: number): void {
  if (list !== undefined) for (let i = 0; i < count; i++) target[at + i] = source[list[first + i]];
  else if (count < FEW) for (let i = 0; i < count; i++) target[at + i] = source[first + i];
  else target.set(source.subarray(first, first + count), at);
}

/** Copies rows of `words` 32-bit words each to row `at` of `target` and on. Whatever the columns hold, bits stay as they are. */
export function copyWords(source: Column, target: Column, { list, first, count }: Rows, at: number, words: 1 | 2 | 4): void {
  if (count === 0) return;
  const from = asWords(source);
  const to = asWords(target);
  if (list === undefined) {
    if (count < FEW) for (let i = 0; i < count * words; i++) to[at * words + i] = from[first * words + i];
    else to.set(from.subarray(first * words, (first + count) * words), at * words);
  } else if (words === 1) {
    for (let i = 0; i < count; i++) to[at + i] = from[list[first + i]];
  } else if (words === 2) {
    for (let i = 0, d = at * 2; i < count; i++, d += 2) {
      const s = list[first + i] * 2;
      to[d] = from[s];
      to[d + 1] = from[s + 1];
    }
  } else {
    for (let i = 0; i < count; i++) for (let w = 0; w < 4; w++) to[(at + i) * 4 + w] = from[list[first + i] * 4 + w];
  }
}

type Column = Uint32Array | Int32Array | Float64Array | Uint8Array;

function asWords(column: Column): Uint32Array {
  return column instanceof Uint32Array ? column : new Uint32Array(column.buffer, column.byteOffset, column.byteLength >>> 2);
}
