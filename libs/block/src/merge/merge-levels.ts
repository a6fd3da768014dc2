import { Levels, Slots } from '@vivace/parquet';
import type { DecodedLevels } from '@vivace/parquet';
import type { Scratch } from '../write/scratch.ts';
import type { MergePlan } from './merge-plan.ts';
import type { SourceNest } from './merge-rows.ts';
import { NESTS } from './nests.ts';

/** Levels of a list in the row group to be made. */
export interface MergedNest {
  readonly levels: Levels;
  /** First entry of each run, and the number of entries. */
  readonly runSlots: Uint32Array;
  /** First value of each run in required columns, and the number of values. */
  readonly runValues: Uint32Array;
}

/** Puts the levels of all lists together. They lie in scratch. */
export function mergeNests(scratch: Scratch, plan: MergePlan): readonly MergedNest[] {
  const merged: MergedNest[] = [];
  for (let n = 0; n < NESTS.length; n++) {
    const { depth, parent } = NESTS[n];
    const nests = plan.sources.map((source) => source.nests[n]);
    const runSlots = runStarts(plan, nests, (nest) => nest.rowSlots);
    const runValues = nests.every((nest) => nest.rowValues === nest.rowSlots) ? runSlots : runStarts(plan, nests, (nest) => nest.rowValues);
    const count = runSlots[plan.runCount];
    const around = merged[parent] as MergedNest | undefined;
    // Empty lists everywhere: they end where the elements around them do.
    const isEmpty = around !== undefined && plan.sources.every((source) => source.nests[n].definition === source.nests[parent].definition);
    const definition = isEmpty ? around.levels.definition : mergeLevels(scratch.u8(count), plan, nests, runSlots, (nest) => nest.definition);
    let slots: Slots;
    if (depth === 0) slots = new Slots(count, undefined);
    else if (around !== undefined && nests.every((nest) => nest.isFlat)) ({ slots } = around.levels);
    else {
      const repetition = scratch.u8(count);
      const constant = mergeLevels(repetition, plan, nests, runSlots, (nest) => nest.repetition);
      if (typeof constant === 'number') repetition.fill(constant);
      slots = new Slots(count, repetition);
    }
    merged.push({ levels: new Levels(slots, definition, 0, depth), runSlots, runValues });
  }
  return merged;
}

function runStarts({ runCount, source, from, to }: MergePlan, nests: readonly SourceNest[], starts: (nest: SourceNest) => Uint32Array): Uint32Array {
  const rows = nests.map(starts);
  const out = new Uint32Array(runCount + 1);
  for (let run = 0; run < runCount; run++) {
    const at = rows[source[run]];
    out[run + 1] = out[run] + at[to[run]] - at[from[run]];
  }
  return out;
}

/** The levels of all runs: in `out`, or the one that they have in common. */
function mergeLevels(
  out: Uint8Array,
  { runCount, source, from, to }: MergePlan,
  nests: readonly SourceNest[],
  runSlots: Uint32Array,
  levelsOf: (nest: SourceNest) => DecodedLevels,
): Uint8Array | number {
  const levels = nests.map(levelsOf);
  const { constant } = levels[0];
  if (constant >= 0 && levels.every((other) => other.constant === constant)) return constant;
  for (let run = 0; run < runCount; run++) {
    const s = source[run];
    copyLevels(levels[s], nests[s].rowSlots[from[run]], nests[s].rowSlots[to[run]], out, runSlots[run]);
  }
  return out;
}

/** More bytes than this are moved faster by a call than by a loop. */
const FEW = 48;

/** Copies the levels `[from, to)` to `out[at…)`. */
export function copyLevels({ constant, each }: DecodedLevels, from: number, to: number, out: Uint8Array, at: number): void {
  if (constant >= 0) out.fill(constant, at, at + to - from);
  else if (to - from > FEW) out.set(each.subarray(from, to), at);
  else for (let i = from, o = at; i < to; i++, o++) out[o] = each[i];
}
