import type { ColumnSource } from './columns.ts';
import { levelBytes } from './list-kernels.ts';

const ONES = 0x01010101;
const SEVENS = 0x07070707;
/** A byte counts to 255. */
const MAX_STEPS = 255;
/** For fewer entries a loop over bytes is faster. */
const MIN_GAP = 12;

/** Counts the levels equal to a certain one up to ascending positions, and finds where so many others lie: four levels at a time. Levels are below 8. */
export class LevelRank {
  readonly levels: Uint8Array;
  readonly level: number;
  readonly #words: Uint32Array;
  #at = 0;
  #rank = 0;

  constructor(levels: Uint8Array, level: number) {
    // Levels are arrays of their own, which begin where their memory does.
    this.levels = levels.byteOffset % 4 === 0 ? levels : levels.slice();
    this.level = level;
    this.#words = new Uint32Array(this.levels.buffer, this.levels.byteOffset, this.levels.length >>> 2);
  }

  /** Of the values of a column; undefined when it has none. */
  static ofValues(column: ColumnSource | undefined): LevelRank | undefined {
    if (column === undefined) return undefined;
    const definition = column.definition();
    const { maxDefinition } = column.leaf;
    return definition.constant >= 0 && definition.constant < maxDefinition ? undefined : new LevelRank(levelBytes(definition), maxDefinition);
  }

  /** How many of the levels before `position` are the one; `position` is not before that of the call before. */
  before(position: number): number {
    const { levels, level } = this;
    let i = this.#at;
    let n = this.#rank;
    if (position - i >= MIN_GAP) {
      for (; (i & 3) !== 0; i++) n += levels[i] === level ? 1 : 0;
      const end = position >>> 2;
      for (let w = i >>> 2; w < end; ) {
        const to = Math.min(end, w + MAX_STEPS);
        n += 4 * (to - w) - this.#others(w, to);
        w = to;
      }
      i = end << 2;
    }
    for (; i < position; i++) n += levels[i] === level ? 1 : 0;
    this.#at = position;
    this.#rank = n;
    return n;
  }

  /** Where the other level with this number (from 0) lies, ascending from call to call; the end when there are fewer. */
  other(number: number): number {
    const { levels, level } = this;
    const n = levels.length;
    let i = this.#at;
    let others = i - this.#rank;
    for (;;) {
      if ((i & 3) === 0) {
        // Whole words in which the wanted one does not lie.
        const words = this.#words;
        let w = i >>> 2;
        while (w < words.length) {
          const more = this.#others(w, w + 1);
          if (others + more > number) break;
          others += more;
          w++;
        }
        i = w << 2;
      }
      if (i >= n) break;
      if (levels[i] !== level) {
        if (others === number) break;
        others++;
      }
      i++;
    }
    this.#at = i;
    this.#rank = i - others;
    return i;
  }

  /** Bytes other than the level in at most 255 words: one that differs is 1..7 after the xor; adding 7 carries it into bit 3. */
  #others(from: number, to: number): number {
    const words = this.#words;
    const wanted = this.level * ONES;
    let differ = 0;
    for (let w = from; w < to; w++) differ += (((words[w] ^ wanted) + SEVENS) >>> 3) & ONES;
    return (differ & 255) + ((differ >>> 8) & 255) + ((differ >>> 16) & 255) + (differ >>> 24);
  }
}
