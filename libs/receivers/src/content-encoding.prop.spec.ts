import zlib from 'node:zlib';
import fc from 'fast-check';
import snappy from 'snappy';
import { describe, expect, it } from 'vitest';
import { lz4File, plainText, snappyFramed } from './compressed.fixture.ts';
import { DECODERS } from './content-encoding.ts';
import { xxh32 } from './xxh32.ts';

const MAX_BYTES = 160_000;
const text = plainText();
const whole: readonly (readonly [string, Buffer])[] = [
  ['gzip', zlib.gzipSync(text)],
  ['zstd', zlib.zstdCompressSync(text)],
  ['deflate', zlib.deflateRawSync(text)],
  ['snappy', snappy.compressSync(text)],
  ['x-snappy-framed', await snappyFramed(text)],
  ...['linked', 'checked', 'plain', 'stored'].map((name) => ['lz4', lz4File(name)] as const),
];

describe('hostile bodies', () => {
  it('decode to no more than the limit or are refused, whatever is changed', async () => {
    const change = fc.record({
      kind: fc.constantFrom('flip', 'cut', 'drop', 'repeat', 'fill'),
      at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
      value: fc.nat(255),
    });
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.array(change, { minLength: 1, maxLength: 4 }), async (index, changes) => {
        const [encoding, bytes] = whole[index];
        const body = changes.reduce((before, { kind, at, value }) => mutated(before, kind, Math.floor(at * before.length), value), bytes);
        const decoded = await DECODERS.get(encoding)!(body, MAX_BYTES).catch((error: unknown) => error);
        if (Buffer.isBuffer(decoded)) expect(decoded.length).toBeLessThanOrEqual(MAX_BYTES);
        else expect(decoded).toBeInstanceOf(Error);
      }),
      { numRuns: 10_000 },
    );
  });

  it('of the formats with checksums never decode to something else', async () => {
    const sound = whole.filter(([encoding, bytes]) => encoding === 'x-snappy-framed' || bytes.equals(lz4File('checked')) || bytes.equals(lz4File('linked')));
    await fc.assert(
      fc.asyncProperty(fc.nat(sound.length - 1), fc.nat(), fc.integer({ min: 1, max: 255 }), async (index, place, bits) => {
        const [encoding, bytes] = sound[index];
        const at = place % bytes.length;
        const decoded = await DECODERS.get(encoding)!(mutated(bytes, 'flip', at, bits), MAX_BYTES).catch(() => undefined);
        // A reference can become another one to the same bytes; a chunk of snappy one of those that are to be skipped.
        const skipped = encoding === 'x-snappy-framed' && decoded !== undefined && decoded.length < text.length;
        if (decoded !== undefined && !skipped) expect(decoded.equals(text)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it('take what is made of nothing but headers in one pass', async () => {
    const many = (head: string, part: string) => Buffer.concat([Buffer.from(head, 'hex'), Buffer.alloc(4_000_000, Buffer.from(part, 'hex'))]);
    // Skippable chunks without content; skippable frames; stored blocks without content.
    expect(await DECODERS.get('x-snappy-framed')!(many('ff060000734e61507059', '80000000'), MAX_BYTES)).toHaveLength(0);
    expect(await DECODERS.get('lz4')!(many('', '502a4d1800000000'), MAX_BYTES)).toHaveLength(0);
    await expect(DECODERS.get('lz4')!(many('04224d186040' + '82', '00000080'), MAX_BYTES)).rejects.toThrow('cut off at byte 4000007');
  });
});

it('xxh32 gives the digests of its specification, at any place', () => {
  const digests: readonly (readonly [string, number])[] = [
    ['', 0x02cc5d05],
    ['a', 0x550d7456],
    ['abc', 0x32d153ff],
    ['Nobody inspects the spammish repetition', 0xe2293b2f],
  ];
  for (const [input, digest] of digests) {
    expect(xxh32(Buffer.from(input))).toBe(digest);
    expect(xxh32(Buffer.from(`xx${input}y`), 2, 2 + input.length)).toBe(digest);
  }
});

function mutated(bytes: Buffer, kind: 'flip' | 'cut' | 'drop' | 'repeat' | 'fill', at: number, value: number): Buffer {
  const to = Math.min(bytes.length, at + value);
  if (kind === 'cut') return bytes.subarray(0, at);
  if (kind === 'drop') return Buffer.concat([bytes.subarray(0, at), bytes.subarray(to)]);
  if (kind === 'repeat') return Buffer.concat([bytes.subarray(0, to), bytes.subarray(at)]);
  const copy = Buffer.from(bytes);
  if (kind === 'fill') copy.fill(255, at, to);
  else if (copy.length > 0) copy[at] ^= value;
  return copy;
}
