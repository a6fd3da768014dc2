import v8 from 'node:v8';
import { expect, it } from 'vitest';
import { boundGarbage } from './bound-garbage.ts';

const MIB = 1024 * 1024;

it('frees dead buffers, young and old, and keeps those in use', () => {
  const check = boundGarbage({ minorBytes: 4 * MIB, majorBytes: 16 * MIB });
  const before = v8.getHeapStatistics().external_memory;
  const kept = new Uint8Array(8 * MIB).fill(7);
  let peak = 0;
  for (let i = 0; i < 200; i++) {
    // Held long enough to leave the young generation.
    let held: Uint8Array[] = Array.from({ length: 8 }, () => new Uint8Array(MIB));
    check();
    check();
    peak = Math.max(peak, v8.getHeapStatistics().external_memory - before);
    held = held.slice(0, 0);
  }
  expect(kept[MIB]).toBe(7);
  expect(peak).toBeLessThan(100 * MIB);
});
