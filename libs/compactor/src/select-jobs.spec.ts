import type { TenantId } from '@vivace/base';
import type { BlockMeta } from '@vivace/block';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { selectJobs } from './select-jobs.ts';
import { blockId } from './testing.fixture.ts';

const TENANT = 't' as TenantId;
const HOUR = 3_600_000;
/** The blocks of most tests end in the window before that of now. */
const NOW = 1_000_000 * HOUR + HOUR / 2;
const LAST = NOW - HOUR;
const OPTIONS = { windowMs: HOUR, maxTraces: 1_000, maxBytes: 1_000_000, nowMs: NOW };

function meta(n: number, fields: Partial<BlockMeta> = {}): BlockMeta {
  return {
    format: 'vParquet4',
    blockId: blockId(n),
    tenantId: TENANT,
    startMs: LAST - HOUR,
    endMs: LAST,
    totalObjects: 10,
    size: 1_000,
    compactionLevel: 0,
    totalRecords: 1,
    bloomShards: 1,
    footerSize: 1,
    dedicatedColumns: [],
    replicationFactor: 0,
    compactedFrom: [],
    ...fields,
  };
}

const chosen = (blocks: readonly BlockMeta[], options = OPTIONS): number[][] =>
  selectJobs(TENANT, blocks, options).map(({ inputs }) => inputs.map((b) => Number(b.blockId.slice(-12))));

describe('selectJobs', () => {
  it('takes up to four of a window, the smallest first', () => {
    const blocks = [1, 2, 3, 4, 5, 6].map((n) => meta(n, { totalObjects: 100 - n }));
    expect(chosen(blocks).map((job) => job.sort())).toEqual([
      [3, 4, 5, 6],
      [1, 2],
    ]);
    expect(chosen([meta(1)])).toEqual([]);
  });

  it('waits for a full job in the window of now', () => {
    const now = { endMs: NOW };
    expect(chosen([meta(1, now), meta(2, now), meta(3, now)])).toEqual([]);
    expect(chosen([1, 2, 3, 4, 5].map((n) => meta(n, now)))).toEqual([[1, 2, 3, 4]]);
  });

  it('merges only blocks alike', () => {
    expect(chosen([meta(1), meta(2, { compactionLevel: 1 })])).toEqual([]);
    expect(chosen([meta(1), meta(2, { endMs: LAST - HOUR })])).toEqual([]);
    expect(chosen([meta(1), meta(2, { replicationFactor: 1 })])).toEqual([]);
    expect(chosen([meta(1), meta(2, { dedicatedColumns: [{ scope: 'span', name: 'x', type: 'string' }] })])).toEqual([]);
  });

  it('looks at levels in the last day only, and leaves the window at its edge alone', () => {
    const old = { endMs: NOW - 30 * HOUR };
    expect(chosen([meta(1, old), meta(2, { ...old, compactionLevel: 3 })])).toEqual([[1, 2]]);
    const edge = { endMs: NOW - 24 * HOUR };
    expect(chosen([meta(1, edge), meta(2, edge)])).toEqual([]);
  });

  it('begins with new windows and low levels', () => {
    const at = (hours: number, compactionLevel = 0) => ({ endMs: LAST - hours * HOUR, compactionLevel });
    const blocks = [meta(1, at(40)), meta(2, at(40)), meta(3, at(0, 1)), meta(4, at(0, 1)), meta(5, at(2)), meta(6, at(2)), meta(7, at(0)), meta(8, at(0))];
    expect(chosen(blocks)).toEqual([
      [7, 8],
      [5, 6],
      [3, 4],
      [1, 2],
    ]);
  });

  it('keeps the limits and gives each block to one job, whatever the order of the list', () => {
    const block = fc.record({
      totalObjects: fc.integer({ min: 1, max: 900 }),
      size: fc.integer({ min: 1, max: 900_000 }),
      compactionLevel: fc.nat(2),
      endMs: fc.integer({ min: NOW - 40 * HOUR, max: NOW }),
    });
    fc.assert(
      fc.property(fc.array(block, { maxLength: 40 }), fc.nat(), (fields, turn) => {
        const blocks = fields.map((f, n) => meta(n, f));
        const jobs = selectJobs(TENANT, blocks, OPTIONS);
        const ids = jobs.flatMap(({ inputs }) => inputs.map((b) => b.blockId));
        expect(new Set(ids).size).toBe(ids.length);
        for (const { inputs } of jobs) {
          expect(inputs.length).toBeGreaterThanOrEqual(2);
          expect(inputs.length).toBeLessThanOrEqual(4);
          expect(inputs.reduce((sum, b) => sum + b.totalObjects, 0)).toBeLessThanOrEqual(OPTIONS.maxTraces);
          expect(inputs.reduce((sum, b) => sum + b.size, 0)).toBeLessThanOrEqual(OPTIONS.maxBytes);
        }
        const at = blocks.length === 0 ? 0 : turn % blocks.length;
        expect(selectJobs(TENANT, [...blocks.slice(at), ...blocks.slice(0, at)], OPTIONS)).toEqual(jobs);
      }),
    );
  });
});
