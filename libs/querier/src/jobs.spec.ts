import type { BlockMeta } from '@vivace/block';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sliceBlocks } from './jobs.ts';

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
