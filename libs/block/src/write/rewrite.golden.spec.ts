import { readFile } from 'node:fs/promises';
import { MemorySink } from '@vivace/parquet';
import { identityOrder, orderByTrace } from '@vivace/trace';
import { parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { describe, expect, it } from 'vitest';
import { openBlock } from '../read/block-reader.ts';
import { SAMPLE_BLOCK, sampleBlock, SAMPLE_TENANT, SAMPLES } from '../testing/sample-blocks.ts';
import { BlockWriter } from './block-writer.ts';

async function rows(file: Uint8Array): Promise<Record<string, unknown>[]> {
  return parquetReadObjects({ file: new Uint8Array(file).buffer, compressors, utf8: false });
}

describe('a block of Tempo written again', () => {
  it('has the same rows in all 103 columns, computed ones included', async () => {
    const sample = await sampleBlock('sample-block', SAMPLE_BLOCK);
    const block = await openBlock(sample);
    const table = await block.readRowGroup(0);
    const theirs = await rows(await readFile(`${SAMPLES}sample-block/${SAMPLE_TENANT}/${SAMPLE_BLOCK}/data.parquet`));
    for (const order of [identityOrder(table), orderByTrace(table)]) {
      const sink = new MemorySink();
      const { blockId, tenantId, dedicatedColumns } = sample.meta;
      const writer = new BlockWriter(sink, { blockId, tenantId, dedicatedColumns });
      writer.writeRowGroup(table, order);
      const { meta } = writer.finish();
      expect(meta.totalObjects).toBe(sample.meta.totalObjects);
      expect(await rows(sink.bytes())).toEqual(theirs);
    }
  });
});
