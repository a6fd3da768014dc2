import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { lockDir } from './dir-lock.ts';

let dir: string;
beforeEach(async () => {
  dir = await fs.mkdtemp(path.join(os.tmpdir(), 'lock-'));
});
afterEach(() => fs.rm(dir, { recursive: true }));

const lockFile = (): string => path.join(dir, 'lock');

/** Another process that takes the lock and holds it until it is killed. */
async function startHolder(): Promise<ReturnType<typeof spawn>> {
  const module = new URL('./dir-lock.ts', import.meta.url).href;
  const script = `const { lockDir } = await import(${JSON.stringify(module)}); await lockDir(${JSON.stringify(dir)}); console.log('locked'); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--conditions=@vivace/source', '--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return child;
}

describe('lockDir', () => {
  it('refuses a second holder in the same process until the first lets go', async () => {
    const lock = await lockDir(dir);
    await expect(lockDir(dir)).rejects.toMatchObject({ code: 'failed_precondition', message: `wal: ${dir} is already open in this process` });
    await lock.release();
    await (await lockDir(dir)).release();
    expect(await fs.readdir(dir)).toEqual([]);
  });

  it('refuses while another process lives and takes over after kill -9', async () => {
    const holder = await startHolder();
    await expect(lockDir(dir)).rejects.toMatchObject({ code: 'failed_precondition', message: `wal: ${dir} is held by the running process ${holder.pid}` });
    const exited = once(holder, 'exit');
    holder.kill('SIGKILL');
    await exited;
    await (await lockDir(dir)).release();
  });

  it('takes over a lock whose pid was given to another process, its own included', async () => {
    for (const pid of [process.pid, process.ppid]) {
      await fs.writeFile(lockFile(), JSON.stringify({ pid, startTicks: '1', bootId: 'before', token: 'old' }));
      await (await lockDir(dir)).release();
    }
  });

  it('leaves nothing behind when it cannot write', async () => {
    const write = vi.spyOn(fs, 'writeFile').mockImplementationOnce(async (file) => {
      await (await fs.open(String(file), 'w')).close();
      throw new Error('ENOSPC: no space left on device, write');
    });
    await expect(lockDir(dir)).rejects.toThrow('ENOSPC');
    write.mockRestore();
    expect(await fs.readdir(dir)).toEqual([]);
  });

  it('takes over an empty or damaged lock file', async () => {
    for (const text of ['', 'null', '{"pid":', '{"pid":-1}', '[]']) {
      await fs.writeFile(lockFile(), text);
      await (await lockDir(dir)).release();
    }
  });
});
