import { AppError } from '@vivace/base';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WireReader } from './wire-reader.ts';
import { WireWriter } from './wire-writer.ts';

describe('WireWriter and WireReader', () => {
  it('give back what was written', () => {
    const record = fc.tuple(fc.nat(255), fc.nat(65_535), fc.nat(0xffffffff), fc.maxSafeNat(), fc.uint8Array(), fc.string({ unit: 'grapheme' }));
    fc.assert(
      fc.property(fc.array(record), (records) => {
        const writer = new WireWriter(1);
        for (const [a, b, c, d, e, f] of records) writer.u8(a).u16(b).u32(c).varint(d).block(e).text(f);
        const reader = new WireReader(writer.finish(), 'test');
        for (const expected of records) {
          const read = [reader.u8(), reader.u16(), reader.u32(), reader.varint(Number.MAX_SAFE_INTEGER, 'd')];
          expect([...read, reader.block(1 << 20, 'e'), reader.text(1 << 20, 'f')]).toEqual(expected);
        }
        reader.end();
      }),
    );
  });

  it('fail with an AppError alone, whatever the bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const reader = new WireReader(bytes, 'test');
        try {
          for (;;) {
            reader.varint(1 << 20, 'n');
            reader.text(16, 'text');
          }
        } catch (reason) {
          expect(reason).toBeInstanceOf(AppError);
        }
      }),
    );
  });
});

describe('WireReader', () => {
  const reader = (...bytes: number[]) => new WireReader(Uint8Array.from(bytes), 'test');

  it.each([
    ['an end that comes too early', () => reader(1, 2).u32(), 'test: ends at byte 2, want 1 more'],
    ['a value over its limit', () => reader(0x80, 0x01).varint(127, 'n'), 'test: n is over 127'],
    ['a long form of a small value', () => reader(0x81, 0x00).varint(200, 'n'), 'test: n is not in its shortest form'],
    ['a block longer than there is', () => reader(5, 1, 2).block(10, 'b'), 'test: ends at byte 3, want 3 more'],
    ['text that is not UTF-8', () => reader(1, 0xff).text(10, 't'), 'test: t is not UTF-8'],
    ['bytes after the end', () => reader(1).end(), 'test: 1 bytes follow its end'],
  ])('refuses %s', (_name, read, message) => {
    expect(read).toThrow(message);
  });
});
