// The tenant index: every block of a tenant in one object, so that a poll is one read (docs/format/block.md, "Tenant index").
import zlib from 'node:zlib';
import type { MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { Timestamp } from '@bufbuild/protobuf/wkt';
import { AppError } from '@vivace/base';
import { formatBlockMeta, parseBlockMeta } from '@vivace/block';
import type { BlockMeta } from '@vivace/block';
import { TenantIndexSchema } from '@vivace/proto';
import type { BlockMetaSchema } from '@vivace/proto';

/** A block that another has taken the place of, kept until readers know of that one. */
export interface CompactedBlock {
  readonly meta: BlockMeta;
  readonly compactedMs: number;
}

export interface TenantIndex {
  readonly createdMs: number;
  readonly blocks: readonly BlockMeta[];
  readonly compacted: readonly CompactedBlock[];
}

export const INDEX_PROTO = 'index.pb.zst';
export const INDEX_JSON = 'index.json.gz';

/** An index that says more is refused: a million blocks take 400 MB. */
const MAX_INDEX_BYTES = 512 * 1024 * 1024;

type Fields = Readonly<Record<string, unknown>>;

export function encodeIndexJson({ createdMs, blocks, compacted }: TenantIndex): Uint8Array {
  const text = JSON.stringify({
    created_at: new Date(createdMs).toISOString(),
    meta: blocks.map(metaFields),
    compacted: compacted.map(({ meta, compactedMs }) => ({ ...metaFields(meta), compactedTime: new Date(compactedMs).toISOString() })),
  });
  return zlib.gzipSync(text);
}

/** Entries that are damaged are left out and told to `onBad`; throws `data_loss` when nothing of it can be read. */
export function decodeIndexJson(bytes: Uint8Array, name: string, onBad: (error: unknown) => void): TenantIndex {
  const text = unpacked(name, () => zlib.gunzipSync(bytes, { maxOutputLength: MAX_INDEX_BYTES })).toString('utf8');
  const fields = unpacked(name, () => JSON.parse(text) as unknown);
  const { created_at: created, meta, compacted } = (typeof fields === 'object' && fields !== null ? fields : {}) as Fields;
  if (!Array.isArray(meta)) throw new AppError('data_loss', `${name}: no list of blocks in it`);
  return {
    createdMs: timeOf(created),
    blocks: readable(meta as Fields[], (entry) => parseBlockMeta(JSON.stringify(entry), name), onBad),
    compacted: readable(
      (Array.isArray(compacted) ? compacted : []) as Fields[],
      (entry) => ({ meta: parseBlockMeta(JSON.stringify(entry), name), compactedMs: timeOf(entry.compactedTime) }),
      onBad,
    ),
  };
}

export function encodeIndexProto({ createdMs, blocks, compacted }: TenantIndex): Uint8Array {
  const message = create(TenantIndexSchema, {
    createdAt: timestampFromMs(createdMs),
    meta: blocks.map(metaMessage),
    compacted: compacted.map(({ meta, compactedMs }) => ({ meta: metaMessage(meta), compactedTime: timestampFromMs(compactedMs) })),
  });
  return zlib.zstdCompressSync(toBinary(TenantIndexSchema, message));
}

/** As `decodeIndexJson`. */
export function decodeIndexProto(bytes: Uint8Array, name: string, onBad: (error: unknown) => void): TenantIndex {
  const raw = unpacked(name, () => zlib.zstdDecompressSync(bytes, { maxOutputLength: MAX_INDEX_BYTES }));
  const index = unpacked(name, () => fromBinary(TenantIndexSchema, raw));
  return {
    createdMs: msOf(index.createdAt),
    blocks: readable(index.meta, (meta) => metaOf(meta, name), onBad),
    compacted: readable(index.compacted, ({ meta, compactedTime }) => ({ meta: metaOf(meta, name), compactedMs: msOf(compactedTime) }), onBad),
  };
}

function metaMessage(meta: BlockMeta): MessageInitShape<typeof BlockMetaSchema> {
  const { startTime, endTime, dedicatedColumns } = metaFields(meta);
  return {
    format: meta.format,
    blockId: rawId(meta.blockId),
    tenantId: meta.tenantId,
    startTime: timestampFromMs(Date.parse(String(startTime))),
    endTime: timestampFromMs(Date.parse(String(endTime))),
    totalObjects: BigInt(meta.totalObjects),
    size: BigInt(meta.size),
    compactionLevel: meta.compactionLevel,
    encoding: Uint8Array.of(0),
    totalRecords: meta.totalRecords,
    bloomShards: meta.bloomShards,
    footerSize: meta.footerSize,
    dedicatedColumns: dedicatedColumns === undefined ? new Uint8Array() : Buffer.from(JSON.stringify(dedicatedColumns)),
    replicationFactor: meta.replicationFactor,
    compactedFrom: meta.compactedFrom.map(rawId),
  };
}

/** Through the JSON form, so that there is one place where a meta is checked. */
function metaOf(meta: MessageShape<typeof BlockMetaSchema> | undefined, name: string): BlockMeta {
  if (meta === undefined) throw new AppError('data_loss', `${name}: an entry without a block`);
  const { dedicatedColumns } = meta;
  return parseBlockMeta(
    JSON.stringify({
      format: meta.format,
      blockID: textId(meta.blockId),
      tenantID: meta.tenantId,
      ...(meta.startTime && { startTime: new Date(msOf(meta.startTime)) }),
      ...(meta.endTime && { endTime: new Date(msOf(meta.endTime)) }),
      totalObjects: Number(meta.totalObjects),
      size: Number(meta.size),
      compactionLevel: meta.compactionLevel,
      totalRecords: meta.totalRecords,
      bloomShards: meta.bloomShards,
      footerSize: meta.footerSize,
      ...(dedicatedColumns.length > 0 ? { dedicatedColumns: JSON.parse(Buffer.from(dedicatedColumns).toString('utf8')) as unknown } : {}),
      replicationFactor: meta.replicationFactor,
      compactedFrom: meta.compactedFrom.map(textId),
    }),
    name,
  );
}

function rawId(id: string): Uint8Array {
  return Buffer.from(id.replaceAll('-', ''), 'hex');
}

function textId(raw: Uint8Array): string {
  const id = Buffer.from(raw).toString('hex');
  return [id.slice(0, 8), id.slice(8, 12), id.slice(12, 16), id.slice(16, 20), id.slice(20)].join('-');
}

function metaFields(meta: BlockMeta): Fields {
  return JSON.parse(formatBlockMeta(meta)) as Fields;
}

function readable<T, R>(entries: readonly T[], read: (entry: T) => R, onBad: (error: unknown) => void): R[] {
  const out: R[] = [];
  for (const entry of entries) {
    try {
      out.push(read(entry));
    } catch (error) {
      onBad(error);
    }
  }
  return out;
}

function unpacked<T>(name: string, unpack: () => T): T {
  try {
    return unpack();
  } catch (cause) {
    throw new AppError('data_loss', `${name}: cannot be unpacked: ${(cause as Error).message}`, { cause });
  }
}

function timeOf(value: unknown): number {
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(ms) ? 0 : ms;
}

function msOf(time: Timestamp | undefined): number {
  return time === undefined ? 0 : Number(time.seconds) * 1_000 + Math.floor(time.nanos / 1_000_000);
}
