import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { diskBytes } from './process-stats.ts';

it('a folder that is not there yet has no bytes, others those of their files', async () => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'vivace-disk-bytes-'));
  try {
    const blocks = path.join(folder, 'blocks');
    expect(diskBytes(blocks)).toBe(0);
    await fs.mkdir(blocks);
    const empty = diskBytes(blocks);
    await fs.writeFile(path.join(blocks, 'data'), 'x'.repeat(5000));
    expect(diskBytes(blocks) - empty).toBe(5000);
  } finally {
    await fs.rm(folder, { recursive: true });
  }
});
