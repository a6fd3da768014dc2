import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createMemoryLogger, SINGLE_TENANT } from '@vivace/base';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeSegmentHeader, SEGMENT_HEADER_BYTES } from './frame.ts';
import { openLog } from './log.ts';
import { replay } from './replay.ts';
import type { ReplayOptions, ReplayProgress, ReplayReport } from './replay.ts';
import { listSegments } from './segment-files.ts';
import type { SegmentFile } from './segment-files.ts';

let dir: string;
beforeEach(async () => {
  dir = await fs.mkdtemp(path.join(os.tmpdir(), 'replay-'));
});
afterEach(() => fs.rm(dir, { recursive: true }));

async function write(...segments: string[][]): Promise<SegmentFile[]> {
  const log = await openLog({ dir, sync: 'interval' });
  for (const texts of segments) {
    await Promise.all(texts.map((text) => log.append(SINGLE_TENANT, 1, Buffer.from(text))));
    await log.rotate();
  }
  await log.close();
  return listSegments(dir);
}

async function read(options: ReplayOptions = {}): Promise<{ texts: string[]; report: ReplayReport; warnings: string[] }> {
  const texts: string[] = [];
  const logger = createMemoryLogger();
  const report = await replay(dir, (frame) => void texts.push(Buffer.from(frame.payload).toString()), { logger, ...options });
  const warnings = logger.entries.filter(({ level }) => level !== 'info').map(({ msg }) => msg);
  return { texts, report, warnings };
}

async function edit(segment: SegmentFile, change: (bytes: Buffer) => Buffer | undefined): Promise<void> {
  const bytes = await fs.readFile(segment.path);
  await fs.writeFile(segment.path, change(bytes) ?? bytes);
}

describe('replay', () => {
  it('reads a folder that does not exist yet as an empty log', async () => {
    const log = await openLog({ dir: path.join(dir, 'new'), sync: 'interval' });
    expect(await log.replay(() => undefined)).toMatchObject({ segments: 0, frames: 0, lastSegment: 0 });
    await log.close();
  });

  it('waits for the handler before it reuses the buffer', async () => {
    const big = Array.from({ length: 40 }, (_, i) => String.fromCharCode(65 + (i % 26)).repeat(100_000));
    await write(big);
    const seen: string[] = [];
    await replay(dir, async ({ payload }) => {
      await new Promise((resolve) => setImmediate(resolve));
      seen.push(Buffer.from(payload).toString());
    });
    expect(seen).toEqual(big);
  });

  it('cuts a torn tail from the last segment, once', async () => {
    const [segment] = await write(['a', 'b', 'torn away']);
    await edit(segment, (bytes) => bytes.subarray(0, -3));
    const first = await read();
    expect(first.texts).toEqual(['a', 'b']);
    expect(first.report).toMatchObject({ damaged: [], quarantined: [], lastSegment: 1 });
    expect(first.report.tornBytes).toBeGreaterThan(9);
    expect((await read()).report).toMatchObject({ frames: 2, tornBytes: 0, damaged: [] });
  });

  it('takes a frame that is cut short in an earlier segment for damage', async () => {
    const [segment] = await write(['a', 'b'], ['c']);
    await edit(segment, (bytes) => bytes.subarray(0, -1));
    const { texts, report } = await read();
    expect(texts).toEqual(['a', 'c']);
    expect(report).toMatchObject({ tornBytes: 0, damaged: [{ segment: 1, to: segment.sizeBytes - 1 }] });
    expect(report.quarantined.length).toBe(1);
  });

  it('cuts a tail of zeros', async () => {
    const [segment] = await write(['a']);
    await edit(segment, (bytes) => Buffer.concat([bytes, Buffer.alloc(3_000_000)]));
    const { texts, report } = await read();
    expect(texts).toEqual(['a']);
    expect(report).toMatchObject({ tornBytes: 3_000_000, damaged: [] });
    expect((await fs.stat(segment.path)).size).toBe(segment.sizeBytes);
  });

  it('reads empty segments and unfinished headers as nothing', async () => {
    await write(['a'], ['b'], ['c'], ['d']);
    const segments = await listSegments(dir);
    await edit(segments[1], () => Buffer.alloc(0));
    await edit(segments[2], (bytes) => bytes.subarray(0, SEGMENT_HEADER_BYTES));
    await edit(segments[3], (bytes) => bytes.subarray(0, 11));
    const { texts, report } = await read();
    expect(texts).toEqual(['a']);
    expect(report).toMatchObject({ segments: 4, tornBytes: 11, damaged: [] });
  });

  it('goes on behind a damaged frame, keeps the segment past its release, and tells once', async () => {
    const [segment] = await write(['first', 'second', 'third']);
    const damaged = Buffer.from(await fs.readFile(segment.path));
    damaged[damaged.indexOf('second')] ^= 1;
    await edit(segment, () => damaged);

    const first = await read();
    expect(first.texts).toEqual(['first', 'third']);
    expect(first.report.damaged.length).toBe(1);
    expect(first.warnings).toEqual(['wal: segment with unreadable frames set aside']);
    const again = await read();
    expect(again.texts).toEqual(['first', 'third']);
    expect(again.warnings).toEqual([]);

    const log = await openLog({ dir, sync: 'interval' });
    await log.release(1);
    await log.close();
    expect(await fs.readFile(first.report.quarantined[0])).toEqual(damaged);
  });

  it('finds the frames of a segment whose header is damaged, with and without the file that names the marker', async () => {
    const [segment] = await write(['a', 'b']);
    await edit(segment, (bytes) => void bytes.fill(0xff, 0, SEGMENT_HEADER_BYTES));
    expect((await read()).texts).toEqual(['a', 'b']);
    await fs.rm(path.join(dir, 'log.id'));
    const { texts, report } = await read();
    expect(texts).toEqual(['a', 'b']);
    expect(report.damaged).toEqual([{ segment: 1, from: 0, to: SEGMENT_HEADER_BYTES }]);
  });

  it('sets a segment of a later version aside as a whole', async () => {
    const [segment] = await write(['a'], ['b']);
    await edit(segment, (bytes) => {
      const header = Buffer.from(encodeSegmentHeader(bytes.subarray(12, 20), 0, 2));
      return Buffer.concat([header, bytes.subarray(SEGMENT_HEADER_BYTES)]);
    });
    const { texts, report } = await read();
    expect(texts).toEqual(['b']);
    expect(report.damaged).toEqual([{ segment: 1, from: 0, to: segment.sizeBytes }]);
    expect(report.quarantined.length).toBe(1);
  });

  it('keeps the segment of a frame that its reader does not know', async () => {
    await write(['known', 'unknown', 'known']);
    for (const late of [false, true]) {
      const report = await replay(dir, ({ payload }) => {
        const verdict = Buffer.from(payload).toString() === 'unknown' ? 'set-aside' : undefined;
        return late ? Promise.resolve(verdict) : verdict;
      });
      expect(report).toMatchObject({ frames: 3, setAsideFrames: 1, damaged: [] });
      expect(await fs.readdir(path.join(dir, 'quarantine'))).toEqual([path.basename(report.quarantined[0])]);
    }
  });

  it('does not let a payload pass for a frame when the frame around it is damaged', async () => {
    const [inner] = await write(['forged']);
    const forged = (await fs.readFile(inner.path)).subarray(SEGMENT_HEADER_BYTES);
    // The sender knows the format but not this log's marker.
    forged.fill(0x41, 0, 8);
    await fs.rm(inner.path);
    const log = await openLog({ dir, sync: 'interval' });
    await log.append(SINGLE_TENANT, 1, Buffer.concat([Buffer.from('around '), forged]));
    await log.append(SINGLE_TENANT, 1, Buffer.from('next'));
    await log.close();
    const [segment] = await listSegments(dir);
    await edit(segment, (bytes) => void (bytes[bytes.indexOf('around')] ^= 1));
    expect((await read()).texts).toEqual(['next']);
  });

  it('leaves a segment that cannot be set aside where it is', async () => {
    const [segment] = await write(['a', 'b']);
    await edit(segment, (bytes) => void (bytes[bytes.length - 1] ^= 1));
    await fs.writeFile(path.join(dir, 'quarantine'), 'in the way');
    const log = await openLog({ dir, sync: 'interval' });
    const report = await log.replay(() => undefined);
    expect(report).toMatchObject({ frames: 1, quarantined: [] });
    await log.append(SINGLE_TENANT, 1, Buffer.from('c'));
    await log.release(await log.rotate());
    await log.close();
    expect((await listSegments(dir)).map((left) => left.sequence)).toContain(1);
  });

  it('reports progress to the end', async () => {
    await write(['a'], ['b', 'c']);
    const progress: ReplayProgress[] = [];
    const { report } = await read({ onProgress: (step) => void progress.push(step) });
    expect(progress.at(-1)).toEqual({ segments: 2, totalSegments: 2, bytes: report.bytes, totalBytes: report.bytes, frames: 3 });
  });

  it('stops between frames when aborted, and passes on what the handler throws', async () => {
    await write(['a', 'b', 'c']);
    const controller = new AbortController();
    let seen = 0;
    const aborted = replay(
      dir,
      () => {
        seen++;
        controller.abort();
      },
      { signal: controller.signal },
    );
    await expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
    expect(seen).toBe(1);
    const bug = new Error('bug');
    await expect(replay(dir, () => Promise.reject(bug))).rejects.toBe(bug);
  });
});
