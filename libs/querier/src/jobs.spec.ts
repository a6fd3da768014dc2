import type { BlockMeta } from '@vivace/block';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jobCount, sliceBlocks } from './jobs.ts';

const meta = (blockId: string, totalRecords: number, size: number): BlockMeta => ({
  format: 'vParquet4',
  blockId,
  tenantId: 't',
  startMs: 0,
  endMs: 0,
  totalObjects: 1,
  size,
  compactionLevel: 0,
  totalRecords,
  bloomShards: 1,
  footerSize: 0,
  dedicatedColumns: [],
  replicationFactor: 0,
});

describe('jobCount', () => {
  const MIB = 1_048_576;
  it.each([
    ['nothing', 0, 1],
    ['little', MIB / 2, 1],
    ['less than the threads could share', 3 * MIB, 3],
    ['enough for all threads', 300 * MIB, 8],
    ['more than a job may read', 1_000 * MIB, 10],
  ])('%s', (_what, bytes, jobs) => {
    expect(jobCount(bytes, 100 * MIB, 4)).toBe(jobs);
  });
});

describe('sliceBlocks', () => {
  it('covers every row group exactly once in at most the asked number of jobs', () => {
    const blocks = fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 1000 })), { maxLength: 8 });
    fc.assert(
      fc.property(blocks, fc.integer({ min: 1, max: 5 }), (shapes, count) => {
        const metas = shapes.map(([groups, size], i) => meta(String(i), groups, size));
        const jobs = sliceBlocks(metas, count);
        expect(jobs.length).toBeLessThanOrEqual(count);
        expect(jobs.every((job) => job.length > 0)).toBe(true);
        const seen = jobs.flat().flatMap((s) => Array.from({ length: s.to - s.from }, (_, i) => `${s.meta.blockId}/${s.from + i}`));
        expect(seen).toEqual(metas.flatMap((m) => Array.from({ length: m.totalRecords }, (_, i) => `${m.blockId}/${i}`)));
      }),
    );
  });

  it('divides one large block about evenly', () => {
    const jobs = sliceBlocks([meta('a', 20, 2000)], 4);
    expect(jobs.map((job) => job.map((s) => [s.from, s.to]))).toEqual([[[0, 5]], [[5, 10]], [[10, 15]], [[15, 20]]]);
  });
});
