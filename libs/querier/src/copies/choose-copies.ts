import { ID_BYTES } from './id-range.ts';
import type { OpenPiece } from './pieces.ts';
import { DIGEST_WORDS, sameDigest } from './trace-digests.ts';
import type { TraceDigests } from './trace-digests.ts';
import { TraceNumbers } from './trace-numbers.ts';

/** What one holder is to do, as 16-byte trace ids. */
export interface Choice {
  /** Traces to be evaluated where they are: nobody else does. */
  readonly evaluate: Uint8Array;
  /** Traces whose spans are wanted, since copies of them differ. */
  readonly fetch: Uint8Array;
}

const NOBODY = -1;

/**
 * Divides the traces of several holders that cannot see each other's spans (ingesters) so that each counts once, given what `pieces`, which are evaluated here
 * anyway, hold of them. A trace whose copies are alike stays where it is: here if it is here, else with the first holder. One whose copies differ is
 * fetched, to be put together with what is here; of copies that are like the first one not another time.
 */
export async function chooseCopies(holders: readonly TraceDigests[], pieces: readonly OpenPiece[]): Promise<Choice[]> {
  const seen = new TraceNumbers(holders.reduce((n, { ids }) => n + ids.length / ID_BYTES, 0));
  const traces = holders.map(({ ids }) => seen.add(ids));
  // The copy that others are compared with: one that is here where there is one.
  const first = new Uint32Array(seen.count * DIGEST_WORDS);
  const firstHolder = new Int32Array(seen.count).fill(NOBODY);
  const isHere = new Uint8Array(seen.count);
  const differs = new Uint8Array(seen.count);
  for (const piece of pieces) {
    const { ids, from, to } = piece;
    const found = seen.find(ids, from, to);
    const rows = new Uint32Array(to - from);
    let n = 0;
    for (let i = 0; i < found.length; i++) if (found[i] >= 0) rows[n++] = from + i;
    if (n === 0) continue;
    const digests = await piece.digests(rows.subarray(0, n));
    for (let i = 0; i < n; i++) {
      const trace = found[rows[i] - from];
      if (isHere[trace] === 0) first.set(digests.subarray(i * DIGEST_WORDS, (i + 1) * DIGEST_WORDS), trace * DIGEST_WORDS);
      else if (!sameDigest(first, trace, digests, i)) differs[trace] = 1;
      isHere[trace] = 1;
    }
  }
  holders.forEach(({ words }, h) => {
    for (const [row, trace] of traces[h].entries()) {
      if (isHere[trace] === 0 && firstHolder[trace] === NOBODY) {
        firstHolder[trace] = h;
        first.set(words.subarray(row * DIGEST_WORDS, (row + 1) * DIGEST_WORDS), trace * DIGEST_WORDS);
      } else if (!sameDigest(first, trace, words, row)) differs[trace] = 1;
    }
  });
  return holders.map(({ ids, words }, h) => {
    const evaluate: number[] = [];
    const fetch: number[] = [];
    for (const [row, trace] of traces[h].entries()) {
      const isFirst = firstHolder[trace] === h;
      if (differs[trace] === 0) {
        if (isFirst) evaluate.push(row);
      } else if (isFirst || !sameDigest(first, trace, words, row)) fetch.push(row);
    }
    return { evaluate: idsOf(ids, evaluate), fetch: idsOf(ids, fetch) };
  });
}

function idsOf(ids: Uint8Array, rows: readonly number[]): Uint8Array {
  const out = new Uint8Array(rows.length * ID_BYTES);
  rows.forEach((row, i) => out.set(ids.subarray(row * ID_BYTES, (row + 1) * ID_BYTES), i * ID_BYTES));
  return out;
}
