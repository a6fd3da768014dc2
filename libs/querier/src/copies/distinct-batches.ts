import { SelectedColumns } from '@vivace/query';
import { SpanTable, TableColumns } from '@vivace/trace';
import type { SpanColumns } from '@vivace/trace';
import { ID_BYTES } from './id-range.ts';
import type { OpenPiece } from './pieces.ts';
import { sameDigest } from './trace-digests.ts';
import { TraceNumbers } from './trace-numbers.ts';

const NO_ROWS = new Uint32Array(0);
const NO_DROPS = new Uint8Array(0);

/** A piece, and those of its rows whose traces others have too. */
interface Compared {
  readonly piece: OpenPiece;
  /** Number of each row's trace. */
  readonly traces: Uint32Array;
  readonly shared: Uint32Array;
  /** Of the shared rows. */
  readonly digests: Uint32Array;
}

/**
 * The traces of all pieces, each whole and once: a merge join by trace id. What one piece alone has stays where it is and costs only its id. Of copies with the same spans one
 * is taken, that of the first piece. Copies that differ are put together, each span once, in a batch of their own.
 */
export async function distinctBatches(pieces: readonly OpenPiece[]): Promise<SpanColumns[]> {
  if (new Set(pieces.map(({ source }) => source)).size < 2) return pieces.map(inRange);
  const numbers = numberTraces(pieces);
  const compared: Compared[] = [];
  for (const [p, piece] of pieces.entries()) compared.push(await compare(piece, numbers.ofPiece[p], numbers.copies));
  // Of each trace with copies: the piece that has the first, its row there among the shared ones, and whether another differs.
  const firstPiece = new Int32Array(numbers.copies.length).fill(-1);
  const firstRow = new Uint32Array(numbers.copies.length);
  const differs = new Uint8Array(numbers.copies.length);
  compared.forEach(({ piece, traces, shared, digests }, p) => {
    for (let i = 0; i < shared.length; i++) {
      const trace = traces[shared[i] - piece.from];
      const first = firstPiece[trace];
      if (first < 0) {
        firstPiece[trace] = p;
        firstRow[trace] = i;
      } else if (!sameDigest(compared[first].digests, firstRow[trace], digests, i)) differs[trace] = 1;
    }
  });
  const whole = new SpanTable();
  const batches: SpanColumns[] = [];
  for (const [p, { piece, traces, shared, digests }] of compared.entries()) {
    const joined: number[] = [];
    const dropped = shared.length === 0 ? NO_DROPS : new Uint8Array(traces.length);
    for (let i = 0; i < shared.length; i++) {
      const row = shared[i];
      const trace = traces[row - piece.from];
      const isFirst = firstPiece[trace] === p;
      if (isFirst && differs[trace] === 0) continue;
      dropped[row - piece.from] = 1;
      // Two of three copies are often alike.
      if (differs[trace] === 1 && (isFirst || !sameDigest(compared[firstPiece[trace]].digests, firstRow[trace], digests, i))) joined.push(row);
    }
    const rows = keptRows(piece, dropped);
    if (rows === undefined) batches.push(piece.columns);
    else if (rows.length > 0) batches.push(new SelectedColumns(piece.columns, rows));
    if (joined.length > 0) await piece.append(Uint32Array.from(joined), whole);
  }
  if (whole.spanCount > 0) batches.push(new TableColumns(whole));
  return batches;
}

interface Numbers {
  /** By piece, of its rows from `from` on. */
  readonly ofPiece: readonly Uint32Array[];
  /** By trace: how many pieces have it. */
  readonly copies: Uint32Array;
}

function numberTraces(pieces: readonly OpenPiece[]): Numbers {
  const numbers = new TraceNumbers(pieces.reduce((n, { from, to }) => n + to - from, 0));
  const ofPiece = pieces.map(({ ids, from, to }) => numbers.add(ids, from, to));
  const copies = new Uint32Array(numbers.count);
  for (const traces of ofPiece) for (let i = 0; i < traces.length; i++) copies[traces[i]]++;
  return { ofPiece, copies };
}

async function compare(piece: OpenPiece, traces: Uint32Array, copies: Uint32Array): Promise<Compared> {
  const shared = new Uint32Array(traces.length);
  let n = 0;
  for (let i = 0; i < traces.length; i++) if (copies[traces[i]] > 1) shared[n++] = piece.from + i;
  if (n === 0) return { piece, traces, shared: NO_ROWS, digests: NO_ROWS };
  const rows = shared.slice(0, n);
  return { piece, traces, shared: rows, digests: await piece.digests(rows) };
}

function inRange(piece: OpenPiece): SpanColumns {
  const rows = keptRows(piece, NO_DROPS);
  return rows === undefined ? piece.columns : new SelectedColumns(piece.columns, rows);
}

/** Undefined: all rows of the batch. */
function keptRows({ from, to, ids }: OpenPiece, dropped: Uint8Array): Uint32Array | undefined {
  if (dropped.length === 0 && to - from === ids.length / ID_BYTES) return undefined;
  const rows = new Uint32Array(to - from);
  let n = 0;
  for (let row = from; row < to; row++) if (dropped.length === 0 || dropped[row - from] === 0) rows[n++] = row;
  return n === ids.length / ID_BYTES ? undefined : rows.subarray(0, n);
}
