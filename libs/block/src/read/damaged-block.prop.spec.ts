import { AppError } from '@vivace/base';
import { MemoryObjectStore } from '@vivace/object-store';
import type { AttrScope, ColumnName } from '@vivace/trace';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COMPACTED_BLOCK, SAMPLE_BLOCK, sampleBlock } from '../testing/sample-blocks.ts';
import type { SampleBlock } from '../testing/sample-blocks.ts';
import { openBlock } from './block-reader.ts';

const ALL: ReadonlySet<ColumnName> = new Set<ColumnName>([
  'traceId',
  'traceTimes',
  'roots',
  'serviceStats',
  'spanId',
  'parentId',
  'start',
  'duration',
  'kind',
  'status',
  'name',
  'nestedSets',
  'scopeName',
  'events',
  'eventName',
  'links',
  'linkTraceId',
]);
const SCOPES: readonly AttrScope[] = ['resource', 'scope', 'span', 'event', 'link'];

/** A change of the bytes of one object; positions are fractions, so that a case means the same in files of any size. */
type Damage = { readonly kind: 'flip' | 'byte' | 'zeros' | 'cut' | 'drop'; readonly at: number; readonly value: number };

const damage: fc.Arbitrary<Damage> = fc.record({
  kind: fc.constantFrom('flip', 'flip', 'byte', 'byte', 'zeros', 'cut', 'drop'),
  at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  value: fc.integer({ min: 0, max: 255 }),
});

function damaged(bytes: Uint8Array, { kind, at, value }: Damage): Uint8Array {
  const position = Math.floor(bytes.length * at);
  if (kind === 'cut') return bytes.slice(0, position);
  if (kind === 'drop') return Buffer.concat([bytes.subarray(0, position), bytes.subarray(position + 1 + (value & 15))]);
  const copy = bytes.slice();
  if (kind === 'flip') copy[position] ^= 1 << (value & 7);
  else if (kind === 'byte') copy[position] = value;
  else copy.fill(0, position, Math.min(position + value, copy.length));
  return copy;
}

/** Reads the block in every way there is. What it says of damage must be ours to say. */
async function readAll(sample: SampleBlock, checkCrc: boolean, id: Uint8Array): Promise<'read' | 'refused'> {
  try {
    const block = await openBlock({ ...sample, checkCrc });
    for (let g = 0; g < block.rowGroupCount; g++) {
      await block.readRowGroup(g);
      const columns = block.columns(g);
      for (const scope of SCOPES) {
        const keys = (await columns.attrKeys(scope)).slice(0, 3);
        await columns.load({ columns: new Set(), attrs: keys.map((key) => ({ scope, key })) });
        for (const key of keys) columns.attr(scope, key);
      }
      await columns.load({ columns: ALL, attrs: [] });
      columns.nestedSets();
      columns.eventName();
      columns.linkTraceIds();
      for (let t = 0; t < columns.traceCount; t++) columns.serviceStats(t);
    }
    await block.findTrace(id);
    return 'read';
  } catch (reason) {
    if (!(reason instanceof AppError)) throw reason;
    expect([reason.code, reason.message]).toEqual(['data_loss', expect.stringMatching(/data\.parquet: .* at offset \d+/)]);
    return 'refused';
  }
}

async function withData(sample: SampleBlock, data: Uint8Array): Promise<SampleBlock> {
  const store = new MemoryObjectStore();
  const folder = `${sample.tenant}/${sample.meta.blockId}`;
  for (const { key } of await sample.store.list(`${folder}/`)) await store.put(key, key.endsWith('data.parquet') ? data : await sample.store.get(key));
  return { ...sample, store, meta: { ...sample.meta, size: data.length } };
}

describe('damaged blocks', async () => {
  const cases: readonly (readonly [string, SampleBlock])[] = [
    ['sample-block', await sampleBlock('sample-block', SAMPLE_BLOCK)],
    ['sample-compacted', await sampleBlock('sample-compacted', COMPACTED_BLOCK)],
  ];

  it.each(cases)(
    '%s: no damage crashes, hangs or exhausts the reader',
    async (_, sample) => {
      const key = `${sample.tenant}/${sample.meta.blockId}/data.parquet`;
      const data = await sample.store.get(key);
      const outcomes = { read: 0, refused: 0 };
      let runs = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 2 }), fc.boolean(), async (damages, inFooter) => {
          // Half of the cases hit the last third, where the footer is: damage there reaches the most code.
          const moved = inFooter ? damages.map((d) => ({ ...d, at: 0.64 + d.at * 0.36 })) : damages;
          const broken = await withData(sample, moved.reduce(damaged, data));
          outcomes[await readAll(broken, runs++ % 3 === 0, new Uint8Array(16).fill(7))]++;
        }),
        { numRuns: 5000 },
      );
      // Both happen: without CRC a flipped value bit is a value.
      expect(outcomes.refused).toBeGreaterThan(1000);
      expect(outcomes.read).toBeGreaterThan(100);
    },
    120_000,
  );
});
