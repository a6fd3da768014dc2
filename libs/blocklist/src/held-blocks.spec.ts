import type { BlockMeta } from '@vivace/block';
import { describe, expect, it } from 'vitest';
import { divideHeld } from './held-blocks.ts';
import type { CompactedBlock } from './tenant-index.ts';

const meta = (blockId: string, ...compactedFrom: string[]): BlockMeta => ({ blockId, compactedFrom }) as unknown as BlockMeta; // all that is looked at

/** Blocks whose name begins with `old` are out of range. */
function divide(live: readonly BlockMeta[], compacted: readonly BlockMeta[], asked: readonly string[], held: readonly string[]) {
  const known = {
    live: new Map(live.map((one) => [one.blockId, one])),
    compacted: new Map(compacted.map((one): [string, CompactedBlock] => [one.blockId, { meta: one, compactedMs: 0 }])),
  };
  const blocks = live.filter(({ blockId }) => asked.includes(blockId));
  const division = divideHeld(known, blocks, new Set(held), ({ blockId }) => !blockId.startsWith('old'));
  return { left: division.blocks.map(({ blockId }) => blockId), elsewhere: [...division.elsewhere].sort() };
}

describe('divideHeld', () => {
  it('leaves out what is held itself', () => {
    expect(divide([meta('a'), meta('b')], [], ['a', 'b'], ['b', 'x'])).toEqual({ left: ['a'], elsewhere: ['b'] });
  });

  it('leaves out a block when all it was made of is held, however often it was merged', () => {
    const live = [meta('top', 'm', 'c'), meta('other')];
    const compacted = [meta('m', 'a', 'b'), meta('a'), meta('b'), meta('c')];
    expect(divide(live, compacted, ['top', 'other'], ['a', 'b', 'c'])).toEqual({ left: ['other'], elsewhere: ['a', 'b', 'c', 'm', 'top'] });
    expect(divide(live, compacted, ['top', 'other'], ['a', 'b'])).toEqual({ left: ['top', 'other'], elsewhere: [] });
  });

  it('leaves out a block that was merged with those that are too old for the question', () => {
    const compacted = [meta('a'), meta('old-1'), meta('old-m', 'old-2')];
    expect(divide([meta('top', 'a', 'old-1', 'old-m')], compacted, ['top'], ['a'])).toEqual({ left: [], elsewhere: ['a', 'old-1', 'old-2', 'old-m', 'top'] });
    expect(divide([meta('top', 'a', 'b', 'old-1')], [...compacted, meta('b')], ['top'], ['a'])).toEqual({ left: ['top'], elsewhere: [] });
  });

  it('takes a source that nobody knows any more for lost', () => {
    expect(divide([meta('top', 'old-gone', 'a')], [meta('a')], ['top'], ['a'])).toEqual({ left: ['top'], elsewhere: [] });
    // But not when its holder says that it has it.
    expect(divide([meta('top', 'a')], [], ['top'], ['a'])).toEqual({ left: [], elsewhere: ['a', 'top'] });
  });

  it('says nothing of blocks that are not asked', () => {
    expect(divide([meta('a'), meta('b')], [], ['a'], ['a', 'b'])).toEqual({ left: [], elsewhere: ['a'] });
  });
});
