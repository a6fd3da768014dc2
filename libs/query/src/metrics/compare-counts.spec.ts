import { describe, expect, it } from 'vitest';
import { CompareCounts } from './compare-counts.ts';

const TWO_CELLS = Uint32Array.of(0, 1);
/** Cells handed over by a job, at most. */
const MAX_HANDED_CELLS = 1_048_576;

function countTexts(counts: CompareCounts, label: string, texts: Iterable<string>): void {
  const of = counts.of(label);
  for (const text of texts) of?.add(of.table.text(text), TWO_CELLS, 0, 1);
}

function* numbered(prefix: string, count: number): Generator<string> {
  for (let i = 0; i < count; i++) yield `${prefix}${i}`;
}

describe('CompareCounts', () => {
  it('counts further values of an attribute only in its total', () => {
    const counts = new CompareCounts(1);
    countTexts(counts, 'a', [...numbered('v', 10_100), 'v1', 'v10050']);
    const { groups, cells } = counts.hand(100);
    expect(groups[0]).toEqual([{ stringValue: 'baseline' }, { stringValue: 'a' }]);
    expect(cells[0]).toBe(10_102);
    expect([groups[1], cells[1]]).toEqual([[{ stringValue: 'baseline' }, { stringValue: 'a' }, { stringValue: 'v1' }], 2]);
    expect(groups).toHaveLength(1_001);
  });

  it('hands over fewer values when there are many attributes or buckets', () => {
    const buckets = 500;
    const counts = new CompareCounts(buckets);
    for (const label of numbered('a', 100)) countTexts(counts, label, numbered('v', 20));
    const { groups, cells } = counts.hand(100);
    expect(cells.length).toBe(groups.length * buckets);
    expect(cells.length).toBeLessThanOrEqual(MAX_HANDED_CELLS + 100 * buckets);
    expect(new Set(groups.map(([, label]) => JSON.stringify(label))).size).toBe(100);
  });

  it('keeps the cells of all attributes together within bounds, and says what attributes have no place', () => {
    const buckets = 1_000;
    const counts = new CompareCounts(buckets);
    const labels = [...numbered('a', 5_000)];
    const placed = labels.filter((label) => {
      countTexts(counts, label, numbered('v', 2));
      return counts.of(label) !== undefined;
    });
    // Two rows a side and attribute at least, of 8 Mi cells.
    expect(placed.length).toBeLessThanOrEqual((8 * 1_048_576) / (4 * buckets));
    expect(placed.length).toBeGreaterThan(1_000);
    expect(counts.isFull).toBe(true);
  });

  it('keeps no more text than it may', () => {
    const counts = new CompareCounts(1);
    const kept: number[] = [];
    for (const label of numbered('a', 4)) {
      countTexts(counts, label, numbered('x'.repeat(10_000), 1_000));
      kept.push(counts.of(label)?.table.size ?? 0);
    }
    const total = kept.reduce((sum, size) => sum + size, 0);
    expect(kept[0]).toBe(1_000);
    expect(total * 10_000).toBeLessThanOrEqual(16 * 1_048_576);
    expect(total).toBeGreaterThan(1_500);
  });
});
