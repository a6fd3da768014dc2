/** One byte, 0 or 1, per row of a level. `words` is the same memory, padded, for joining four rows at a time. */
export interface Mask {
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
}

/** Reuses mask memory from batch to batch; a mask taken is zero. */
export class MaskPool {
  readonly #free: Mask[] = [];

  take(rows: number): Mask {
    const size = Math.max(4, (rows + 3) & ~3);
    for (let i = this.#free.length - 1; i >= 0; i--) {
      const mask = this.#free[i];
      if (mask.bytes.length < size || mask.bytes.length > size * 4) continue;
      this.#free.splice(i, 1);
      mask.words.fill(0, 0, size / 4);
      return mask;
    }
    const bytes = new Uint8Array(size);
    return { bytes, words: new Uint32Array(bytes.buffer) };
  }

  give(mask: Mask): void {
    if (this.#free.length < 16) this.#free.push(mask);
  }
}

export function andInto(target: Mask, other: Mask, rows: number): void {
  const a = target.words;
  const b = other.words;
  const n = (rows + 3) >>> 2;
  for (let i = 0; i < n; i++) a[i] &= b[i];
}

export function orInto(target: Mask, other: Mask, rows: number): void {
  const a = target.words;
  const b = other.words;
  const n = (rows + 3) >>> 2;
  for (let i = 0; i < n; i++) a[i] |= b[i];
}

export function invert(target: Mask, rows: number): void {
  const a = target.words;
  const n = (rows + 3) >>> 2;
  for (let i = 0; i < n; i++) a[i] ^= 0x01010101;
}

/** Whether any of the first `rows` rows is set. */
export function isSet(mask: Mask, rows: number): boolean {
  const { words, bytes } = mask;
  const whole = rows >>> 2;
  for (let i = 0; i < whole; i++) if (words[i] !== 0) return true;
  for (let i = whole * 4; i < rows; i++) if (bytes[i] !== 0) return true;
  return false;
}

/** `out[row] = from[owner[row]]`: a coarse level (resource, scope) spread over a finer one. */
export function spread(from: Uint8Array, owner: Uint32Array, rows: number, out: Uint8Array): void {
  for (let row = 0; row < rows; row++) out[row] = from[owner[row]];
}

/** Traces spread over their spans. */
export function spreadTraces(from: Uint8Array, traceSpans: Uint32Array, traces: number, out: Uint8Array): void {
  for (let t = 0; t < traces; t++) if (from[t] !== 0) out.fill(1, traceSpans[t], traceSpans[t + 1]);
}

/** `out[owner[row]] |= from[row]`: a fine level (event, link) gathered into its spans. `out` starts as zeros. */
export function gatherAny(from: Uint8Array, owner: Uint32Array, rows: number, out: Uint8Array): void {
  for (let row = 0; row < rows; row++) out[owner[row]] |= from[row];
}
