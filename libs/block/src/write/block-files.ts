import { encodeUtf8 } from '@vivace/bytes';
import { formatBlockMeta } from '../meta.ts';
import type { FinishedBlock } from './block-writer.ts';

/** One object of a block: its name below the block's folder, and its content or the local file that has it. */
export type BlockFile = { readonly name: string; readonly bytes: Uint8Array } | { readonly name: string; readonly path: string };

/** The files of a block in the order they must be put: a block is live from the moment its meta.json exists, so that comes last. */
export function blockFiles(block: FinishedBlock, dataPath: string): BlockFile[] {
  return [
    { name: 'data.parquet', path: dataPath },
    ...block.blooms.map((bytes, i) => ({ name: `bloom-${i}`, bytes })),
    { name: 'index', bytes: encodeUtf8(block.index) },
    { name: 'meta.json', bytes: encodeUtf8(formatBlockMeta(block.meta)) },
  ];
}
