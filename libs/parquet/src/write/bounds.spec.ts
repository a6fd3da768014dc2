import { describe, expect, it } from 'vitest';
import { PhysicalType } from '../format.ts';
import { shortBounds } from './bounds.ts';

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text));

describe('shortBounds', () => {
  it('keeps what is short and all numbers', () => {
    const short = { min: bytes('a'), max: bytes('b'.repeat(16)) };
    expect(shortBounds(PhysicalType.BYTE_ARRAY, short)).toEqual(short);
    const number = { min: new Uint8Array(8), max: new Uint8Array(8).fill(255) };
    expect(shortBounds(PhysicalType.INT64, number)).toBe(number);
    expect(shortBounds(PhysicalType.INT64, undefined)).toBeUndefined();
  });

  it('cuts a lower bound down and rounds an upper one up', () => {
    const long = shortBounds(PhysicalType.BYTE_ARRAY, { min: bytes('a'.repeat(20)), max: bytes('z'.repeat(20)) });
    expect(long).toEqual({ min: bytes('a'.repeat(16)), max: bytes(`${'z'.repeat(15)}{`) });
  });

  it('carries over 0xff, and gives up where no larger prefix exists', () => {
    const max = new Uint8Array(20).fill(255);
    expect(shortBounds(PhysicalType.BYTE_ARRAY, { min: max, max })).toBeUndefined();
    const carried = max.slice();
    carried[3] = 7;
    expect(shortBounds(PhysicalType.BYTE_ARRAY, { min: bytes(''), max: carried })).toEqual({ min: bytes(''), max: Uint8Array.of(255, 255, 255, 8) });
  });
});
