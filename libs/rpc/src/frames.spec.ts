import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameJoiner, toFrames } from './frames.ts';

describe('frames', () => {
  it('come together again, one message after the other', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 50 })), fc.integer({ min: 1, max: 20 }), (messages, size) => {
        const joiner = new FrameJoiner(100);
        const got = messages.flatMap((message) => [...toFrames(message, size)]).flatMap((frame) => joiner.add(frame) ?? []);
        expect(got.map((m) => [...m])).toEqual(messages.map((m) => [...m]));
      }),
    );
  });

  it('are bounded', () => {
    const joiner = new FrameJoiner(10);
    expect(() => [...toFrames(new Uint8Array(11), 4)].map((frame) => joiner.add(frame))).toThrow('more than 10 bytes');
    expect(() => new FrameJoiner(10).add(new Uint8Array())).toThrow('no mark');
    expect(() => new FrameJoiner(10).add(Uint8Array.of(9))).toThrow('no mark');
  });
});
