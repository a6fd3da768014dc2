export { PartColumns } from './part-columns.ts';
export type { PartHeader } from './part-format.ts';
export { PartReader } from './part-reader.ts';
export { writePart } from './part-writer.ts';
export type { PartInfo, WritePartOptions } from './part-writer.ts';
