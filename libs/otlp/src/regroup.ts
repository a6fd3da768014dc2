import type { ScanResult } from './scan-result.ts';
import { plainBytes } from './wire.ts';

/** Group number of a span that belongs to no group. */
export const DROP = 0xffffffff;

/**
 * Splits a scanned request: result `g` is the bytes of a request with exactly the spans `i` that have `groupOf[i] === g`, in their order,
 * under copies of their resource and scope; empty when there are none. Byte ranges are copied, nothing is decoded or encoded but the
 * lengths around them. When one group takes every span its result is `bytes` itself, the others are new arrays.
 * Resources and scopes without spans, and unknown fields of the request itself, belong to no group.
 */
export function regroup(bytes: Uint8Array, scan: ScanResult, groupOf: Uint32Array, groupCount: number): Uint8Array[] {
  const spans = scan.spanCount;
  const results: Uint8Array[] = new Array<Uint8Array>(groupCount).fill(EMPTY);
  const only = onlyGroup(groupOf, spans);
  if (only !== DROP) {
    results[only] = bytes;
    return results;
  }
  // Counting sort of span numbers by group.
  const ends = new Uint32Array(groupCount);
  for (let i = 0; i < spans; i++) if (groupOf[i] !== DROP) ends[groupOf[i]]++;
  for (let g = 1; g < groupCount; g++) ends[g] += ends[g - 1];
  const total = groupCount === 0 ? 0 : ends[groupCount - 1];
  const order = new Uint32Array(total);
  const next = ends.slice();
  for (let i = spans - 1; i >= 0; i--) if (groupOf[i] !== DROP) order[--next[groupOf[i]]] = i;

  // No group is longer than the request: it has a part of its records, with lengths at most as long.
  const b = plainBytes(bytes);
  const scratch = scratchOf(b.length);
  for (let g = 0; g < groupCount; g++) {
    if (next[g] !== ends[g]) results[g] = scratch.slice(writeBackwards(b, scan, order, next[g], ends[g], scratch));
  }
  return results;
}

const EMPTY = new Uint8Array(0);

/** Used within one call only: new pages are what such a call would cost most. */
let kept = new Uint8Array(512 * 1024);
const MAX_KEPT_BYTES = 4 * 1024 * 1024;

function scratchOf(bytes: number): Uint8Array {
  if (bytes <= kept.length) return kept;
  const made = new Uint8Array(bytes);
  if (bytes <= MAX_KEPT_BYTES) kept = made;
  return made;
}

/** The group that has all spans, else DROP. */
function onlyGroup(groupOf: Uint32Array, spans: number): number {
  if (spans === 0) return DROP;
  for (let i = 1; i < spans; i++) if (groupOf[i] !== groupOf[0]) return DROP;
  return groupOf[0];
}

/**
 * Writes the request made of spans `order[from, to)` so that it ends at the end of `out`; returns where it starts. From back to front,
 * because then the length of a message is known when its prefix is to be written.
 */
function writeBackwards(b: Uint8Array, scan: ScanResult, order: Uint32Array, from: number, to: number, out: Uint8Array): number {
  let p = out.length;
  let resourceEnd = p;
  let scopeEnd = p;
  let j = to - 1;
  while (j >= from) {
    const last = order[j];
    const scope = scan.spanScope[last];
    // Neighbours in the request that stay neighbours are one copy.
    let first = last;
    while (j > from && order[j - 1] === first - 1 && scan.spanScope[first - 1] === scope && scan.spanTo[first - 1] === scan.spanAt[first]) {
      first--;
      j--;
    }
    p = copyBefore(b, scan.spanAt[first], scan.spanTo[last], out, p);
    j--;
    const before = j >= from ? scan.spanScope[order[j]] : -1;
    if (before === scope) continue;
    p = copyRanges(b, scan.scopeHeaders, scan.scopeHeaderEnd, scope, out, p);
    p = writePrefix(0x12, scopeEnd - p, out, p);
    scopeEnd = p;
    const resource = scan.scopeResource[scope];
    if (before >= 0 && scan.scopeResource[before] === resource) continue;
    p = copyRanges(b, scan.resourceHeaders, scan.resourceHeaderEnd, resource, out, p);
    p = writePrefix(0x0a, resourceEnd - p, out, p);
    resourceEnd = p;
    scopeEnd = p;
  }
  return p;
}

function copyRanges(b: Uint8Array, ranges: Uint32Array, ends: Uint32Array, owner: number, out: Uint8Array, end: number): number {
  const first = owner === 0 ? 0 : ends[owner - 1];
  let p = end;
  for (let i = ends[owner] - 1; i >= first; i--) p = copyBefore(b, ranges[2 * i], ranges[2 * i + 1], out, p);
  return p;
}

/** Copies `b[from, to)` so that it ends at `end`; returns where it starts. */
function copyBefore(b: Uint8Array, from: number, to: number, out: Uint8Array, end: number): number {
  const p = end - (to - from);
  out.set(b.subarray(from, to), p);
  return p;
}

/** Writes a one-byte tag and a length so that they end at `end`; returns where they start. */
function writePrefix(tag: number, length: number, out: Uint8Array, end: number): number {
  let size = 1;
  for (let rest = length >>> 7; rest > 0; rest >>>= 7) size++;
  const p = end - size - 1;
  out[p] = tag;
  let rest = length;
  for (let i = 1; i < size; i++) {
    out[p + i] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  out[p + size] = rest;
  return p;
}
