import type { SpanColumns } from '@vivace/trace';
import { ID_BYTES } from './id-range.ts';

/** Words of a digest: how many spans, and two words in which all of them are mixed. */
export const DIGEST_WORDS = 3;

/** What tells whether two copies of a trace have the same spans, without the spans. Each trace once, in any order. */
export interface TraceDigests {
  readonly ids: Uint8Array;
  readonly words: Uint32Array;
}

/** Of the rows `[from, to)` of `columns`, which has `traceId`, `spanId` and `kind` loaded. */
export function digestTraces(columns: SpanColumns, from = 0, to = columns.traceCount): TraceDigests {
  return { ids: columns.traceIds().subarray(from * ID_BYTES, to * ID_BYTES), words: digestRows(columns, rowsFrom(from, to)) };
}

export function rowsFrom(from: number, to: number): Uint32Array {
  const rows = new Uint32Array(to - from);
  for (let i = 0; i < rows.length; i++) rows[i] = from + i;
  return rows;
}

/** Those of some rows. */
export function pickDigests(words: Uint32Array, rows: Uint32Array): Uint32Array {
  const out = new Uint32Array(rows.length * DIGEST_WORDS);
  for (let i = 0; i < rows.length; i++) {
    for (let k = 0; k < DIGEST_WORDS; k++) out[i * DIGEST_WORDS + k] = words[rows[i] * DIGEST_WORDS + k];
  }
  return out;
}

/** `DIGEST_WORDS` a row, of which `columns` has `spanId` and `kind` loaded. A span is its id and kind, as everywhere; their order does not matter. */
export function digestRows(columns: SpanColumns, rows: Uint32Array): Uint32Array {
  const bounds = columns.traceSpans();
  const ids = columns.spanIds();
  const kinds = columns.kind();
  const bytes = new DataView(ids.buffer, ids.byteOffset, ids.byteLength);
  const words = new Uint32Array(rows.length * DIGEST_WORDS);
  for (let i = 0; i < rows.length; i++) {
    const to = bounds[rows[i] + 1];
    let a = 0;
    let b = 0;
    for (let span = bounds[rows[i]]; span < to; span++) {
      const low = bytes.getUint32(8 * span, true);
      const high = bytes.getUint32(8 * span + 4, true);
      const h = mix(low ^ mix(high ^ mix(kinds[span] + 0x9e3779b9)));
      a = (a + h) | 0;
      b = (b + mix(h ^ Math.imul(high ^ low, 0x85ebca6b) ^ 0x5bd1e995)) | 0;
    }
    words[i * DIGEST_WORDS] = to - bounds[rows[i]];
    words[i * DIGEST_WORDS + 1] = a;
    words[i * DIGEST_WORDS + 2] = b;
  }
  return words;
}

/** Finaliser of MurmurHash3: every bit of the input changes every bit of the output. */
function mix(x: number): number {
  let h = x;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

export function sameDigest(a: Uint32Array, aRow: number, b: Uint32Array, bRow: number): boolean {
  const i = aRow * DIGEST_WORDS;
  const j = bRow * DIGEST_WORDS;
  return a[i] === b[j] && a[i + 1] === b[j + 1] && a[i + 2] === b[j + 2];
}
