import { WireReader, WireWriter } from '@vivace/bytes';
import type { MemberInfo, Pulse, RingEntry } from './entry.ts';
import { RING_STATES } from './entry.ts';

// docs/format/gossip.md, "Ring state"

export const MAX_TOKENS = 4_096;
const MAX_ID_BYTES = 255;
const MAX_ADDRESS_BYTES = 261; // a DNS name, a colon and a port
const MAX_ZONE_BYTES = 255;
const MAX_NODE_BYTES = 128;
const MAX_TIME_MS = 2 ** 48 - 1;

const HAS_PULSE = 1;
const HAS_INFO = 2;

export function encodeEntries(entries: Iterable<RingEntry>): Uint8Array {
  const writer = new WireWriter();
  for (const { id, pulse, info } of entries) {
    writer.text(id).u8((pulse ? HAS_PULSE : 0) | (info ? HAS_INFO : 0));
    if (pulse) writer.varint(pulse.timestampMs).u8(RING_STATES.indexOf(pulse.state));
    if (info) writeInfo(writer, info);
  }
  return writer.finish();
}

/** At most `maxEntries`. Throws AppError `invalid_argument` for anything `encodeEntries` would not write. */
export function decodeEntries(bytes: Uint8Array, maxEntries: number): RingEntry[] {
  const reader = new WireReader(bytes, 'ring state');
  const entries: RingEntry[] = [];
  while (reader.left > 0) {
    if (entries.length === maxEntries) throw reader.error(`has more than ${maxEntries} members`);
    entries.push(readEntry(reader));
  }
  return entries;
}

function readEntry(reader: WireReader): RingEntry {
  const id = reader.text(MAX_ID_BYTES, 'member id');
  if (id === '') throw reader.error('member id is empty');
  const has = reader.u8();
  if (has > (HAS_PULSE | HAS_INFO)) throw reader.error(`parts ${has} are unknown`);
  return { id, pulse: has & HAS_PULSE ? readPulse(reader) : undefined, info: has & HAS_INFO ? readInfo(reader) : undefined };
}

function readPulse(reader: WireReader): Pulse {
  const timestampMs = reader.varint(MAX_TIME_MS, 'timestamp');
  const state = RING_STATES[reader.u8()];
  if (state === undefined) throw reader.error('member state is unknown');
  return { timestampMs, state };
}

function writeInfo(writer: WireWriter, info: MemberInfo): void {
  writer.varint(info.versionMs).text(info.address).text(info.zone).text(info.node).varint(info.registeredMs).varint(info.tokens.length);
  for (const token of info.tokens) writer.u32(token);
}

function readInfo(reader: WireReader): MemberInfo {
  const versionMs = reader.varint(MAX_TIME_MS, 'version');
  const address = reader.text(MAX_ADDRESS_BYTES, 'address');
  const zone = reader.text(MAX_ZONE_BYTES, 'zone');
  const node = reader.text(MAX_NODE_BYTES, 'node');
  const registeredMs = reader.varint(MAX_TIME_MS, 'registration');
  const count = reader.varint(MAX_TOKENS, 'number of tokens');
  const body = new WireReader(reader.raw(count * 4), 'ring state');
  const tokens = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    tokens[i] = body.u32();
    if (i > 0 && tokens[i] <= tokens[i - 1]) throw reader.error('tokens are not ascending');
  }
  return { versionMs, address, zone, node, registeredMs, tokens };
}
