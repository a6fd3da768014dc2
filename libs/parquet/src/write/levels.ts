import { ByteBuffer } from './byte-buffer.ts';
import { bitWidth, encodeLevels, encodeRun } from './hybrid.ts';

/** Slots a page aims at. A page ends on a row boundary, so a long row makes a longer page. */
const PAGE_SLOTS = 16_384;

/**
 * The repetition side of a column: one slot per value or empty list. Columns of one nesting share one instance, so their
 * pages are cut at the same slots and each stream is encoded once, whatever the number of columns.
 */
export class Slots {
  readonly count: number;
  /** Repetition level per slot; undefined at the top, where every slot is a row. */
  readonly levels: Uint8Array | undefined;
  /** Slot of the first value of each page, and `count` at the end. */
  readonly pageSlots: Uint32Array;
  /** Row of the first value of each page, and the number of rows at the end. */
  readonly pageRows: Uint32Array;
  readonly #encoded = new Map<number, Uint8Array>();

  constructor(count: number, levels: Uint8Array | undefined) {
    this.count = count;
    this.levels = levels;
    const slots: number[] = [0];
    const rows: number[] = [0];
    let row = 0;
    if (levels === undefined) {
      row = count;
      for (let at = PAGE_SLOTS; at < count; at += PAGE_SLOTS) {
        slots.push(at);
        rows.push(at);
      }
    } else {
      let next = PAGE_SLOTS;
      for (let i = 0; i < count; i++) {
        if (levels[i] !== 0) continue;
        if (i >= next) {
          slots.push(i);
          rows.push(row);
          next = i + PAGE_SLOTS;
        }
        row++;
      }
    }
    slots.push(count);
    rows.push(row);
    this.pageSlots = Uint32Array.from(slots);
    this.pageRows = Uint32Array.from(rows);
  }

  get pages(): number {
    return this.pageSlots.length - 1;
  }

  /** The repetition levels of a page as the file holds them. */
  encoded(page: number, maxRepetition: number): Uint8Array {
    if (this.levels === undefined) return EMPTY;
    const width = bitWidth(maxRepetition);
    const key = page * 8 + width;
    let bytes = this.#encoded.get(key);
    if (bytes === undefined) {
      scratch.length = 0;
      encodeLevels(this.levels, this.pageSlots[page], this.pageSlots[page + 1], width, scratch);
      bytes = scratch.view().slice();
      this.#encoded.set(key, bytes);
    }
    return bytes;
  }
}

const EMPTY = new Uint8Array(0);
const scratch = new ByteBuffer(1 << 14);

/**
 * Dremel levels of one nesting, built from the top down with offsets and never per value. `present` is the definition level of a slot
 * that holds an element; a lower one marks an empty list above. `definition` is a number when it is the same for all slots.
 */
export class Levels {
  readonly slots: Slots;
  readonly definition: Uint8Array | number;
  readonly present: number;
  readonly repetition: number;

  constructor(slots: Slots, definition: Uint8Array | number, present: number, repetition: number) {
    this.slots = slots;
    this.definition = definition;
    this.present = present;
    this.repetition = repetition;
  }

  /** One element per row. */
  static rows(count: number): Levels {
    return new Levels(new Slots(count, undefined), 0, 0, 0);
  }

  /**
   * A list in every element: the list of element `i` ends at `ends[i]` (it starts where the one before ends), the last at `total`.
   * Costs nothing when all lists are empty or all have one element.
   */
  list(ends: Uint32Array, total: number): Levels {
    const { slots, definition } = this;
    const depth = this.repetition + 1;
    const filled = this.present + 1;
    if (total === 0) return new Levels(emptyChild(slots), definition, filled, depth);
    const constant = typeof definition === 'number';
    if (constant && total === slots.count && allOne(ends, total) && slots.levels !== undefined) return new Levels(slots, filled, filled, depth);
    const parents = slots.levels;
    const capacity = slots.count + total;
    const repetition = new Uint8Array(capacity);
    const levels = new Uint8Array(capacity);
    let n = 0;
    let element = 0;
    let start = 0;
    let empty = 0;
    for (let slot = 0; slot < slots.count; slot++) {
      repetition[n] = parents === undefined ? 0 : parents[slot];
      if (!constant && definition[slot] !== this.present) {
        levels[n++] = definition[slot];
        empty++;
        continue;
      }
      const end = ends[element++];
      if (end === start) {
        levels[n++] = this.present;
        empty++;
        continue;
      }
      levels[n++] = filled;
      for (let i = start + 1; i < end; i++) {
        repetition[n] = depth;
        levels[n++] = filled;
      }
      start = end;
    }
    return new Levels(new Slots(n, repetition.subarray(0, n)), empty === 0 ? filled : levels.subarray(0, n), filled, depth);
  }

  /** Definition levels of an optional leaf of the element; `isSet[i]` is non-zero where element `i` has a value, of `values` in all. */
  optional(isSet: Uint32Array, values: number): Uint8Array | number {
    const { definition, present } = this;
    const { count } = this.slots;
    if (values === 0) return definition;
    if (typeof definition === 'number') {
      if (values === count) return present + 1;
      const levels = new Uint8Array(count);
      for (let i = 0; i < count; i++) levels[i] = isSet[i] !== 0 ? present + 1 : present;
      return levels;
    }
    const levels = new Uint8Array(count);
    let element = 0;
    for (let slot = 0; slot < count; slot++) {
      const level = definition[slot];
      levels[slot] = level === present && isSet[element++] !== 0 ? present + 1 : level;
    }
    return levels;
  }
}

/** At the top the child needs explicit zero levels; below, the parent's slots serve as they are. */
function emptyChild(slots: Slots): Slots {
  return slots.levels === undefined ? new Slots(slots.count, new Uint8Array(slots.count)) : slots;
}

function allOne(ends: Uint32Array, total: number): boolean {
  for (let i = 0; i < total; i++) if (ends[i] !== i + 1) return false;
  return true;
}

/** Definition levels of slots `[from, to)`; returns how many are `max`, that is, how many values the slots hold. */
export function encodeDefinition(definition: Uint8Array | number, from: number, to: number, max: number, out: ByteBuffer): number {
  if (max === 0) return to - from;
  if (typeof definition === 'number') {
    encodeRun(definition, to - from, bitWidth(max), out);
    return definition === max ? to - from : 0;
  }
  let values = 0;
  for (let i = from; i < to; i++) values += definition[i] === max ? 1 : 0;
  encodeLevels(definition, from, to, bitWidth(max), out);
  return values;
}
