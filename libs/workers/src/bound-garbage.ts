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
    if (bufferBytes() - afterMinor < minorBytes) return;
    collect('minor');
    afterMinor = bufferBytes();
    if (afterMinor - afterMajor < majorBytes) return;
    collect('major');
    afterMajor = afterMinor = bufferBytes();
  };
}

function bufferBytes(): number {
  return v8.getHeapStatistics().external_memory;
}
