/**
 * The bytes of a segment (docs/format/wal.md): a header, then frames. All integers are little endian.
 *
 *     segment header                               frame
 *      0  magic "VIVACEWL"            8             0  marker: the log's 8 random bytes   8
 *      8  version                     u32           8  length: bytes of kind..payload     u32
 *     12  marker                      8            12  CRC32C of kind..payload            u32
 *     20  created, ms since epoch     u64          16  CRC32C of the 16 bytes before      u32
 *     28  CRC32C of the 28 before     u32          20  kind                               u8
 *                                                  21  tenant length                      u8
 *                                                  22  tenant, payload
 *
 * The marker is secret and random, so no payload can pretend to be a frame, and finding the next frame after damage is a
 * search for eight bytes. The head has its own checksum, so a length is believed, or not, before anything is read for it.
 */
import { crc32c } from '@node-rs/crc32';

export const SEGMENT_VERSION = 1;
export const SEGMENT_HEADER_BYTES = 32;
export const MARKER_BYTES = 8;
/** Marker, length and both checksums. */
export const FRAME_HEAD_BYTES = 20;
/** Head, kind and tenant length: the least a frame has before its tenant and payload. */
export const FRAME_PREFIX_BYTES = 22;
export const MAX_TENANT_BYTES = 255;

const MAGIC = Uint8Array.from('VIVACEWL', (c) => c.charCodeAt(0));

export interface SegmentHeader {
  readonly version: number;
  readonly createdMs: number;
  /** A copy. */
  readonly marker: Uint8Array;
}

export function encodeSegmentHeader(marker: Uint8Array, createdMs: number, version = SEGMENT_VERSION): Uint8Array {
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC, 0);
  view.setUint32(8, version, true);
  bytes.set(marker, 12);
  view.setBigUint64(20, BigInt(createdMs), true);
  view.setUint32(28, crc32c(bytes.subarray(0, 28)), true);
  return bytes;
}

/** Returns undefined when `bytes` does not begin with an undamaged header, of whatever version. */
export function decodeSegmentHeader(bytes: Uint8Array): SegmentHeader | undefined {
  if (bytes.length < SEGMENT_HEADER_BYTES) return undefined;
  for (let i = 0; i < MAGIC.length; i++) if (bytes[i] !== MAGIC[i]) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, SEGMENT_HEADER_BYTES);
  if (view.getUint32(28, true) !== crc32c(bytes.subarray(0, 28))) return undefined;
  return { version: view.getUint32(8, true), createdMs: Number(view.getBigUint64(20, true)), marker: bytes.slice(12, 20) };
}

/** Whether `bytes`, all that a file holds, is the beginning of a header whose writing was interrupted. */
export function isCutShortHeader(bytes: Uint8Array): boolean {
  if (bytes.length >= SEGMENT_HEADER_BYTES) return false;
  for (let i = 0; i < Math.min(bytes.length, MAGIC.length); i++) if (bytes[i] !== MAGIC[i]) return false;
  return true;
}

/** Everything of a frame before its payload. `tenant` is ASCII (see TenantId); `payload` is read once for its checksum and not kept. */
export function encodeFramePrefix(marker: Uint8Array, tenant: string, kind: number, payload: Uint8Array): Uint8Array {
  const bytes = Buffer.allocUnsafe(FRAME_PREFIX_BYTES + tenant.length);
  bytes.set(marker, 0);
  bytes.writeUInt32LE(2 + tenant.length + payload.length, 8);
  bytes[20] = kind;
  bytes[21] = tenant.length;
  bytes.write(tenant, 22, 'latin1');
  bytes.writeUInt32LE(crc32c(payload, crc32c(bytes.subarray(20))), 12);
  bytes.writeUInt32LE(crc32c(bytes.subarray(0, 16)), 16);
  return bytes;
}

/**
 * Length of the body (kind..payload) of the frame whose head lies at `bytes[at, at + FRAME_HEAD_BYTES)`;
 * -1 when no undamaged head with this marker is there. The length is as it was written, so still to be bounded by the caller.
 */
export function decodeFrameLength(bytes: Uint8Array, at: number, marker: Uint8Array): number {
  for (let i = 0; i < MARKER_BYTES; i++) if (bytes[at + i] !== marker[i]) return -1;
  if (readU32(bytes, at + 16) !== crc32c(bytes.subarray(at, at + 16))) return -1;
  return readU32(bytes, at + 8);
}

/** Whether the body of the frame at `at`, of the length its head gives, is undamaged and well formed. */
export function isFrameBodyIntact(bytes: Uint8Array, at: number, length: number): boolean {
  if (length < 2 || 2 + bytes[at + 21] > length) return false;
  return readU32(bytes, at + 12) === crc32c(bytes.subarray(at + FRAME_HEAD_BYTES, at + FRAME_HEAD_BYTES + length));
}

function readU32(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
}
