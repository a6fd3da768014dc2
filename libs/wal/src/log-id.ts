import { randomBytes } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { MARKER_BYTES } from './frame.ts';
import { syncDir } from './segment-files.ts';

const FILE = 'log.id';

/** The marker of the frames of the log in `dir`; undefined when its file is missing or damaged. */
export async function readMarker(dir: string): Promise<Uint8Array | undefined> {
  const text = await fs.readFile(path.join(dir, FILE), 'latin1').catch(() => '');
  return /^[0-9a-f]{16}\n$/.test(text) ? new Uint8Array(Buffer.from(text.slice(0, 2 * MARKER_BYTES), 'hex')) : undefined;
}

/** Chooses a new marker and keeps it. Segments that are already there carry their own in their headers. */
export async function createMarker(dir: string): Promise<Uint8Array> {
  const marker = new Uint8Array(randomBytes(MARKER_BYTES));
  const file = path.join(dir, FILE);
  await fs.writeFile(`${file}.tmp`, `${Buffer.from(marker).toString('hex')}\n`, { flush: true });
  await fs.rename(`${file}.tmp`, file);
  await syncDir(dir);
  return marker;
}
