import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createMemoryLogger, createMemoryMetrics, SINGLE_TENANT } from '@vivace/base';
import type { TenantId } from '@vivace/base';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FRAME_PREFIX_BYTES, SEGMENT_HEADER_BYTES } from './frame.ts';
import { nodeLogFs } from './log-fs.ts';
import type { LogFile, LogFs } from './log-fs.ts';
import { openLog } from './log.ts';
import type { Log, LogOptions } from './log.ts';
import type { Frame } from './scan-segment.ts';
import { listSegments } from './segment-files.ts';

let dir: string;
const open: Log[] = [];

beforeEach(async () => {
  dir = await fs.mkdtemp(path.join(os.tmpdir(), 'wal-'));
});
afterEach(async () => {
  for (const log of open.splice(0)) await log.close();
  await fs.rm(dir, { recursive: true });
});

async function openTest(options: Partial<LogOptions> = {}): Promise<Log> {
  const log = await openLog({ dir, sync: 'interval', ...options });
  open.push(log);
  return log;
}

it('says which folder it cannot have', async () => {
  const file = path.join(dir, 'file');
  await fs.writeFile(file, '');
  await expect(openLog({ dir: file, sync: 'interval' })).rejects.toMatchObject({
    code: 'failed_precondition',
    message: expect.stringMatching(/^wal: .*file is no folder that can be written to: EEXIST.*; see storage\.trace\.wal\.path$/),
  });
});

/** What a new process would find. */
async function readBack(): Promise<(Omit<Frame, 'payload'> & { text: string })[]> {
  for (const log of open.splice(0)) await log.close();
  const frames: (Omit<Frame, 'payload'> & { text: string })[] = [];
  const log = await openTest();
  await log.replay(({ payload, ...frame }) => void frames.push({ ...frame, text: Buffer.from(payload).toString() }));
  return frames;
}

const bytes = (text: string): Uint8Array => Buffer.from(text);
const texts = async (): Promise<string[]> => (await readBack()).map((frame) => frame.text);
const fail = (code: string): Error => Object.assign(new Error(`${code}: injected`), { code });

/** The real file system with a record of calls and a place for failures. */
class TestFs implements LogFs {
  readonly calls: string[] = [];
  onWrite: (buffers: readonly Uint8Array[]) => Promise<number | undefined> = async () => undefined;
  onSync: () => Promise<void> = async () => undefined;
  onCreate: () => Promise<void> = async () => undefined;
  onTruncate: () => Promise<void> = async () => undefined;

  async create(file: string): Promise<LogFile> {
    await this.onCreate();
    const inner = await nodeLogFs.create(file);
    return {
      writev: async (buffers, position) => {
        // Segment headers are not of interest.
        if (position === 0) return inner.writev(buffers, position);
        this.calls.push(`write ${buffers.length / 2}`);
        const limit = await this.onWrite(buffers);
        if (limit === undefined) return inner.writev(buffers, position);
        return inner.writev([Buffer.concat(buffers).subarray(0, limit)], position);
      },
      sync: async () => {
        this.calls.push('sync');
        await this.onSync();
        await inner.sync();
      },
      truncate: async (size) => {
        this.calls.push('truncate');
        await this.onTruncate();
        await inner.truncate(size);
      },
      close: () => inner.close(),
    };
  }
  syncDir = (name: string): Promise<void> => nodeLogFs.syncDir(name);
  unlink = (file: string): Promise<void> => nodeLogFs.unlink(file);
}

class TestTimers {
  readonly pending: (() => void)[] = [];
  after(_ms: number, run: () => void): () => void {
    this.pending.push(run);
    return () => void this.pending.splice(0);
  }
}

describe('append', () => {
  it('gives back what was appended, in order, with tenant, kind and position', async () => {
    const log = await openTest();
    const first = await log.append(SINGLE_TENANT, 1, bytes('one'));
    const second = await log.append('team-a' as TenantId, 7, bytes(''));
    expect(first).toEqual({ segment: 1, offset: SEGMENT_HEADER_BYTES });
    expect(second).toEqual({ segment: 1, offset: SEGMENT_HEADER_BYTES + FRAME_PREFIX_BYTES + SINGLE_TENANT.length + 3 });
    expect(await readBack()).toEqual([
      { tenant: SINGLE_TENANT, kind: 1, text: 'one', ...first },
      { tenant: 'team-a', kind: 7, text: '', ...second },
    ]);
  });

  it('writes what arrives during a write as one group, with one sync', async () => {
    const testFs = new TestFs();
    let release = (): void => undefined;
    let started = (): void => undefined;
    const writing = new Promise<void>((resolve) => {
      started = resolve;
    });
    testFs.onWrite = () => {
      testFs.onWrite = async () => undefined;
      started();
      return new Promise((resolve) => {
        release = () => resolve(undefined);
      });
    };
    const log = await openTest({ fs: testFs, sync: 'always' });
    const first = log.append(SINGLE_TENANT, 1, bytes('0'));
    await writing;
    const rest = Array.from({ length: 50 }, (_, i) => log.append(SINGLE_TENANT, 1, bytes(`${i + 1}`)));
    release();
    await Promise.all([first, ...rest]);
    expect(testFs.calls).toEqual(['write 1', 'sync', 'write 50', 'sync']);
    expect(await texts()).toEqual(Array.from({ length: 51 }, (_, i) => `${i}`));
  });

  it('resolves in the order of the calls and with rising positions across segments', async () => {
    const log = await openTest({ segmentBytes: 500 });
    const order: number[] = [];
    const positions = await Promise.all(
      Array.from({ length: 100 }, async (_, i) => {
        const position = await log.append(SINGLE_TENANT, 1, bytes(`payload ${i}`));
        order.push(i);
        return position;
      }),
    );
    expect(order).toEqual(order.map((_, i) => i));
    for (let i = 1; i < positions.length; i++) {
      const [a, b] = [positions[i - 1], positions[i]];
      expect(b.segment > a.segment || (b.segment === a.segment && b.offset > a.offset)).toBe(true);
    }
    expect(positions.at(-1)!.segment).toBeGreaterThan(3);
    expect((await texts()).length).toBe(100);
  });

  it('finishes short writes', async () => {
    const testFs = new TestFs();
    let limit = 1;
    testFs.onWrite = async () => limit++;
    const log = await openTest({ fs: testFs });
    await Promise.all([log.append(SINGLE_TENANT, 1, bytes('first of two')), log.append(SINGLE_TENANT, 1, bytes('second of two'))]);
    expect(testFs.calls.length).toBeGreaterThan(5);
    expect(await texts()).toEqual(['first of two', 'second of two']);
  });

  it('syncs once per interval under `interval`, and not without new frames', async () => {
    const testFs = new TestFs();
    const timers = new TestTimers();
    const log = await openTest({ fs: testFs, timers });
    await log.append(SINGLE_TENANT, 1, bytes('a'));
    await log.append(SINGLE_TENANT, 1, bytes('b'));
    expect(testFs.calls).toEqual(['write 1', 'write 1']);
    expect(timers.pending.length).toBe(1);
    timers.pending.pop()!();
    await log.append(SINGLE_TENANT, 1, bytes('c'));
    await log.close();
    expect(testFs.calls.filter((call) => call === 'sync').length).toBe(2);
    expect(timers.pending.length).toBe(0);
  });

  it('refuses frames beyond its limits and after closing', async () => {
    const log = await openTest({ maxFrameBytes: 200, maxPendingBytes: 300 });
    await expect(log.append(SINGLE_TENANT, 1, new Uint8Array(200))).rejects.toMatchObject({
      code: 'invalid_argument',
      message: 'wal: frame of 235 bytes exceeds the limit of 200; send smaller batches',
    });
    const fits = [log.append(SINGLE_TENANT, 1, new Uint8Array(100)), log.append(SINGLE_TENANT, 1, new Uint8Array(100))];
    await expect(log.append(SINGLE_TENANT, 1, new Uint8Array(100))).rejects.toMatchObject({
      code: 'resource_exhausted',
      message: 'wal: 405 bytes waiting to be written exceed the limit of 300 (storage.trace.wal.max_pending_bytes)',
      retryAfterMs: 1_000,
    });
    await Promise.all(fits);
    expect(log.pendingBytes).toBe(0);
    await expect(log.append('' as TenantId, 1, new Uint8Array(1))).rejects.toMatchObject({ code: 'invalid_argument' });
    await log.close();
    await expect(log.append(SINGLE_TENANT, 1, new Uint8Array(1))).rejects.toMatchObject({ code: 'unavailable', message: 'wal: closed' });
  });
});

describe('failures', () => {
  it('rejects the group on a full disk, leaves nothing of it, and recovers by itself', async () => {
    const testFs = new TestFs();
    const log = await openTest({ fs: testFs });
    await log.append(SINGLE_TENANT, 1, bytes('before'));
    let writes = 0;
    testFs.onWrite = async () => {
      // The first bytes still fit.
      if (writes++ === 0) return 10;
      throw fail('ENOSPC');
    };
    const refused = await Promise.allSettled([log.append(SINGLE_TENANT, 1, bytes('lost 1')), log.append(SINGLE_TENANT, 1, bytes('lost 2'))]);
    for (const result of refused) {
      expect(result).toMatchObject({
        status: 'rejected',
        reason: { code: 'resource_exhausted', message: 'wal: no space left on the device', retryAfterMs: 1_000 },
      });
    }
    expect(log.pendingBytes).toBe(0);
    testFs.onWrite = async () => undefined;
    const after = await log.append(SINGLE_TENANT, 1, bytes('after'));
    expect(after.segment).toBe(1);
    expect(await texts()).toEqual(['before', 'after']);
  });

  it('goes on in a new segment when the unfinished write cannot be cut off', async () => {
    const testFs = new TestFs();
    const log = await openTest({ fs: testFs });
    await log.append(SINGLE_TENANT, 1, bytes('before'));
    let writes = 0;
    testFs.onWrite = async () => {
      if (writes++ === 0) return 10;
      throw fail('EIO');
    };
    testFs.onTruncate = async () => {
      throw fail('EIO');
    };
    await expect(log.append(SINGLE_TENANT, 1, bytes('lost'))).rejects.toMatchObject({ code: 'unavailable', message: 'wal: write failed: EIO: injected' });
    testFs.onWrite = async () => undefined;
    expect((await log.append(SINGLE_TENANT, 1, bytes('after'))).segment).toBe(2);
    expect(await texts()).toEqual(['before', 'after']);
  });

  it('rejects the group under `always` when the sync fails and never writes to that segment again', async () => {
    const testFs = new TestFs();
    const log = await openTest({ fs: testFs, sync: 'always' });
    await log.append(SINGLE_TENANT, 1, bytes('before'));
    testFs.onSync = async () => {
      throw fail('EIO');
    };
    await expect(log.append(SINGLE_TENANT, 1, bytes('lost'))).rejects.toMatchObject({ code: 'unavailable' });
    testFs.onSync = async () => undefined;
    expect((await log.append(SINGLE_TENANT, 1, bytes('after'))).segment).toBe(2);
    expect(await texts()).toEqual(['before', 'after']);
  });

  it('counts a failed background sync and goes on in a new segment', async () => {
    const testFs = new TestFs();
    const timers = new TestTimers();
    const metrics = createMemoryMetrics();
    const logger = createMemoryLogger();
    const log = await openTest({ fs: testFs, timers, metrics, logger });
    await log.append(SINGLE_TENANT, 1, bytes('a'));
    testFs.onSync = async () => {
      testFs.onSync = async () => undefined;
      throw fail('EIO');
    };
    timers.pending.pop()!();
    await log.append(SINGLE_TENANT, 1, bytes('b'));
    expect((await log.append(SINGLE_TENANT, 1, bytes('c'))).segment).toBe(2);
    expect(metrics.value('vivace_wal_failures_total', { operation: 'sync' })).toBe(1);
    expect(metrics.value('vivace_wal_frames_total')).toBe(3);
    expect(logger.entries.map(({ msg }) => msg)).toEqual(['wal: sync failed, recent frames would not survive a power cut']);
    expect(await texts()).toEqual(['a', 'b', 'c']);
  });

  it('rejects while no segment can be created and begins one when it can', async () => {
    const testFs = new TestFs();
    const log = await openTest({ fs: testFs });
    testFs.onCreate = async () => {
      throw fail('ENOSPC');
    };
    await expect(log.append(SINGLE_TENANT, 1, bytes('lost'))).rejects.toMatchObject({ code: 'resource_exhausted' });
    testFs.onCreate = async () => undefined;
    await log.append(SINGLE_TENANT, 1, bytes('kept'));
    expect(await texts()).toEqual(['kept']);
  });
});

describe('segments', () => {
  it('ends a segment behind the frames appended before', async () => {
    const log = await openTest();
    const before = log.append(SINGLE_TENANT, 1, bytes('before'));
    const rotated = log.rotate();
    const after = log.append(SINGLE_TENANT, 1, bytes('after'));
    expect((await before).segment).toBe(await rotated);
    expect((await after).segment).toBe((await rotated) + 1);
  });

  it('deletes released segments and never the one being written', async () => {
    const log = await openTest();
    await log.append(SINGLE_TENANT, 1, bytes('a'));
    const closed = await log.rotate();
    await log.append(SINGLE_TENANT, 1, bytes('b'));
    await log.release(closed);
    expect((await listSegments(dir)).map((segment) => segment.sequence)).toEqual([2]);
    await log.release(2);
    await log.append(SINGLE_TENANT, 1, bytes('c'));
    expect(await texts()).toEqual(['b', 'c']);
  });

  it('never uses a sequence again, not even when all segments were released before a restart', async () => {
    const log = await openTest();
    await log.append(SINGLE_TENANT, 1, bytes('a'));
    const closed = await log.rotate();
    await log.release(closed);
    const files = await fs.readdir(dir);
    await log.release(await log.rotate());
    expect(await fs.readdir(dir)).toEqual(files);
    expect(await texts()).toEqual([]);
    const position = await open[0].append(SINGLE_TENANT, 1, bytes('b'));
    expect(position.segment).toBeGreaterThan(closed);
  });

  it('continues above positions that somebody remembers', async () => {
    const log = await openTest();
    log.skipTo(40);
    expect((await log.append(SINGLE_TENANT, 1, bytes('a'))).segment).toBe(40);
    log.skipTo(7);
    await log.rotate();
    expect((await log.append(SINGLE_TENANT, 1, bytes('b'))).segment).toBe(41);
    expect(await texts()).toEqual(['a', 'b']);
  });
});
