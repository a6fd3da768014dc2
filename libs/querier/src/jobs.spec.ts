import type { BlockMeta } from '@vivace/block';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { divideBlocks, shareBlocks, wholeBlocks } from './jobs.ts';
import type { BlockJob } from './jobs.ts';

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
  compactedFrom: [],
});

const MIB = 1_048_576;
const groupsOf = (jobs: readonly BlockJob[]): string[] =>
  jobs.flatMap(({ blocks }) => blocks.flatMap((s) => Array.from({ length: s.to - s.from }, (_, i) => `${s.meta.blockId}/${s.from + i}`))).sort();
const allGroups = (metas: readonly BlockMeta[]): string[] => metas.flatMap((m) => Array.from({ length: m.totalRecords }, (_, i) => `${m.blockId}/${i}`)).sort();

/** Which thread has which row group. */
function owners(jobs: readonly BlockJob[]): ReadonlyMap<string, number> {
  return new Map(jobs.flatMap((job) => groupsOf([job]).map((group) => [group, job.affinity] as const)));
}

const shapes = fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 40 * MIB })), { maxLength: 8 });

describe('divideBlocks', () => {
  it('covers every row group exactly once', () => {
    fc.assert(
      fc.property(shapes, fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 100 * MIB }), (all, threads, target) => {
        const metas = all.map(([groups, size], i) => meta(String(i), groups, size));
        const jobs = divideBlocks(metas, target, threads);
        expect(jobs.every((job) => job.blocks.length > 0 && job.affinity < threads)).toBe(true);
        expect(groupsOf(jobs)).toEqual(allGroups(metas));
      }),
    );
  });

  it('leaves a row group with its thread when blocks come and go', () => {
    const metas = Array.from({ length: 12 }, (_, i) => meta(`block-${i * 7}`, 1 + (i % 5), (1 + (i % 3)) * 9 * MIB));
    const before = owners(divideBlocks(metas, 50 * MIB, 3));
    const after = owners(divideBlocks(metas.slice(4), 80 * MIB, 3));
    for (const [group, thread] of after) expect([group, thread]).toEqual([group, before.get(group)]);
    expect(new Set(before.values()).size).toBe(3);
  });

  it.each([
    ['little goes to one thread', MIB / 2, 1],
    ['more to as many as it is worth', 2.9 * MIB, 3],
    ['much to all', 300 * MIB, 4],
    ['too much for a job to more jobs', 1_000 * MIB, 12],
  ])('%s', (_what, bytes, jobs) => {
    const metas = Array.from({ length: 40 }, (_, i) => meta(String.fromCharCode(48 + i), 4, bytes / 40));
    expect(divideBlocks(metas, 100 * MIB, 4)).toHaveLength(jobs);
  });

  it('divides one large block about evenly', () => {
    const jobs = divideBlocks([meta('a', 20, 200 * MIB)], 60 * MIB, 2);
    const slices = jobs.map(({ affinity, blocks }) => [affinity, ...blocks.map((s) => [s.from, s.to])]);
    expect(slices).toEqual([
      [0, [10, 15]],
      [1, [0, 5]],
      [0, [15, 20]],
      [1, [5, 10]],
    ]);
  });
});

describe('wholeBlocks', () => {
  it('gives each block to one thread', () => {
    fc.assert(
      fc.property(shapes, fc.integer({ min: 1, max: 5 }), (all, threads) => {
        const metas = all.map(([groups, size], i) => meta(String(i), groups, size));
        const jobs = wholeBlocks(metas, threads);
        expect(groupsOf(jobs)).toEqual(allGroups(metas));
        expect(jobs.flatMap((job) => job.blocks)).toHaveLength(metas.length);
        expect(new Set(jobs.map((job) => job.affinity)).size).toBe(jobs.length);
      }),
    );
  });
});

describe('shareBlocks', () => {
  const sharesOf = (groups: readonly number[], targetBytes = 1) =>
    shareBlocks(
      groups.map((n, i) => meta(String(i), n, 4 * MIB * n)),
      targetBytes,
      4,
    ).map(({ affinity, share: { part, of } }) => [affinity, part, of]);

  it('makes shares of about the size wanted', () => {
    expect(sharesOf([20, 20], 20 * MIB)).toHaveLength(8);
    expect(sharesOf([20, 20], 1000 * MIB)).toEqual([
      [0, 0, 4],
      [1, 1, 4],
      [2, 2, 4],
      [3, 3, 4],
    ]);
  });

  it('makes few where row groups would be read over and over', () => {
    expect(sharesOf([20, 20])).toHaveLength(21);
    expect(sharesOf([1, 1, 1, 1])).toHaveLength(2);
    expect(sharesOf([20, 1, 1, 1, 1])).toHaveLength(5);
  });

  it('makes one where there is nothing', () => {
    expect(sharesOf([])).toEqual([[0, 0, 1]]);
  });
});
