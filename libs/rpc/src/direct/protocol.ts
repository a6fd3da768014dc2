// The bytes of direct calls: docs/format/calls.md.
import { AppError } from '@vivace/base';

/** What both sides say first: magic, version, then the longest body they take as u32. All integers are little endian. */
export const HELLO_BYTES = 8;
/** Before each body: its length u32, kind u8, number of the call u32. */
export const HEADER_BYTES = 9;
/** Of the body of a request, before path, tenant and message: time-out u32, length of the path u8, of the tenant u16. */
const REQUEST_HEAD_BYTES = 7;
const VERSION = 1;
const MAGIC = Buffer.from('VVC');
/** Longer than any reason worth reading. */
const MAX_DETAILS_BYTES = 16 * 1024;

/** From the client. */
export const REQUEST = 1;
export const CANCEL = 2;
export const PING = 3;
/** From the server. */
export const ANSWER = 4;
export const FAILURE = 5;
export const PONG = 6;
export const LEAVING = 7;

/** How a connection of direct calls begins: tells them from others on a port that they share. */
export const DIRECT_PREFACE: Buffer = MAGIC;

export function hello(maxBodyBytes: number): Buffer {
  const bytes = Buffer.allocUnsafe(HELLO_BYTES);
  MAGIC.copy(bytes);
  bytes[MAGIC.length] = VERSION;
  bytes.writeUInt32LE(maxBodyBytes, 4);
  return bytes;
}

/** The longest body that the other side takes. Throws `failed_precondition` when it speaks something else. */
export function readHello(bytes: Buffer): number {
  if (MAGIC.compare(bytes, 0, MAGIC.length) !== 0) throw new AppError('failed_precondition', 'the other side does not speak the protocol of direct calls');
  const version = bytes[MAGIC.length];
  if (version !== VERSION) throw new AppError('failed_precondition', `the other side speaks version ${version} of direct calls, want ${VERSION}`);
  return bytes.readUInt32LE(4);
}

/** A frame without body. */
export function bareFrame(kind: number, call: number): Buffer {
  return header(kind, call, 0, 0);
}

/** What stands before the message of a request; it is written by itself, so that all replicas are given the same bytes. */
export function requestPrefix(call: number, { path, tenant, timeoutMs }: RequestHead, messageBytes: number): Buffer {
  const pathBytes = Buffer.byteLength(path);
  const tenantBytes = Buffer.byteLength(tenant);
  if (pathBytes > 0xff || tenantBytes > 0xffff)
    throw new AppError('invalid_argument', `rpc: path of ${pathBytes} bytes or tenant of ${tenantBytes} is too long`);
  const own = REQUEST_HEAD_BYTES + pathBytes + tenantBytes;
  const bytes = header(REQUEST, call, own, messageBytes);
  let at = bytes.writeUInt32LE(Math.min(timeoutMs, 0xffff_ffff), HEADER_BYTES);
  at = bytes.writeUInt8(pathBytes, at);
  at = bytes.writeUInt16LE(tenantBytes, at);
  at += bytes.write(path, at);
  bytes.write(tenant, at);
  return bytes;
}

export interface RequestHead {
  readonly path: string;
  /** Empty is none. */
  readonly tenant: string;
  /** 0 is no limit. */
  readonly timeoutMs: number;
}

export interface Request extends RequestHead {
  /** A view into the body. */
  readonly message: Buffer;
}

/** Throws `invalid_argument` when it is none. */
export function readRequest(body: Buffer): Request {
  if (body.length >= REQUEST_HEAD_BYTES) {
    const tenantAt = REQUEST_HEAD_BYTES + body[4];
    const messageAt = tenantAt + body.readUInt16LE(5);
    if (messageAt <= body.length) {
      return {
        timeoutMs: body.readUInt32LE(0),
        path: body.toString('utf8', REQUEST_HEAD_BYTES, tenantAt),
        tenant: body.toString('utf8', tenantAt, messageAt),
        message: body.subarray(messageAt),
      };
    }
  }
  throw new AppError('invalid_argument', `rpc request of ${body.length} bytes is cut off`);
}

/** What stands before the message of an answer. */
export function answerPrefix(call: number, messageBytes: number): Buffer {
  return header(ANSWER, call, 0, messageBytes);
}

/** google.rpc.Code u8 and, cut when it is very long, the text. */
export function failureFrame(call: number, code: number, details: string): Buffer {
  const text = Buffer.from(details).subarray(0, MAX_DETAILS_BYTES);
  const bytes = header(FAILURE, call, 1 + text.length, 0);
  bytes[HEADER_BYTES] = code;
  text.copy(bytes, HEADER_BYTES + 1);
  return bytes;
}

export function readFailure(body: Buffer): { readonly code: number; readonly details: string } {
  // Without a code it is `internal`.
  return body.length === 0 ? { code: 13, details: '' } : { code: body[0], details: body.toString('utf8', 1) };
}

/** A frame's header with room for the first `own` bytes of its body. */
function header(kind: number, call: number, own: number, rest: number): Buffer {
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + own);
  bytes.writeUInt32LE(own + rest, 0);
  bytes[4] = kind;
  bytes.writeUInt32LE(call, 5);
  return bytes;
}
