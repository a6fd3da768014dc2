import fs from 'node:fs/promises';
import path from 'node:path';

export interface SegmentFile {
  readonly sequence: number;
  readonly path: string;
  readonly sizeBytes: number;
}

const SEGMENT_NAME = /^(\d{20})\.wal$/;

export function segmentPath(dir: string, sequence: number): string {
  return path.join(dir, `${String(sequence).padStart(20, '0')}.wal`);
}

export function quarantineDir(dir: string): string {
  return path.join(dir, 'quarantine');
}

/** The segments in `dir`, oldest first; none when the folder does not exist. */
export async function listSegments(dir: string): Promise<SegmentFile[]> {
  const segments: SegmentFile[] = [];
  for (const sequence of await listSequences(dir)) {
    const file = segmentPath(dir, sequence);
    segments.push({ sequence, path: file, sizeBytes: (await fs.stat(file)).size });
  }
  return segments;
}

/** The first sequence that no segment has, quarantined ones included: a file set aside is never taken for another. */
export async function nextSequence(dir: string): Promise<number> {
  const used = [...(await listSequences(dir)), ...(await listSequences(quarantineDir(dir)))];
  return used.reduce((max, sequence) => Math.max(max, sequence), 0) + 1;
}

/** Makes entries made in or removed from `dir` survive a power cut. */
export async function syncDir(dir: string): Promise<void> {
  const handle = await fs.open(dir, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export async function listSequences(dir: string): Promise<number[]> {
  const names = await fs.readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
    throw error;
  });
  return names
    .map((name) => Number(SEGMENT_NAME.exec(name)?.[1] ?? Number.NaN))
    .filter((sequence) => Number.isSafeInteger(sequence))
    .sort((a, b) => a - b);
}
