import type { NestedSets } from './span-columns.ts';

const SERVER = 2;
const CLIENT = 3;
const NONE = -1;

/**
 * Nested-set numbers of all spans of a batch, trace by trace, in one linear pass (docs/format/block.md).
 *
 * Spans of trace `t` are rows `[traceSpans[t], traceSpans[t + 1])`, ids eight bytes a row, a zero parent id is a root. One counter
 * runs over all roots of a trace in storage order; children are visited in storage order. Spans not reachable from a root keep
 * 0/0/0. Two spans may share an id (Zipkin): a server child belongs to the client twin, any other child to the server
 * twin. An id that stands three times makes the whole trace 0. The result is owned by the caller.
 */
export function nestedSets(n: number, traceSpans: Uint32Array, spanIds: Uint8Array, parentIds: Uint8Array, kinds: Uint8Array): NestedSets {
  const left = new Int32Array(n);
  const right = new Int32Array(n);
  const parent = new Int32Array(n);
  const ids = new Uint32Array(spanIds.buffer, spanIds.byteOffset, n * 2);
  const parents = new Uint32Array(parentIds.buffer, parentIds.byteOffset, n * 2);
  // Trees as first child / next sibling, filled from the last row to the first so that lists come out in storage order.
  const firstChild = new Int32Array(n).fill(NONE);
  const nextSibling = new Int32Array(n).fill(NONE);
  const parentRow = new Int32Array(n).fill(NONE);
  const twin = new Int32Array(n).fill(NONE);
  let slots = new Int32Array(128);
  let stamps = new Uint32Array(128);

  for (let t = 0, stamp = 1; t + 1 < traceSpans.length; t++, stamp++) {
    const from = traceSpans[t];
    const to = traceSpans[t + 1];
    if ((to - from) * 2 > slots.length) {
      let size = slots.length;
      while (size < (to - from) * 2) size *= 2;
      slots = new Int32Array(size);
      stamps = new Uint32Array(size);
    }
    const mask = slots.length - 1;
    let triple = false;
    for (let row = from; row < to && !triple; row++) {
      const slot = find(ids, slots, stamps, stamp, mask, ids[row * 2], ids[row * 2 + 1]);
      if (stamps[slot] !== stamp) {
        stamps[slot] = stamp;
        slots[slot] = row;
      } else if (twin[slots[slot]] === NONE) twin[slots[slot]] = row;
      else triple = true;
    }
    if (triple) continue;
    for (let row = to - 1; row >= from; row--) {
      const low = parents[row * 2];
      const high = parents[row * 2 + 1];
      if (low === 0 && high === 0) continue;
      const slot = find(ids, slots, stamps, stamp, mask, low, high);
      if (stamps[slot] !== stamp) continue;
      let up = slots[slot];
      if (twin[up] !== NONE) {
        const wanted = kinds[row] === SERVER ? CLIENT : SERVER;
        if (kinds[up] !== wanted) up = kinds[twin[up]] === wanted ? twin[up] : NONE;
        if (up === NONE) continue;
      }
      parentRow[row] = up;
      nextSibling[row] = firstChild[up];
      firstChild[up] = row;
    }
    let next = 1;
    for (let root = from; root < to; root++) {
      if (parents[root * 2] !== 0 || parents[root * 2 + 1] !== 0) continue;
      parent[root] = -1;
      left[root] = next++;
      let row = root;
      for (;;) {
        const child = firstChild[row];
        if (child !== NONE && left[child] === 0) {
          parent[child] = left[row];
          left[child] = next++;
          row = child;
          continue;
        }
        right[row] = next++;
        while (row !== root && nextSibling[row] === NONE) {
          row = parentRow[row];
          right[row] = next++;
        }
        if (row === root) break;
        row = nextSibling[row];
        parent[row] = left[parentRow[row]];
        left[row] = next++;
      }
    }
  }
  return { left, right, parent };
}

function find(ids: Uint32Array, slots: Int32Array, stamps: Uint32Array, stamp: number, mask: number, low: number, high: number): number {
  let slot = (Math.imul(low ^ Math.imul(high, 0x85ebca6b), 0x9e3779b1) >>> 7) & mask;
  while (stamps[slot] === stamp && (ids[slots[slot] * 2] !== low || ids[slots[slot] * 2 + 1] !== high)) slot = (slot + 1) & mask;
  return slot;
}
