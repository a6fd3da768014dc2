import v8 from 'node:v8';
import { collect } from './collect.ts';

export interface GarbageBounds {
  /** Growth of buffers off the heap after which the young are collected. */
  readonly minorBytes: number;
  /** What the young collections may leave before all are. */
  readonly majorBytes: number;
}

/**
 * Keeps dead buffers of this thread few: V8 sees little of them, and lets them pile up to several times what is alive. The function returned is for the
 * points between two pieces of work; it costs a microsecond when there is nothing to do.
 */
export function boundGarbage({ minorBytes, majorBytes }: GarbageBounds): () => void {
  let afterMinor = bufferBytes();
  let afterMajor = afterMinor;
  return () => {
    const now = bufferBytes();
    // What a collection found dead is freed, and no longer counted, a little after it.
    if (now < afterMinor) afterMinor = now;
    if (now < afterMajor) afterMajor = now;
    if (now - afterMinor < minorBytes) return;
    const type = now - afterMajor < majorBytes ? 'minor' : 'major';
    collect(type);
    afterMinor = bufferBytes();
    if (type === 'major') afterMajor = afterMinor;
  };
}

function bufferBytes(): number {
  return v8.getHeapStatistics().external_memory;
}
