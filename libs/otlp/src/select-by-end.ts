import { DROP } from './regroup.ts';
import type { ScanResult } from './scan-result.ts';
import { cursor, plainBytes, readU32, readVarint, skipValue } from './wire.ts';

/**
 * Puts each good span that ends between `fromMs` and `toMs` (milliseconds since the epoch, both included) into group 0 and all others into DROP, for `regroup`.
 * Returns how many good ones were left out. `groupOf` needs room for `scan.spanCount` entries.
 */
export function selectByEnd(bytes: Uint8Array, scan: ScanResult, fromMs: number, toMs: number, groupOf: Uint32Array): number {
  const b = plainBytes(bytes);
  let left = 0;
  for (let i = 0; i < scan.spanCount; i++) {
    groupOf[i] = DROP;
    if (scan.spanRefusal[i] !== 0) continue;
    const ms = endMs(b, scan.spanFrom[i], scan.spanTo[i]);
    if (ms >= fromMs && ms <= toMs) groupOf[i] = 0;
    else left++;
  }
  return left;
}

/** End of the span in `b[from, to)`, which a scan found good; 0 when it has none, the last of several as everywhere in protobuf. */
function endMs(b: Uint8Array, from: number, to: number): number {
  let ms = 0;
  for (let p = from; p < to; ) {
    const tag = readVarint(b, p, to);
    p = cursor.pos;
    if (tag === 0x41 /* end_time_unix_nano */) ms = (readU32(b, p + 4) * 4294967296 + readU32(b, p)) / 1e6;
    p = skipValue(b, tag, p, to);
  }
  return ms;
}
