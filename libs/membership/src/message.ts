import { isIP } from 'node:net';
import { unreachable } from '@vivace/base';
import { WireReader, WireWriter } from '@vivace/bytes';

// docs/format/gossip.md, "Packets" and "Streams"

export interface Address {
  /** An IP address; of a node to join also a name. */
  readonly host: string;
  readonly port: number;
}

/** A node as it describes itself; the higher incarnation is the newer description. */
export interface NodeRecord extends Address {
  readonly name: string;
  readonly incarnation: number;
}

/** What `from` says about `name`. Somebody who says `dead` of itself has left. */
export interface Accusation {
  readonly name: string;
  readonly incarnation: number;
  readonly from: string;
}

export type Message =
  | { readonly kind: 'ping'; readonly seq: number; readonly target: string }
  | { readonly kind: 'ack'; readonly seq: number }
  | { readonly kind: 'nack'; readonly seq: number }
  | { readonly kind: 'indirect-ping'; readonly seq: number; readonly target: string }
  | ({ readonly kind: 'alive' } & NodeRecord)
  | ({ readonly kind: 'suspect' } & Accusation)
  | ({ readonly kind: 'dead' } & Accusation)
  | { readonly kind: 'value'; readonly key: string; readonly bytes: Uint8Array };

const KINDS = ['ping', 'ack', 'nack', 'indirect-ping', 'alive', 'suspect', 'dead', 'value'] as const;

export const LIVENESS = ['alive', 'suspect', 'dead', 'left'] as const;
export type Liveness = (typeof LIVENESS)[number];

export interface NodeState extends NodeRecord {
  readonly state: Liveness;
}

/** All a node knows. */
export interface ClusterState {
  readonly nodes: readonly NodeState[];
  readonly values: readonly { readonly key: string; readonly bytes: Uint8Array }[];
}

/** What goes over a stream; each has one answer. */
export type StreamRequest =
  | ({ readonly kind: 'sync' } & ClusterState)
  | { readonly kind: 'ping'; readonly target: string }
  | { readonly kind: 'news'; readonly messages: Uint8Array };

const STREAM_KINDS = ['sync', 'ping', 'news'] as const;

const MAX_NAME_BYTES = 128;
const MAX_KEY_BYTES = 128;
export const MAX_NODES = 4_096;
/** Of one value, and of everything that goes over a stream. */
export const MAX_STATE_BYTES = 32 * 1_048_576;
const MAX_KEYS = 64;
const MAX_HOST_BYTES = 45;
const MAX_INCARNATION = 2 ** 40;

/** One message as it lies in a packet: kind, length, body. */
export function encodeMessage(message: Message): Uint8Array {
  const writer = new WireWriter(64);
  writeBody(writer, message);
  return new WireWriter(writer.length + 4).u8(KINDS.indexOf(message.kind)).block(writer.finish()).finish();
}

function writeBody(writer: WireWriter, message: Message): void {
  switch (message.kind) {
    case 'ping':
    case 'indirect-ping':
      writer.u32(message.seq).text(message.target);
      break;
    case 'ack':
    case 'nack':
      writer.u32(message.seq);
      break;
    case 'alive':
      writeRecord(writer, message);
      break;
    case 'suspect':
    case 'dead':
      writer.text(message.name).varint(message.incarnation).text(message.from);
      break;
    case 'value':
      writer.text(message.key).raw(message.bytes);
      break;
    default:
      unreachable(message);
  }
}

/** The messages of a packet. Borrows `bytes`. Throws AppError `invalid_argument` when any of it is malformed. */
export function decodeMessages(bytes: Uint8Array): Message[] {
  const reader = new WireReader(bytes, 'gossip packet');
  const messages: Message[] = [];
  while (reader.left > 0) {
    const kind = KINDS[reader.u8()];
    if (kind === undefined) throw reader.error('message kind is unknown');
    const body = new WireReader(reader.block(MAX_STATE_BYTES, 'message'), `gossip message ${kind}`);
    messages.push(readBody(kind, body));
    body.end();
  }
  return messages;
}

function readBody(kind: Message['kind'], reader: WireReader): Message {
  switch (kind) {
    case 'ping':
    case 'indirect-ping':
      return { kind, seq: reader.u32(), target: readName(reader) };
    case 'ack':
    case 'nack':
      return { kind, seq: reader.u32() };
    case 'alive':
      return { kind, ...readRecord(reader) };
    case 'suspect':
    case 'dead':
      return { kind, name: readName(reader), incarnation: readIncarnation(reader), from: readName(reader) };
    case 'value':
      return { kind, key: readKey(reader), bytes: reader.raw(reader.left) };
    default:
      return unreachable(kind);
  }
}

export function encodeRequest(request: StreamRequest): Uint8Array {
  const writer = new WireWriter().u8(STREAM_KINDS.indexOf(request.kind));
  if (request.kind === 'sync') return writer.raw(encodeState(request)).finish();
  if (request.kind === 'ping') return writer.text(request.target).finish();
  return writer.raw(request.messages).finish();
}

/** Borrows `bytes`. Throws AppError `invalid_argument` when it is malformed. */
export function decodeRequest(bytes: Uint8Array): StreamRequest {
  const reader = new WireReader(bytes, 'gossip stream');
  const kind = STREAM_KINDS[reader.u8()];
  if (kind === undefined) throw reader.error('request kind is unknown');
  if (kind === 'sync') return { kind, ...decodeState(reader.raw(reader.left)) };
  if (kind === 'news') return { kind, messages: reader.raw(reader.left) };
  const target = readName(reader);
  reader.end();
  return { kind, target };
}

export function encodeState({ nodes, values }: ClusterState): Uint8Array {
  const writer = new WireWriter(1_024).varint(nodes.length);
  for (const node of nodes) {
    writeRecord(writer, node);
    writer.u8(LIVENESS.indexOf(node.state));
  }
  writer.varint(values.length);
  for (const { key, bytes } of values) writer.text(key).block(bytes);
  return writer.finish();
}

/** Borrows `bytes`. Throws AppError `invalid_argument` when it is malformed. */
export function decodeState(bytes: Uint8Array): ClusterState {
  const reader = new WireReader(bytes, 'gossip state');
  const nodes: NodeState[] = [];
  for (let n = reader.varint(MAX_NODES, 'number of nodes'); n > 0; n--) {
    const record = readRecord(reader);
    const state = LIVENESS[reader.u8()];
    if (state === undefined) throw reader.error('state of a node is unknown');
    nodes.push({ ...record, state });
  }
  const values: { key: string; bytes: Uint8Array }[] = [];
  for (let n = reader.varint(MAX_KEYS, 'number of values'); n > 0; n--) {
    values.push({ key: readKey(reader), bytes: reader.block(MAX_STATE_BYTES, 'value') });
  }
  reader.end();
  return { nodes, values };
}

function writeRecord(writer: WireWriter, record: NodeRecord): void {
  writer.text(record.name).text(record.host).u16(record.port).varint(record.incarnation);
}

function readRecord(reader: WireReader): NodeRecord {
  const name = readName(reader);
  const host = reader.text(MAX_HOST_BYTES, 'host');
  if (isIP(host) === 0) throw reader.error('host is not an IP address');
  const port = reader.u16();
  if (port === 0) throw reader.error('port is 0');
  return { name, host, port, incarnation: readIncarnation(reader) };
}

function readName(reader: WireReader): string {
  const name = reader.text(MAX_NAME_BYTES, 'name');
  if (name === '') throw reader.error('name is empty');
  return name;
}

function readKey(reader: WireReader): string {
  return reader.text(MAX_KEY_BYTES, 'key');
}

function readIncarnation(reader: WireReader): number {
  return reader.varint(MAX_INCARNATION, 'incarnation');
}
