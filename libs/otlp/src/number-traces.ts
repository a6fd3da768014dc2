import { equalBytes, hashBytes, randomSeed } from '@vivace/bytes';
import { DROP } from './regroup.ts';
import type { ScanResult } from './scan-result.ts';
import { plainBytes } from './wire.ts';

const SEED = randomSeed();

/**
 * Numbers the traces of a scanned request from 0 by first appearance: `traceOf[i]` becomes the trace of span `i`, `DROP` for a refused
 * one. `firstSpan[t]`, when given, becomes a span of trace `t` (its id stands at `scan.spanTraceIdAt`). Returns the number of traces.
 * Both arrays need room for `scan.spanCount` entries.
 */
export function numberTraces(bytes: Uint8Array, scan: ScanResult, traceOf: Uint32Array, firstSpan: Uint32Array = scratchFirst(scan.spanCount)): number {
  const b = plainBytes(bytes);
  const ids = scan.spanTraceIdAt;
  const slots = emptySlots(scan.spanCount);
  const mask = slots.length - 1;
  let count = 0;
  let previous = DROP;
  for (let i = 0; i < scan.spanCount; i++) {
    if (scan.spanRefusal[i] !== 0) {
      traceOf[i] = DROP;
      continue;
    }
    const at = ids[i];
    // Exporters send the spans of a trace together more often than not.
    if (previous === DROP || !equalBytes(b, ids[firstSpan[previous]], b, at, 16)) {
      let slot = hashBytes(b, at, at + 16, SEED) & mask;
      while (slots[slot] !== 0 && !equalBytes(b, ids[firstSpan[slots[slot] - 1]], b, at, 16)) slot = (slot + 1) & mask;
      if (slots[slot] === 0) {
        firstSpan[count] = i;
        slots[slot] = ++count;
      }
      previous = slots[slot] - 1;
    }
    traceOf[i] = previous;
  }
  return count;
}

// Scratch, used within one call only.
let slotScratch = new Uint32Array(1024);
let firstScratch = new Uint32Array(512);

function emptySlots(spans: number): Uint32Array {
  let size = 64;
  while (size < spans * 2) size *= 2;
  if (size > slotScratch.length) slotScratch = new Uint32Array(size);
  return slotScratch.subarray(0, size).fill(0);
}

function scratchFirst(spans: number): Uint32Array {
  if (spans > firstScratch.length) firstScratch = new Uint32Array(spans * 2);
  return firstScratch;
}
