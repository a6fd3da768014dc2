import { ByteDictionary } from '@vivace/parquet';

const OBJECT_BYTES = 64;
/** A text costs its header and its place in an array besides its characters. */
const TEXT_BYTES = 32;

/**
 * About what a decoded column keeps in memory: buffers whole, however little of them is in view, each once; of dictionaries also the texts
 * they will make.
 */
export function memoryOf(value: unknown, seen = new Set<unknown>()): number {
  if (typeof value === 'string') return TEXT_BYTES + value.length;
  if (typeof value !== 'object' || value === null || seen.has(value)) return 0;
  seen.add(value);
  if (ArrayBuffer.isView(value)) {
    if (seen.has(value.buffer)) return 0;
    seen.add(value.buffer);
    return OBJECT_BYTES + value.buffer.byteLength;
  }
  const texts = value instanceof ByteDictionary ? value.bytes.length + value.size * TEXT_BYTES : 0;
  return Object.values(value).reduce<number>((sum, part) => sum + memoryOf(part, seen), OBJECT_BYTES + texts);
}
