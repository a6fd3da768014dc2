import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';

/** An open file. Objects are replaced by renaming, never changed, so the size stays what it was. */
export interface OpenFile {
  readonly handle: FileHandle;
  readonly size: number;
}

interface Slot {
  readonly file: Promise<OpenFile>;
  users: number;
  /** Dropped from the cache: closed when the last user is done. */
  dropped: boolean;
}

/** Open files for reading, least recently used first to go. A handle in use is never closed. */
export class FileHandles {
  readonly #max: number;
  readonly #slots = new Map<string, Slot>();

  constructor(max: number) {
    this.#max = max;
  }

  async use<T>(path: string, work: (file: OpenFile) => Promise<T>): Promise<T> {
    const slot = this.#slots.get(path) ?? { file: openFile(path), users: 0, dropped: false };
    // Inserting again makes it the youngest.
    this.#slots.delete(path);
    this.#slots.set(path, slot);
    slot.users++;
    try {
      return await work(await slot.file);
    } catch (reason) {
      this.drop(path, slot);
      throw reason;
    } finally {
      slot.users--;
      if (slot.dropped) await closeIdle(slot);
      else this.#trim();
    }
  }

  /** Forgets the file, so that the next reader opens it anew. */
  drop(path: string, only?: Slot): void {
    const slot = this.#slots.get(path);
    if (slot === undefined || (only && slot !== only)) return;
    this.#slots.delete(path);
    slot.dropped = true;
    void closeIdle(slot);
  }

  async close(): Promise<void> {
    const slots = [...this.#slots.values()];
    this.#slots.clear();
    for (const slot of slots) {
      slot.dropped = true;
      await closeIdle(slot);
    }
  }

  #trim(): void {
    for (const [path, slot] of this.#slots) {
      if (this.#slots.size <= this.#max) return;
      if (slot.users === 0) this.drop(path);
    }
  }
}

async function openFile(path: string): Promise<OpenFile> {
  const handle = await open(path, 'r');
  try {
    return { handle, size: (await handle.stat()).size };
  } catch (reason) {
    await handle.close();
    throw reason;
  }
}

async function closeIdle(slot: Slot): Promise<void> {
  if (slot.users > 0) return;
  // A file that never opened has nothing to close; closing twice does nothing.
  await slot.file.then(({ handle }) => handle.close()).catch(() => undefined);
}
