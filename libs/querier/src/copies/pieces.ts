import { compareBytes } from '@vivace/bytes';
import type { BlockReader } from '@vivace/block';
import { orderByTrace, TraceAppender } from '@vivace/trace';
import type { SpanColumns, SpanTable } from '@vivace/trace';
import type { JobSources } from '../jobs.ts';
import type { BlockReaders } from '../open-sources.ts';
import type { PartCache, RecentBatches } from '../recent-batches.ts';
import { eachId, ID_BYTES, rangeOfShare, rowsInRange } from './id-range.ts';
import type { CutPoint, IdRange } from './id-range.ts';
import { digestRows, pickDigests, rowsFrom } from './trace-digests.ts';

/** A batch of which each trace, or a part of it, may lie in pieces of other sources too. */
export interface Piece {
  readonly columns: SpanColumns;
  /** Of one source no trace lies in two pieces. */
  readonly source: string;
  /** `DIGEST_WORDS` for each of some ascending rows. */
  digests(rows: Uint32Array): Promise<Uint32Array>;
  /** Appends the traces of some ascending rows to `target`. */
  append(rows: Uint32Array, target: SpanTable): Promise<void>;
}

/** A piece whose trace ids are known. Only its rows `[from, to)` count. */
export interface OpenPiece extends Piece {
  readonly ids: Uint8Array;
  readonly from: number;
  readonly to: number;
}

/** Hides the latency of an object store. */
const AT_A_TIME = 16;
/** So many blocks, the largest, decide where ranges are cut. */
const BLOCKS_THAT_CUT = 8;

/** The trace ids that a job is about. */
export async function rangeOf(sources: JobSources, readers: BlockReaders, signal: AbortSignal): Promise<IdRange> {
  const { range, share, blocks } = sources;
  if (range) return range;
  if (!share || share.of === 1) return {};
  const largest = [...blocks].sort((a, b) => b.meta.size - a.meta.size || (a.meta.blockId < b.meta.blockId ? -1 : 1)).slice(0, BLOCKS_THAT_CUT);
  const points = await inTurns(largest, async (slice): Promise<CutPoint[]> => {
    const reader = await readers.open(sources, slice);
    const ids = (await reader.lastIds(signal)) ?? new Uint8Array(0);
    const weight = slice.meta.size / Math.max(1, reader.rowGroupCount);
    return eachId(ids).map((id) => ({ id, weight }));
  });
  return rangeOfShare(points.flat(), share);
}

/** The row groups of a job's blocks that may have traces in the range. */
export async function blockPieces(sources: JobSources, readers: BlockReaders, range: IdRange, signal: AbortSignal): Promise<Piece[]> {
  const pieces = await inTurns(sources.blocks, async (slice): Promise<Piece[]> => {
    const reader = await readers.open(sources, slice);
    const last = await reader.lastIds(signal);
    const groups: number[] = [];
    for (let group = slice.from; group < slice.to; group++) if (!last || mayHave(last, group, range)) groups.push(group);
    return groups.map((group) => blockPiece(reader, group, readers.parts, signal));
  });
  return pieces.flat();
}

function mayHave(last: Uint8Array, group: number, { from, to }: IdRange): boolean {
  if (from && compareBytes(last, group * ID_BYTES, from, 0, ID_BYTES) < 0) return false;
  return !to || group === 0 || compareBytes(last, (group - 1) * ID_BYTES, to, 0, ID_BYTES) < 0;
}

function blockPiece(reader: BlockReader, group: number, kept: PartCache, signal: AbortSignal): Piece {
  const { tenantId, blockId } = reader.meta;
  const key = `${tenantId}/${blockId} digests ${group}`;
  return {
    columns: reader.columns(group),
    source: blockId,
    async digests(rows) {
      let words = kept.get(key) as Uint32Array | undefined;
      if (!words) {
        // Not those of the piece: what is loaded here shall be let go of.
        const columns = reader.columns(group);
        await columns.load(SPANS, signal);
        words = digestRows(columns, rowsFrom(0, columns.traceCount));
        kept.set(key, words, words.byteLength);
      }
      return pickDigests(words, rows);
    },
    async append(rows, target) {
      const table = await reader.readTraces(group, rows, signal);
      new TraceAppender(table, target).append(orderByTrace(table));
    },
  };
}

/** In these no trace lies twice: see `openRecent`. */
export function recentPieces(recent: RecentBatches, signal: AbortSignal): Piece[] {
  return recent.batches.map((columns) => ({
    columns,
    source: 'recent',
    async digests(rows) {
      await columns.load(SPANS, signal);
      return digestRows(columns, rows);
    },
    append(rows, target) {
      const ids = columns.traceIds();
      for (const row of rows) recent.append(ids.subarray(row * ID_BYTES, (row + 1) * ID_BYTES), target);
      return Promise.resolve();
    },
  }));
}

const SPANS = { columns: new Set(['traceId', 'spanId', 'kind'] as const), attrs: [] };
const IDS = { columns: new Set(['traceId'] as const), attrs: [], tracesOnly: true };

/** Loads the trace ids of the pieces; those without a trace in the range are left out. */
export async function openPieces(pieces: readonly Piece[], range: IdRange, signal: AbortSignal): Promise<OpenPiece[]> {
  const open = await inTurns(pieces, async (piece): Promise<OpenPiece> => {
    await piece.columns.load(IDS, signal);
    const ids = piece.columns.traceIds();
    const [from, to] = rowsInRange(ids, range);
    return { ...piece, ids, from, to };
  });
  return open.filter(({ from, to }) => from < to);
}

/** The results in the order of the items. */
export async function inTurns<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const out: R[] = [];
  for (let from = 0; from < items.length; from += AT_A_TIME) out.push(...(await Promise.all(items.slice(from, from + AT_A_TIME).map(work))));
  return out;
}
