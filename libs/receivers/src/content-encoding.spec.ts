import zlib from 'node:zlib';
import snappy from 'snappy';
import { describe, expect, it } from 'vitest';
import { lz4File, lz4Frame, plainText, SNAPPY_IDENTIFIER, snappyChunk, snappyFramed } from './compressed.fixture.ts';
import { DECODERS } from './content-encoding.ts';
import { xxh32 } from './xxh32.ts';

const decode = (encoding: string, bytes: Uint8Array, maxBytes = 1 << 20) => DECODERS.get(encoding)!(Buffer.from(bytes), maxBytes);
const hex = (digits: string) => Buffer.from(digits, 'hex');
const text = plainText();
const framed = await snappyFramed(text);

describe('content encodings', () => {
  it.each([
    ['gzip', zlib.gzipSync(text)],
    ['x-gzip', zlib.gzipSync(text)],
    ['zstd', zlib.zstdCompressSync(text)],
    ['zlib', zlib.deflateSync(text)],
    ['deflate', zlib.deflateSync(text)],
    ['deflate', zlib.deflateRawSync(text)],
    ['snappy', snappy.compressSync(text)],
    ['snappy', framed],
    ['x-snappy-framed', framed],
    ['lz4', lz4File('default')],
  ])('%s is decoded within a limit, into bytes that can be moved to another thread', async (encoding, bytes) => {
    await expect(decode(encoding, bytes, text.length - 1)).rejects.toMatchObject({ code: 'ERR_BUFFER_TOO_LARGE' });
    const decoded = await decode(encoding, bytes, text.length);
    expect(decoded.equals(text)).toBe(true);
    structuredClone(decoded.buffer, { transfer: [decoded.buffer as ArrayBuffer] });
    expect(decoded).toHaveLength(0);
  });
});

describe('snappy', () => {
  it('refuses what is no block without making room for what it claims', async () => {
    await expect(decode('snappy', hex(''))).rejects.toThrow('no size at byte 0');
    await expect(decode('snappy', hex('ffffffffff'))).rejects.toThrow('no size at byte 0');
    await expect(decode('snappy', hex('ffffffff0f00'))).rejects.toMatchObject({ code: 'ERR_BUFFER_TOO_LARGE' });
    await expect(decode('snappy', Buffer.from('not snappy'))).rejects.toThrow(/snappy/);
  });

  it('reads streams with stored, skippable and repeated identifier chunks', async () => {
    const stored = snappyChunk(1, Buffer.from('stored'), Buffer.from('stored'));
    const skippable = hex('800300000a0b0c');
    for (const encoding of ['snappy', 'x-snappy-framed']) {
      expect((await decode(encoding, Buffer.concat([stored, skippable, stored]))).toString()).toBe('storedstored');
      expect(await decode(encoding, SNAPPY_IDENTIFIER)).toHaveLength(0);
    }
  });

  it.each([
    ['no stream', Buffer.from('not framed'), 'no stream identifier at byte 0'],
    ['a cut header', Buffer.concat([SNAPPY_IDENTIFIER, hex('0001')]), 'cut off in the header of a chunk at byte 10'],
    ['a cut chunk', Buffer.concat([SNAPPY_IDENTIFIER, hex('00ff000000')]), 'chunk at byte 10 ends at byte 269 of 15'],
    ['a chunk without checksum', Buffer.concat([SNAPPY_IDENTIFIER, hex('01030000000000')]), 'chunk at byte 10 has no checksum'],
    ['a wrong checksum', snappyChunk(1, Buffer.from('stored'), Buffer.from('Stored')), 'checksum of the chunk at byte 10 does not fit'],
    ['a wrong checksum of a block', snappyChunk(0, snappy.compressSync('stored'), Buffer.from('Stored')), 'checksum of the chunk at byte 10 does not fit'],
    ['a chunk of an unknown kind', Buffer.concat([SNAPPY_IDENTIFIER, hex('02000000')]), 'chunk of reserved type 2 at byte 10'],
    ['another identifier', Buffer.concat([SNAPPY_IDENTIFIER, hex('ff060000734e61507058')]), 'wrong stream identifier at byte 10'],
    ['a chunk too large', snappyChunk(0, hex('818004'), hex('')), 'chunk at byte 10 of 65537 bytes, more than 65536'],
    ['a chunk without a size', snappyChunk(0, hex('80'), hex('')), 'no size at byte 18'],
  ])('refuses %s, saying where', async (_what, bytes, message) => {
    await expect(decode('x-snappy-framed', bytes)).rejects.toThrow(message);
  });
});

describe('lz4', () => {
  it.each(['default', 'linked', 'checked', 'plain'])('reads what the lz4 program wrote: %s', async (name) => {
    expect((await decode('lz4', lz4File(name))).equals(text)).toBe(true);
  });

  it('reads stored blocks, empty frames, skippable frames and several frames', async () => {
    const stored = await decode('lz4', lz4File('stored'));
    expect(stored).toHaveLength(1000);
    const skippable = hex('5f2a4d18020000000000');
    const several = await decode('lz4', Buffer.concat([lz4File('empty'), lz4File('linked'), skippable, lz4File('stored'), skippable]));
    expect(several.equals(Buffer.concat([text, stored]))).toBe(true);
  });

  const checked = lz4File('checked');
  const plain = lz4File('plain');
  it.each([
    ['nothing', hex(''), 'cut off at byte 0, 4 bytes from 0 on are due'],
    ['what is no frame', Buffer.from('not lz4'), 'no frame at byte 0'],
    ['the legacy format', lz4File('legacy'), 'no frame at byte 0'],
    ['what follows a frame', Buffer.concat([plain, Buffer.from('rest')]), `no frame at byte ${plain.length}`],
    ['a dictionary', changed(checked, 4, checked[4] | 1), 'frame at byte 4 needs a dictionary'],
    ['another version', changed(checked, 4, 0x80), 'frame of an unknown version at byte 4'],
    ['a damaged header', changed(checked, 14, checked[14] ^ 1), 'checksum of the frame header at byte 4 does not fit'],
    ['a damaged block', changed(checked, 4000, checked[4000] ^ 1), /checksum of the block at byte \d+ does not fit|reference/],
    ['a damaged end', changed(checked, checked.length - 1, checked[checked.length - 1] ^ 1), 'checksum of the frame at byte 4 does not fit'],
    ['a block cut off', checked.subarray(0, 1000), 'cut off at byte 1000'],
    ['a frame cut off', plain.subarray(0, -2), `cut off at byte ${plain.length - 2}, 4 bytes from ${plain.length - 4} on are due`],
    ['a block too large', lz4Frame(Buffer.concat([hex('1f610100'), Buffer.alloc(300, 255), hex('0000')])), 'block at byte 11 is larger than its frame allows'],
    ['a reference before the start', lz4Frame(hex('1061020000')), 'reference to 2 bytes back, 1 are there, at byte 15'],
    ['a reference to nothing', lz4Frame(hex('1061000000')), 'reference to 0 bytes back, 1 are there, at byte 15'],
    ['literals cut off', lz4Frame(hex('f061')), 'block ends within literals at byte 13'],
    ['a block without literals at the end', lz4Frame(hex('10610100')), 'block at byte 11 ends without literals'],
    ['a length cut off', lz4Frame(hex('1f610100ff')), 'block at byte 11 ends without literals'],
  ])('refuses %s, saying where', async (_what, bytes, message) => {
    await expect(decode('lz4', bytes)).rejects.toThrow(message);
  });

  it('refuses an announced size that is too large, or is not met', async () => {
    await expect(decode('lz4', checked.subarray(0, 20), 100)).rejects.toMatchObject({ code: 'ERR_BUFFER_TOO_LARGE' });
    const says = Buffer.from(checked);
    says.writeUInt32LE(text.length - 1, 6);
    says[14] = (xxh32(says, 4, 14) >>> 8) & 0xff;
    await expect(decode('lz4', says)).rejects.toThrow(`frame at byte 4 has ${text.length} bytes, it says ${text.length - 1}`);
  });
});

function changed(bytes: Buffer, at: number, to: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = to;
  return copy;
}
