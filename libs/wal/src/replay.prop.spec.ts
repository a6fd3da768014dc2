import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { SINGLE_TENANT } from '@vivace/base';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { FRAME_PREFIX_BYTES, SEGMENT_HEADER_BYTES } from './frame.ts';
import { openLog } from './log.ts';
import { replay } from './replay.ts';
import { listSegments } from './segment-files.ts';

/** One change to a file, with its place and extent as fractions of the file. */
interface Mutation {
  readonly kind: 'truncate' | 'flip' | 'zero' | 'noise' | 'drop' | 'duplicate' | 'swap' | 'duplicate-frame' | 'swap-frames' | 'append-zeros';
  readonly segment: number;
  readonly at: number;
  readonly to: number;
  readonly extent: number;
}

const fraction = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
const mutation: fc.Arbitrary<Mutation> = fc.record({
  kind: fc.constantFrom('truncate', 'flip', 'zero', 'noise', 'drop', 'duplicate', 'swap', 'duplicate-frame', 'swap-frames', 'append-zeros'),
  segment: fc.nat(1),
  at: fraction,
  to: fraction,
  // Mostly small, now and then most of the file.
  extent: fraction.map((x) => x ** 6),
});

/** Cases that once failed. */
const FOUND: [Mutation[]][] = [
  // The last frame cut short, and behind it a second one cut short.
  [
    [
      { kind: 'truncate', segment: 1, at: 0.9991309093113971, to: 0, extent: 0 },
      { kind: 'duplicate-frame', segment: 1, at: 0, to: 0, extent: 0 },
      { kind: 'truncate', segment: 1, at: 0.99997978899713, to: 0, extent: 0 },
    ],
  ],
];

function mutate(file: Buffer, frames: readonly Buffer[], { kind, at, to, extent }: Mutation): Buffer {
  const from = Math.floor(at * file.length);
  const n = Math.min(1 + Math.floor(extent * file.length), file.length - from);
  const part = file.subarray(from, from + n);
  switch (kind) {
    case 'truncate':
      return file.subarray(0, from);
    case 'flip':
      part[0] ^= 1 << Math.floor(to * 8);
      return file;
    case 'zero':
      part.fill(0);
      return file;
    case 'noise':
      for (let i = 0; i < part.length; i++) part[i] = (Math.imul(i + from, 0x9e3779b1) >>> 13) & 0xff;
      return file;
    case 'drop':
      return Buffer.concat([file.subarray(0, from), file.subarray(from + n)]);
    case 'duplicate': {
      const target = Math.floor(to * file.length);
      return Buffer.concat([file.subarray(0, target), part, file.subarray(target)]);
    }
    case 'swap': {
      const target = Math.min(Math.floor(to * file.length), file.length - n);
      const other = Buffer.from(file.subarray(target, target + n));
      file.copy(file, target, from, from + n);
      other.copy(file, from);
      return file;
    }
    case 'duplicate-frame':
      return Buffer.concat([file, frames[Math.floor(at * frames.length)]]);
    case 'swap-frames': {
      const order = [...frames];
      const [a, b] = [Math.floor(at * frames.length), Math.floor(to * frames.length)];
      [order[a], order[b]] = [order[b], order[a]];
      return Buffer.concat([file.subarray(0, SEGMENT_HEADER_BYTES), ...order]);
    }
    case 'append-zeros':
      return Buffer.concat([file, Buffer.alloc(n)]);
  }
}

/** Where each of `frames` lies undamaged in `file`, in the order of the file. */
function intactFrames(file: Buffer, frames: readonly Buffer[]): string[] {
  const found: { at: number; name: string }[] = [];
  for (const frame of frames) {
    const name = nameOf(frame.subarray(FRAME_PREFIX_BYTES + frame[21]));
    for (let at = file.indexOf(frame); at >= 0; at = file.indexOf(frame, at + 1)) found.push({ at, name });
  }
  return found.sort((a, b) => a.at - b.at).map(({ name }) => name);
}

const SIZES = [3, 40, 700, 9_000];

function payload(i: number): Buffer {
  return Buffer.from(`frame ${i} `.padEnd(SIZES[i % SIZES.length], String(i)));
}

/** `frame 17` for exactly the payload of frame 17: short, so that a counterexample can be read. */
function nameOf(bytes: Uint8Array): string {
  const name = /^frame \d+/.exec(Buffer.from(bytes.subarray(0, 12)).toString('latin1'))?.[0];
  return name && payload(Number(name.slice(6))).equals(bytes) ? name : 'not a frame';
}

it('hands out exactly the undamaged frames, whatever happened to the files', { timeout: 300_000 }, async () => {
  const root = await fs.mkdtemp(path.join(os.tmpdir(), 'damage-'));
  const original = path.join(root, 'original');
  const log = await openLog({ dir: original, sync: 'interval' });
  for (let i = 0; i < 60; i++) {
    await log.append(SINGLE_TENANT, 1, payload(i));
    if (i === 39) await log.rotate();
  }
  await log.close();
  const files = await Promise.all((await listSegments(original)).map((segment) => fs.readFile(segment.path)));
  const framesOf = files.map(splitFrames);
  const names = (await listSegments(original)).map((segment) => path.basename(segment.path));
  expect(framesOf.map((frames) => frames.length)).toEqual([40, 20]);

  let round = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 4 }), async (mutations) => {
      const dir = path.join(root, String(round++));
      await fs.mkdir(dir);
      await fs.copyFile(path.join(original, 'log.id'), path.join(dir, 'log.id'));
      const damaged: Buffer[] = files.map((file) => Buffer.from(file));
      for (const step of mutations) if (damaged[step.segment].length > 0) damaged[step.segment] = mutate(damaged[step.segment], framesOf[step.segment], step);
      for (const [i, file] of damaged.entries()) await fs.writeFile(path.join(dir, names[i]), file);

      const expected = damaged.flatMap((file, i) => intactFrames(file, framesOf[i]));
      const read: string[] = [];
      const report = await replay(dir, (frame) => void read.push(nameOf(frame.payload)));
      expect(read).toEqual(expected);

      // What could not be read is still there: in quarantine, or never damaged in the first place.
      for (const [i, file] of damaged.entries()) {
        if (!report.damaged.some(({ segment }) => segment === i + 1)) continue;
        const kept = await fs.readFile(path.join(dir, 'quarantine', names[i]));
        expect(kept.equals(file)).toBe(true);
      }

      // A second start finds the same and can go on.
      const reopened = await openLog({ dir, sync: 'interval' });
      const again = await reopened.replay(() => undefined);
      expect(again.frames).toBe(expected.length);
      expect(again.tornBytes).toBe(0);
      expect(again.damaged).toEqual(report.damaged);
      expect((await reopened.append(SINGLE_TENANT, 1, Buffer.from('next'))).segment).toBe(3);
      await reopened.close();
      await fs.rm(dir, { recursive: true });
    }),
    { numRuns: 1_500, examples: FOUND },
  );
  await fs.rm(root, { recursive: true });
});

function splitFrames(file: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = SEGMENT_HEADER_BYTES; at < file.length; ) {
    const end = at + 20 + file.readUInt32LE(at + 8);
    frames.push(file.subarray(at, end));
    at = end;
  }
  return frames;
}
