import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createMemoryLogger } from '@vivace/base';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { followFiles } from './follow-files.ts';

let dir: string;
beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'follow-'));
});
afterEach(() => fs.rmSync(dir, { recursive: true }));

describe('followFiles', () => {
  it('tells of changed bytes once, keeps on after a refusal, sees links turn, and stops', async () => {
    const file = path.join(dir, 'a');
    fs.writeFileSync(file, 'one');
    const logger = createMemoryLogger();
    const waiting: (() => void)[] = [];
    const timers = { after: (_delayMs: number, run: () => void) => (waiting.push(run), () => undefined) };
    let changes = 0;
    let refuse = false;
    const onChange = async (): Promise<void> => {
      changes++;
      if (refuse) throw new Error('no good');
    };
    const files = await followFiles({ paths: [file, path.join(dir, 'none')], periodMs: 1, timers, logger, onChange });
    expect(waiting).toHaveLength(1);
    await files.check();
    expect(changes).toBe(0);
    fs.writeFileSync(file, 'two');
    await files.check();
    await files.check();
    expect(changes).toBe(1);
    refuse = true;
    fs.rmSync(file);
    fs.writeFileSync(path.join(dir, 'b'), 'three');
    fs.symlinkSync(path.join(dir, 'b'), file);
    await files.check();
    await files.check();
    expect(changes).toBe(2);
    expect(logger.entries.map(({ level }) => level)).toEqual(['info', 'error']);
    files.stop();
    fs.writeFileSync(file, 'four');
    await files.check();
    expect(changes).toBe(2);
  });
});
