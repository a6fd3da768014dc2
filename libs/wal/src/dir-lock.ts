import { randomUUID } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '@vivace/base';

export interface DirLock {
  release(): Promise<void>;
}

/** A process and its life: the same pid after a restart (always so in a container) is another owner. */
interface Owner {
  readonly pid: number;
  /** Kernel ticks at which the process began; empty where /proc does not say. */
  readonly startTicks: string;
  /** Changes with every boot and differs between machines. */
  readonly bootId: string;
  readonly token: string;
}

const held = new Set<string>();

/**
 * Takes `<dir>/lock` for this process; rejects with `failed_precondition` while a live process holds it. The lock of a
 * process that died without releasing it is taken over. Processes that cannot see each other (other machines, other
 * pid namespaces) are not kept apart: one volume, one writer.
 */
export async function lockDir(dir: string): Promise<DirLock> {
  const file = path.join(path.resolve(dir), 'lock');
  if (held.has(file)) throw new AppError('failed_precondition', `wal: ${dir} is already open in this process`);
  held.add(file);
  try {
    const { startTicks, bootId } = await describe(process.pid);
    const own: Owner = { pid: process.pid, startTicks, bootId, token: randomUUID() };
    await take(dir, file, own);
    return {
      async release() {
        if (!held.delete(file)) return;
        const owner = await readOwner(file);
        if (owner?.token === own.token) await fs.rm(file, { force: true });
      },
    };
  } catch (error) {
    held.delete(file);
    throw error;
  }
}

async function take(dir: string, file: string, own: Owner): Promise<void> {
  const mine = `${file}.${own.token}`;
  try {
    await fs.writeFile(mine, JSON.stringify(own));
    // link() is the atomic "create unless it exists"; after one stale lock was moved away there is one more chance.
    for (let attempt = 0; attempt < 2; attempt++) {
      const free = await fs.link(mine, file).then(
        () => true,
        (error: NodeJS.ErrnoException) => {
          if (error.code === 'EEXIST') return false;
          throw error;
        },
      );
      if (free) return;
      const owner = await readOwner(file);
      if (owner && (await isAlive(owner))) throw new AppError('failed_precondition', `wal: ${dir} is held by the running process ${owner.pid}`);
      await moveStaleAway(file, `${mine}.stale`, owner?.token);
    }
    throw new AppError('failed_precondition', `wal: ${dir} was taken by another process at the same time`);
  } finally {
    await fs.rm(mine, { force: true });
  }
}

/** Two starters may both have seen the stale lock: the slower one would move the faster one's new lock, and puts it back. */
async function moveStaleAway(file: string, aside: string, token: string | undefined): Promise<void> {
  await fs.rename(file, aside).catch(ignoreMissing);
  const moved = await readOwner(aside);
  if (moved && moved.token !== token) await fs.link(aside, file).catch(() => undefined);
  await fs.rm(aside, { force: true });
}

async function readOwner(file: string): Promise<Owner | undefined> {
  try {
    const value = JSON.parse(await fs.readFile(file, 'utf8')) as Partial<Owner> | null;
    if (typeof value?.pid !== 'number' || !Number.isSafeInteger(value.pid) || value.pid <= 0) return undefined;
    return { pid: value.pid, startTicks: String(value.startTicks), bootId: String(value.bootId), token: String(value.token) };
  } catch {
    return undefined;
  }
}

async function isAlive(owner: Owner): Promise<boolean> {
  // Our own pid in a file that this process does not hold: a predecessor with the same number.
  if (owner.pid === process.pid) return false;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const now = await describe(owner.pid);
  if (now.state === 'Z' || now.state === 'X') return false;
  return now.bootId === owner.bootId && now.startTicks === owner.startTicks;
}

async function describe(pid: number): Promise<{ state: string; startTicks: string; bootId: string }> {
  const [stat, bootId] = await Promise.all([
    fs.readFile(`/proc/${pid}/stat`, 'latin1').catch(() => ''),
    fs.readFile('/proc/sys/kernel/random/boot_id', 'latin1').catch(() => ''),
  ]);
  // proc(5): fields 3 and 22; the second one, the command in parentheses, may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', startTicks: fields[19] ?? '', bootId: bootId.trim() };
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
