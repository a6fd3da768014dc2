import fs from 'node:fs';
import path from 'node:path';
import type { ByteSink } from '@vivace/parquet';
import { blockFiles } from './block-files.ts';
import type { FinishedBlock } from './block-writer.ts';

const DATA = 'data.parquet';

/** A local folder in which a block is made. Synchronous: for worker threads. */
export class BlockFolder {
  readonly #dir: string;
  readonly #data: FileSink;

  /** An empty folder; what was there is removed. */
  constructor(dir: string) {
    fs.rmSync(dir, { recursive: true, force: true });
    fs.mkdirSync(dir, { recursive: true });
    this.#dir = dir;
    this.#data = new FileSink(path.join(dir, DATA));
  }

  /** Where data.parquet goes. */
  get sink(): ByteSink {
    return this.#data;
  }

  /** Writes the other files. The names of all in the order they must be put into a store. */
  finish(block: FinishedBlock): string[] {
    this.#data.flush();
    this.#data.close();
    const files = blockFiles(block, path.join(this.#dir, DATA));
    for (const file of files) if ('bytes' in file) fs.writeFileSync(path.join(this.#dir, file.name), file.bytes);
    return files.map((file) => file.name);
  }

  /** Idempotent. The folder stays; without `finish` the file may lack its end. */
  close(): void {
    this.#data.close();
  }
}

const BUFFER_BYTES = 256 * 1024;

/** Pages and their headers are mostly small: they are written together. */
class FileSink implements ByteSink {
  position = 0;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  #buffered = 0;
  #fd: number | undefined;

  constructor(file: string) {
    this.#fd = fs.openSync(file, 'w', 0o644);
  }

  write(bytes: Uint8Array): void {
    if (this.#buffered + bytes.length > BUFFER_BYTES) this.flush();
    if (bytes.length > BUFFER_BYTES) this.#write(bytes);
    else {
      this.#buffer.set(bytes, this.#buffered);
      this.#buffered += bytes.length;
    }
    this.position += bytes.length;
  }

  /** Writes what is in memory to the file. */
  flush(): void {
    this.#write(this.#buffer.subarray(0, this.#buffered));
    this.#buffered = 0;
  }

  #write(bytes: Uint8Array): void {
    const fd = this.#fd;
    if (fd === undefined) throw new Error('sink is closed');
    for (let done = 0; done < bytes.length; ) done += fs.writeSync(fd, bytes, done, bytes.length - done);
  }

  close(): void {
    if (this.#fd !== undefined) fs.closeSync(this.#fd);
    this.#fd = undefined;
  }
}
