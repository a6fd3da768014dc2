import fs from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';
import { orderByTrace, sortedTable, summariseTraces, TimeBounds } from '@vivace/trace';
import type { SpanTable, TraceOrder } from '@vivace/trace';
import { levelCounts, PART_MAGIC, PART_PREFIX_BYTES, PART_VERSION, SECTIONS } from './part-format.ts';
import type { PartHeader, SectionEntry } from './part-format.ts';

export interface PartInfo {
  readonly path: string;
  readonly spanCount: number;
  readonly traceCount: number;
  readonly sizeBytes: number;
  readonly startSec: number;
  readonly endSec: number;
  readonly receivedBytes: number;
  readonly watermark: PartHeader['watermark'];
}

export interface WritePartOptions {
  readonly path: string;
  readonly tenant: string;
  readonly watermark: PartHeader['watermark'];
}

/**
 * Sorts `table` and writes it as a part, durably and atomically: the file appears under its name complete and synced, or not at
 * all. Blocks the calling thread: run it in a worker.
 */
export function writePart(table: SpanTable, options: WritePartOptions): PartInfo {
  const order = orderByTrace(table);
  const times = timeRange(table, order);
  const sorted = sortedTable(table, order);
  const counts = levelCounts(sorted);
  const columns: { name: string; bytes: Uint8Array }[] = SECTIONS.map((s) => {
    const column = s.of(sorted);
    return { name: s.name, bytes: new Uint8Array(column.buffer, column.byteOffset, counts[s.level] * s.bytesPerRow) };
  });
  columns.push({ name: 'traceSpans', bytes: new Uint8Array(order.traceSpans.buffer, order.traceSpans.byteOffset, counts.traceEdge * 4) });

  // The header's length depends on the offsets it names, so sections start at a bound known beforehand.
  const dataStart = align(PART_PREFIX_BYTES + 1024 + columns.length * 96 + options.tenant.length);
  const sections: SectionEntry[] = [];
  let offset = dataStart;
  for (const { name, bytes } of columns) {
    sections.push({ name, offset, length: bytes.length, crc: zlib.crc32(bytes) });
    offset = align(offset + bytes.length);
  }
  let receivedBytes = 0;
  for (let i = 0; i < table.traceCount; i++) receivedBytes += table.traceBytes[i];
  const header: PartHeader = { tenant: options.tenant, counts, sections, ...times, receivedBytes, watermark: options.watermark };
  const prefix = prefixBytes(header, dataStart);

  const temporary = `${options.path}.tmp`;
  try {
    const fd = fs.openSync(temporary, 'w', 0o600);
    try {
      writeFully(fd, prefix, 0);
      sections.forEach((s, i) => writeFully(fd, columns[i].bytes, s.offset));
      fs.ftruncateSync(fd, offset);
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
    fs.renameSync(temporary, options.path);
  } catch (error) {
    // On a full disk the log needs the room.
    fs.rmSync(temporary, { force: true });
    throw error;
  }
  syncFolder(path.dirname(options.path));
  return { path: options.path, spanCount: counts.span, traceCount: counts.trace, sizeBytes: offset, ...times, receivedBytes, watermark: options.watermark };
}

function prefixBytes(header: PartHeader, dataStart: number): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(header));
  if (PART_PREFIX_BYTES + json.length > dataStart) throw new Error(`part header of ${json.length} bytes does not fit before ${dataStart}`);
  const out = new Uint8Array(dataStart);
  const view = new DataView(out.buffer);
  view.setUint32(0, PART_MAGIC, true);
  view.setUint32(4, PART_VERSION, true);
  view.setUint32(8, json.length, true);
  view.setUint32(12, zlib.crc32(json), true);
  out.set(json, PART_PREFIX_BYTES);
  return out;
}

function timeRange(table: SpanTable, order: TraceOrder): { startSec: number; endSec: number } {
  const { start, duration } = summariseTraces(table, order);
  const times = new TimeBounds();
  for (let t = 0; t < order.traceCount; t++) times.add(start[t * 2], start[t * 2 + 1], duration[t]);
  return { startSec: order.traceCount === 0 ? 0 : Math.floor(times.startMs / 1_000), endSec: Math.ceil(times.endMs / 1_000) };
}

function align(n: number): number {
  return Math.ceil(n / 8) * 8;
}

function writeFully(fd: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) done += fs.writeSync(fd, bytes, done, bytes.length - done, position + done);
}

function syncFolder(folder: string): void {
  const fd = fs.openSync(folder, 'r');
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}
