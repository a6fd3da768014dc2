import { describe, expect, it } from 'vitest';
import { ADMITTED, LiveTraces, TOO_MANY_LIVE_TRACES, TRACE_TOO_LARGE } from './live-traces.ts';

const id = (n: number) => new Uint8Array(16).fill(1).map((b, i) => (i < 4 ? (n >>> (8 * i)) & 255 : b));
const admit = (live: LiveTraces, n: number, size = 1, limits = { maxBytesPerTrace: 0, maxTraces: 0 }) => live.admit(id(n), 0, size, limits);

describe('LiveTraces', () => {
  it('counts distinct traces over two generations', () => {
    const live = new LiveTraces();
    for (let n = 0; n < 1000; n++) admit(live, n % 300);
    expect(live.count).toBe(300);
    live.rotate();
    for (let n = 250; n < 350; n++) admit(live, n);
    expect(live.count).toBe(350);
    live.rotate();
    expect(live.count).toBe(100);
    live.rotate();
    expect(live.count).toBe(0);
  });

  it('refuses new traces above the limit but goes on with known ones', () => {
    const live = new LiveTraces();
    const limits = { maxBytesPerTrace: 0, maxTraces: 2 };
    expect([1, 2, 3, 1].map((n) => admit(live, n, 1, limits))).toEqual([ADMITTED, ADMITTED, TOO_MANY_LIVE_TRACES, ADMITTED]);
    live.rotate();
    expect([3, 2].map((n) => admit(live, n, 1, limits))).toEqual([TOO_MANY_LIVE_TRACES, ADMITTED]);
  });

  it('knows how many bytes they have, and how many there were', () => {
    const live = new LiveTraces();
    for (const n of [1, 2, 1]) admit(live, n, 10);
    expect([live.bytes, live.created]).toEqual([30, 2]);
    live.rotate();
    admit(live, 1, 5);
    admit(live, 3, 7);
    expect(admit(live, 3, 100, { maxBytesPerTrace: 50, maxTraces: 0 })).toBe(TRACE_TOO_LARGE);
    expect([live.bytes, live.created]).toEqual([42, 3]);
    live.rotate();
    expect([live.bytes, live.created]).toEqual([32, 3]);
    live.rotate();
    expect([live.bytes, live.count]).toEqual([0, 0]);
    admit(live, 1, 1);
    expect([live.bytes, live.created]).toEqual([1, 4]);
  });

  it('remembers the size of a trace as long as it is live', () => {
    const live = new LiveTraces();
    const limits = { maxBytesPerTrace: 100, maxTraces: 0 };
    expect(admit(live, 1, 60, limits)).toBe(ADMITTED);
    live.rotate();
    expect(admit(live, 1, 50, limits)).toBe(TRACE_TOO_LARGE);
    expect(admit(live, 1, 40, limits)).toBe(ADMITTED);
    live.rotate();
    live.rotate();
    expect(admit(live, 1, 100, limits)).toBe(ADMITTED);
  });
});
