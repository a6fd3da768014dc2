export { createBlockList } from './block-list.ts';
export type { BlockList, BlockListDeps } from './block-list.ts';
