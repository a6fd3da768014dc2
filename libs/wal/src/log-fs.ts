import fs from 'node:fs/promises';
import { syncDir } from './segment-files.ts';

/** What the log writes through; tests put failures in between. */
export interface LogFs {
  /** Creates a file that must not exist yet. */
  create(path: string): Promise<LogFile>;
  syncDir(dir: string): Promise<void>;
  unlink(path: string): Promise<void>;
}

export interface LogFile {
  /** Writes at `position` and returns how many bytes were taken, which may be fewer than given. */
  writev(buffers: readonly Uint8Array[], position: number): Promise<number>;
  /** Makes what was written survive a power cut. */
  sync(): Promise<void>;
  truncate(size: number): Promise<void>;
  close(): Promise<void>;
}

export const nodeLogFs: LogFs = {
  async create(path) {
    const handle = await fs.open(path, 'wx', 0o640);
    return {
      writev: async (buffers, position) => (await handle.writev(buffers, position)).bytesWritten,
      sync: () => handle.datasync(),
      truncate: (size) => handle.truncate(size),
      close: () => handle.close(),
    };
  },
  syncDir,
  unlink: (path) => fs.rm(path, { force: true }),
};
