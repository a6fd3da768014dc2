import { Buffer } from 'node:buffer';
import type { Section } from './pages.ts';

/**
 * Gives back the memory behind arrays that nobody uses any more, now and not when garbage is collected: memory outside the heap counts towards the next
 * full collection, which costs more than what the arrays were for. What may lie in Node's pool of small buffers, which others use, is left alone.
 */
export function releaseMemory(...arrays: readonly ArrayBufferView[]): void {
  for (const { buffer } of arrays) if (buffer instanceof ArrayBuffer && buffer.byteLength > Buffer.poolSize) buffer.transfer(0);
}

/** Gives back what was read, of which nothing is used any more. */
export function releaseSections(sections: readonly Section[]): void {
  releaseMemory(...sections.map(({ bytes }) => bytes));
}
