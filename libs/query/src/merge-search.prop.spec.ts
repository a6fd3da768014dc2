import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mergeCertain, mergeSearch } from './merge-search.ts';
import type { SearchPartial, TracePiece } from './search-partial.ts';

const JOBS = 5;
const MINUTE_NS = 60_000_000_000n;

function piece(trace: number, startNs: bigint, isRoot: boolean, nr: number): TracePiece {
  const spanIds = Uint8Array.of(0, 0, 0, 0, 0, 0, trace, nr);
  return {
    traceId: trace.toString(16).padStart(32, '0'),
    startNs,
    durationNs: 1_000_000,
    rootServiceName: isRoot ? 'root' : '',
    rootTraceName: '',
    serviceStats: [{ service: 's', spanCount: nr + 1, errorCount: 0 }],
    spanSets: [{ group: '', attributes: [], spans: [{ spanID: `${trace}-${nr}`, startTimeUnixNano: String(startNs) }], matched: 1, spanIds }],
  };
}

/** Traces that begin with their root (give or take a clock), each in pieces at any later time, spread over jobs. */
const jobsArbitrary = fc
  .array(
    fc.record({
      minute: fc.nat({ max: 30 }),
      hasRoot: fc.boolean(),
      pieces: fc.array(fc.record({ after: fc.integer({ min: -59, max: 1_800 }), job: fc.nat({ max: JOBS - 1 }) }), { minLength: 1, maxLength: 3 }),
    }),
    { maxLength: 12 },
  )
  .map((traces) => {
    const jobs: TracePiece[][] = Array.from({ length: JOBS }, () => []);
    traces.forEach(({ minute, hasRoot, pieces }, trace) =>
      pieces.forEach(({ after, job }, nr) => {
        const isRoot = hasRoot && nr === 0;
        jobs[job].push(piece(trace, (100n + BigInt(minute)) * MINUTE_NS + (isRoot ? 0n : BigInt(after) * 1_000_000_000n), isRoot, nr));
      }),
    );
    return jobs;
  });

const partial = (pieces: readonly TracePiece[]): SearchPartial => ({ pieces, inspectedTraces: 0, inspectedSpans: 0, inspectedBytes: 0 });
const latest = (jobs: readonly (readonly TracePiece[])[]): bigint => jobs.flat().reduce((max, p) => (p.startNs > max ? p.startNs : max), 0n);

describe('mergeCertain', () => {
  it('says only what the final answer says, whatever order jobs complete in', () => {
    let early = 0;
    fc.assert(
      fc.property(
        jobsArbitrary,
        fc.integer({ min: 1, max: 6 }),
        fc.array(fc.nat(), { minLength: JOBS, maxLength: JOBS }),
        fc.boolean(),
        (jobs, limit, keys, newestFirst) => {
          const options = { limit, spansPerSpanSet: 3, legacy: false };
          const final = mergeSearch(jobs.map(partial), options);
          const order = jobs.map((pieces, i) => ({ pieces, key: keys[i] })).sort((a, b) => a.key - b.key);
          if (newestFirst) order.sort((a, b) => (latest([a.pieces]) < latest([b.pieces]) ? 1 : -1));
          for (let done = 1; done < JOBS; done++) {
            const completed = order.slice(0, done).map(({ pieces }) => partial(pieces));
            const certain = mergeCertain(completed, options, latest(order.slice(done).map(({ pieces }) => pieces)));
            expect(final).toEqual(expect.arrayContaining([...certain]));
            early += certain.length;
          }
        },
      ),
      { numRuns: 3_000 },
    );
    expect(early).toBeGreaterThan(1_000);
  });

  it('waits for the root of a trace, and for what may be newer', () => {
    const options = { limit: 3, spansPerSpanSet: 3, legacy: false };
    const [rootless, whole, old] = [piece(1, 20n * MINUTE_NS, false, 0), piece(2, 19n * MINUTE_NS, true, 0), piece(3, 10n * MINUTE_NS, true, 0)];
    const ids = (openUntilNs: bigint, limit = 3) =>
      mergeCertain([partial([rootless, whole, old])], { ...options, limit }, openUntilNs).map(({ traceID }) => Number(`0x${traceID}`));
    expect(ids(15n * MINUTE_NS)).toEqual([2]);
    expect(ids(19n * MINUTE_NS)).toEqual([]);
    expect(ids(9n * MINUTE_NS)).toEqual([1, 2, 3]);
    expect(ids(15n * MINUTE_NS, 2)).toEqual([1, 2]);
  });
});
