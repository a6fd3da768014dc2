import { hex } from '@vivace/base';
import type { Batch } from '../batch.ts';
import { cellToJson } from '../cell-json.ts';
import { Cell, CELL_NONE } from '../cell.ts';
import { compileFieldValue } from '../compile-value.ts';
import type { Program } from '../field-program.ts';
import type { KeyValueJson } from '../model.ts';
import type { GroupField } from './group-keys.ts';
import type { ExemplarPiece } from './metrics-partial.ts';
import type { Selection } from './select-spans.ts';
import type { TimeAxis } from './time-axis.ts';

const PER_SLICE = 2;

/** Divides the axis into equal slices of time, so that exemplars are spread over it. */
export class Slices {
  readonly count: number;
  /** Slices a nanosecond. */
  readonly #rate: number;
  readonly #high: number;
  readonly #low: number;

  constructor({ fromNs, stepNs, buckets }: TimeAxis, exemplars: number) {
    this.count = Math.max(1, Math.ceil(exemplars / PER_SLICE));
    this.#high = Number(fromNs >> 32n);
    this.#low = Number(fromNs & 0xffff_ffffn);
    this.#rate = this.count / (Number(stepNs) * buckets);
  }

  /** Of a start on the axis, as u64 halves. */
  of(high: number, low: number): number {
    const since = (high - this.#high) * 4_294_967_296 + (low - this.#low);
    return Math.min(this.count - 1, Math.floor(since * this.#rate));
  }
}

/**
 * Chooses the spans shown beside the series: of a trace its first span counted (with a value that is not zero, where there is one), of a slice the
 * two traces first by a hash of their id. So the choice is the same at every asking, and few spans are looked at closely.
 */
export class ExemplarChooser {
  readonly #slices: Slices;
  readonly #shown: readonly GroupField[];
  /** By slice, best first. */
  readonly #chosen: ExemplarPiece[][];
  /** By slice: the rank to be below. */
  readonly #worst: Float64Array;

  constructor(axis: TimeAxis, exemplars: number, shown: readonly GroupField[]) {
    this.#slices = new Slices(axis, exemplars);
    this.#shown = shown;
    this.#chosen = Array.from({ length: this.#slices.count }, () => []);
    this.#worst = new Float64Array(this.#slices.count).fill(Number.POSITIVE_INFINITY);
  }

  /** Needs the columns start and traceId. */
  add(batch: Batch, selection: Selection, groups: Uint32Array | undefined, numbers: Float64Array | undefined): void {
    const { columns } = batch;
    const { rows, count } = selection;
    const bounds = columns.traceSpans();
    const start = columns.spanStart();
    const ids = wordsOf(columns.traceIds());
    const slices = this.#slices;
    const worst = this.#worst;
    let trace = -1;
    let end = 0;
    let programs: readonly Program[] | undefined;
    for (let i = 0; i < count; i++) {
      const row = rows === undefined ? i : rows[i];
      if (row < end) continue;
      if (numbers !== undefined && !(numbers[i] < 0 || numbers[i] > 0)) continue;
      while (bounds[trace + 1] <= row) trace++;
      end = bounds[trace + 1];
      const rank = rankOf(ids, trace);
      const slice = slices.of(start[2 * row + 1], start[2 * row]);
      if (rank <= worst[slice]) {
        programs ??= this.#shown.map(({ field }) => compileFieldValue(field, batch, selection.filters));
        const traceId = hex(columns.traceIds(), trace * 16, trace * 16 + 16);
        this.#admit(slice, {
          group: groups ? groups[i] : 0,
          bucket: selection.buckets[i],
          startNs: (BigInt(start[2 * row + 1]) << 32n) | BigInt(start[2 * row]),
          traceId,
          rank,
          value: numbers ? numbers[i] : Number.NaN,
          labels: [{ key: 'trace:id', value: { stringValue: traceId } }, ...this.#labels(programs, row)],
        });
      }
      // To the last span of the trace.
      if (rows === undefined) i = end - 1;
    }
  }

  chosen(): readonly ExemplarPiece[] {
    return this.#chosen.flat();
  }

  #labels(programs: readonly Program[], row: number): readonly KeyValueJson[] {
    const labels: KeyValueJson[] = [];
    const cell = new Cell();
    this.#shown.forEach(({ label }, i) => {
      if (label === 'trace:id' || programs[i].count(row) < 1) return;
      programs[i].read(0, cell);
      if (cell.type !== CELL_NONE) labels.push({ key: label, value: cellToJson(cell) });
    });
    return labels;
  }

  #admit(slice: number, piece: ExemplarPiece): void {
    const chosen = this.#chosen[slice];
    keepBest(chosen, piece);
    if (chosen.length === PER_SLICE) this.#worst[slice] = chosen[PER_SLICE - 1].rank;
  }
}

/** Of everything chosen by several jobs: one piece a trace, two a slice, `limit` in all. In order of time. */
export function settleExemplars(pieces: readonly ExemplarPiece[], axis: TimeAxis, limit: number): readonly ExemplarPiece[] {
  const slices = new Slices(axis, limit);
  const ofTrace = new Map<string, ExemplarPiece>();
  for (const piece of pieces) {
    const known = ofTrace.get(piece.traceId);
    if (!known || piece.startNs < known.startNs) ofTrace.set(piece.traceId, piece);
  }
  const chosen: ExemplarPiece[][] = Array.from({ length: slices.count }, () => []);
  for (const piece of ofTrace.values()) keepBest(chosen[slices.of(Number(piece.startNs >> 32n), Number(piece.startNs & 0xffff_ffffn))], piece);
  const best = chosen.flat().sort(byRank).slice(0, limit);
  return best.sort((a, b) => (a.startNs < b.startNs ? -1 : a.startNs > b.startNs ? 1 : byRank(a, b)));
}

function keepBest(chosen: ExemplarPiece[], piece: ExemplarPiece): void {
  chosen.push(piece);
  chosen.sort(byRank);
  if (chosen.length > PER_SLICE) chosen.pop();
}

function byRank(a: ExemplarPiece, b: ExemplarPiece): number {
  return a.rank - b.rank || (a.traceId < b.traceId ? -1 : a.traceId > b.traceId ? 1 : 0);
}

/** A hash of the trace id, u32: traces in an order that has nothing to do with what is in them. */
function rankOf(ids: Uint32Array, trace: number): number {
  const h = Math.imul(ids[4 * trace + 2] ^ Math.imul(ids[4 * trace + 3], 0x85eb_ca6b), 0x9e37_79b1);
  const g = Math.imul(h ^ (h >>> 15) ^ ids[4 * trace] ^ Math.imul(ids[4 * trace + 1], 0xc2b2_ae35), 0x27d4_eb2f);
  return (g ^ (g >>> 13)) >>> 0;
}

/** Copied only when the view is not aligned. */
function wordsOf(bytes: Uint8Array): Uint32Array {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength >>> 2);
}
