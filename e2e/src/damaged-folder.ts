import fs from 'node:fs';
import path from 'node:path';
import { PartReader } from '@vivace/part';
import { plainOf } from '@vivace/testkit';
import { orderByTrace } from '@vivace/trace';
import { replay } from '@vivace/wal';

// What of a data folder must be found again: known from the undamaged folder, file by file.

const HEADER_BYTES = 32;
const FRAME_HEAD_BYTES = 20;
const SEGMENT_NAME = /^\d{20}\.wal$/;

export interface Frame {
  /** The frame as it stands in the file, head included. */
  readonly bytes: Buffer;
  readonly offset: number;
  readonly traceIds: readonly string[];
}

/** The files of a `wal` folder that hold spans, with the ids of the traces in them. Paths are relative to the folder. */
export interface FolderContents {
  readonly segments: ReadonlyMap<string, readonly Frame[]>;
  readonly parts: ReadonlyMap<string, readonly string[]>;
}

/** Reads an undamaged folder that no process has open. */
export async function readContents(wal: string, allTraceIds: readonly string[]): Promise<FolderContents> {
  const positions: { segment: number; offset: number; traceIds: string[] }[] = [];
  await replay(wal, ({ segment, offset, payload }) => {
    const bytes = Buffer.from(payload);
    positions.push({ segment, offset, traceIds: allTraceIds.filter((id) => bytes.includes(Buffer.from(id, 'hex'))) });
  });
  const segments = new Map<string, Frame[]>();
  for (const [i, { segment, offset, traceIds }] of positions.entries()) {
    const name = segmentName(segment);
    const next = positions[i + 1];
    const file = fs.readFileSync(path.join(wal, name));
    const bytes = file.subarray(offset, next?.segment === segment ? next.offset : file.length);
    segments.set(name, [...(segments.get(name) ?? []), { bytes, offset, traceIds }]);
  }
  const parts = new Map(fs.globSync('parts/*/*.part', { cwd: wal }).map((name) => [name, traceIdsOf(path.join(wal, name))]));
  return { segments, parts };
}

/** Ids of the traces that must be found whatever else is damaged: of every undamaged frame and part in `wal`. */
export function undamagedTraces(wal: string, { segments, parts }: FolderContents, original: string): Set<string> {
  const ids = new Set<string>();
  const inParts = new Set([...parts.values()].flat());
  for (const [name, frames] of segments) {
    const file = readIfThere(path.join(wal, name));
    // Parts say up to where they hold the log: what damage moves below that passes for theirs.
    const partsReachHere = frames.some(({ traceIds }) => traceIds.some((id) => inParts.has(id)));
    for (const { bytes, offset, traceIds } of frames) if (file?.includes(bytes, partsReachHere ? offset : 0)) for (const id of traceIds) ids.add(id);
  }
  for (const [name, traceIds] of parts) {
    const file = readIfThere(path.join(wal, name));
    if (file?.equals(fs.readFileSync(path.join(original, name)))) for (const id of traceIds) ids.add(id);
  }
  return ids;
}

/**
 * The files in `wal` that hold something no one can read, with the bytes of them that must be kept: all, except what a crash leaves too, which is
 * an unfinished write at the end of the newest segment, and zeros at the end of any.
 */
export function unreadableFiles(wal: string, { segments }: FolderContents): Map<string, Buffer> {
  const frames = [...segments.values()].flat().map(({ bytes }) => bytes);
  const unreadable = new Map<string, Buffer>();
  const names = fs
    .globSync('*.wal', { cwd: wal })
    .filter((name) => SEGMENT_NAME.test(name))
    .sort();
  for (const name of names) {
    const file = readIfThere(path.join(wal, name));
    const kept = file && withoutTail(file, frames, name === names.at(-1));
    if (kept && !isReadable(kept, frames)) unreadable.set(name, kept);
  }
  for (const name of fs.globSync('parts/*/*.part', { cwd: wal })) {
    const file = readIfThere(path.join(wal, name));
    if (file && !isReadablePart(path.join(wal, name))) unreadable.set(name, file);
  }
  return unreadable;
}

function isReadablePart(file: string): boolean {
  try {
    const reader = new PartReader(file);
    try {
      reader.verify();
      return true;
    } finally {
      reader.close();
    }
  } catch {
    return false;
  }
}

/** True for a segment of nothing but a header and frames. */
function isReadable(file: Buffer, frames: readonly Buffer[]): boolean {
  if (file.length === 0) return true;
  if (file.length < HEADER_BYTES || file.toString('latin1', 0, 8) !== 'VIVACEWL' || file.readUInt32LE(8) !== 1) return false;
  let at = HEADER_BYTES;
  while (at < file.length) {
    const frame = frames.find((bytes) => file.subarray(at, at + bytes.length).equals(bytes));
    if (!frame) return false;
    at += frame.length;
  }
  return true;
}

/** A segment without what an interrupted write leaves at its end. */
function withoutTail(file: Buffer, frames: readonly Buffer[], isNewest: boolean): Buffer {
  const endOf = (frame: Buffer): number => (file.includes(frame) ? file.lastIndexOf(frame) + frame.length : 0);
  const lastFrame = Math.max(HEADER_BYTES, ...frames.map(endOf));
  let end = file.length;
  while (end > lastFrame && file[end - 1] === 0) end--;
  if (!isNewest) return file.subarray(0, end);
  if (end < HEADER_BYTES) return file.subarray(0, 0);
  for (let at = lastFrame; at < end; at++) {
    const head = file.subarray(at, at + FRAME_HEAD_BYTES);
    if (frames.some((frame) => frame.subarray(0, head.length).equals(head) && at + frame.length > file.length)) return file.subarray(0, at);
  }
  return file.subarray(0, end);
}

/** True when the folder, or one in it, has a file that begins with these bytes. */
export function isKept(wal: string, bytes: Buffer): boolean {
  return fs.globSync('**/*', { cwd: wal, withFileTypes: true }).some((entry) => {
    if (!entry.isFile()) return false;
    const file = path.join(entry.parentPath, entry.name);
    return fs.statSync(file).size >= bytes.length && fs.readFileSync(file).subarray(0, bytes.length).equals(bytes);
  });
}

function segmentName(sequence: number): string {
  return `${String(sequence).padStart(20, '0')}.wal`;
}

function traceIdsOf(part: string): string[] {
  const reader = new PartReader(part);
  try {
    const table = reader.readTraces();
    return plainOf(table, orderByTrace(table)).map(({ traceId }) => traceId);
  } finally {
    reader.close();
  }
}

function readIfThere(file: string): Buffer | undefined {
  return fs.statSync(file, { throwIfNoEntry: false })?.isFile() ? fs.readFileSync(file) : undefined;
}
