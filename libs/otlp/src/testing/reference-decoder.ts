// A slow, schema-driven OTLP decoder, written independently of the fast one: the oracle of the property tests.
import { hex } from '@vivace/base';

type Kind = 'varint' | 'fixed64' | 'fixed32' | 'bytes' | { readonly message: () => Schema };
type Schema = Readonly<Record<number, readonly [name: string, kind: Kind, repeated?: 'repeated']>>;
type Scalar = bigint | Uint8Array;
interface Message {
  readonly one: Record<string, Scalar | Message | undefined>;
  readonly many: Record<string, (Scalar | Message)[] | undefined>;
  /** Set by AnyValue: the name of the last field. */
  last: string;
}

const message = (schema: () => Schema): Kind => ({ message: schema });

const ANY: Schema = {
  1: ['string', 'bytes'],
  2: ['bool', 'varint'],
  3: ['int', 'varint'],
  4: ['double', 'fixed64'],
  5: ['array', message(() => ({ 1: ['values', message(() => ANY), 'repeated'] }))],
  6: ['kvlist', message(() => ({ 1: ['values', message(() => KEY_VALUE), 'repeated'] }))],
  7: ['bytes', 'bytes'],
};
const KEY_VALUE: Schema = { 1: ['key', 'bytes'], 2: ['value', message(() => ANY)] };
const ATTRS = ['attributes', message(() => KEY_VALUE), 'repeated'] as const;
const EVENT: Schema = { 1: ['time', 'fixed64'], 2: ['name', 'bytes'], 3: ATTRS, 4: ['dropped', 'varint'] };
const LINK: Schema = {
  1: ['traceId', 'bytes'],
  2: ['spanId', 'bytes'],
  3: ['traceState', 'bytes'],
  4: ATTRS,
  5: ['dropped', 'varint'],
  6: ['flags', 'fixed32'],
};
const STATUS: Schema = { 2: ['message', 'bytes'], 3: ['code', 'varint'] };
const SPAN: Schema = {
  1: ['traceId', 'bytes'],
  2: ['spanId', 'bytes'],
  3: ['traceState', 'bytes'],
  4: ['parentId', 'bytes'],
  5: ['name', 'bytes'],
  6: ['kind', 'varint'],
  7: ['start', 'fixed64'],
  8: ['end', 'fixed64'],
  9: ATTRS,
  10: ['droppedAttrs', 'varint'],
  11: ['events', message(() => EVENT), 'repeated'],
  12: ['droppedEvents', 'varint'],
  13: ['links', message(() => LINK), 'repeated'],
  14: ['droppedLinks', 'varint'],
  15: ['status', message(() => STATUS)],
};
const SCOPE: Schema = { 1: ['name', 'bytes'], 2: ['version', 'bytes'], 3: ATTRS, 4: ['dropped', 'varint'] };
const SCOPE_SPANS: Schema = { 1: ['scope', message(() => SCOPE)], 2: ['spans', 'bytes', 'repeated'], 3: ['schemaUrl', 'bytes'] };
const RESOURCE: Schema = { 1: ATTRS, 2: ['dropped', 'varint'], 3: ['entityRefs', 'bytes', 'repeated'] };
const RESOURCE_SPANS: Schema = {
  1: ['resource', message(() => RESOURCE)],
  2: ['scopeSpans', message(() => SCOPE_SPANS), 'repeated'],
  3: ['schemaUrl', 'bytes'],
};
const REQUEST: Schema = { 1: ['resourceSpans', message(() => RESOURCE_SPANS), 'repeated'] };

class Malformed extends Error {}

class Reader {
  at: number;
  readonly bytes: Uint8Array;
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.at = 0;
  }
  varint(): bigint {
    let value = 0n;
    for (let i = 0n; i < 10n; i++) {
      if (this.at >= this.bytes.length) throw new Malformed();
      const byte = this.bytes[this.at++];
      value |= BigInt(byte & 127) << (7n * i);
      if (byte < 128) return value;
    }
    throw new Malformed();
  }
  take(n: bigint): Uint8Array {
    if (n > BigInt(this.bytes.length - this.at)) throw new Malformed();
    this.at += Number(n);
    return this.bytes.subarray(this.at - Number(n), this.at);
  }
  value(wire: bigint, field: bigint, depth = 0): Scalar {
    if (wire === 0n) return this.varint();
    if (wire === 1n) return this.take(8n);
    if (wire === 2n) return this.take(this.varint());
    if (wire === 5n) return this.take(4n);
    if (wire !== 3n || depth >= 64) throw new Malformed();
    for (;;) {
      const tag = this.varint();
      if (tag === field * 8n + 4n) return 0n;
      if (tag < 8n || tag >= 1n << 32n) throw new Malformed();
      this.value(tag & 7n, tag >> 3n, depth + 1);
    }
  }
}

const WIRE = { varint: 0n, fixed64: 1n, bytes: 2n, fixed32: 5n };

function parse(bytes: Uint8Array, schema: Schema, depth = 0): Message {
  const out: Message = { one: {}, many: {}, last: '' };
  const reader = new Reader(bytes);
  const highest = Math.max(...Object.keys(schema).map(Number));
  while (reader.at < bytes.length) {
    const tag = reader.varint();
    const field = tag >> 3n;
    if (field === 0n || tag >= 1n << 32n) throw new Malformed();
    const known = field <= BigInt(highest) ? schema[Number(field)] : undefined;
    // Status has a hole at 1.
    if (known === undefined) {
      reader.value(tag & 7n, field);
      continue;
    }
    const [name, kind, repeated] = known;
    if ((tag & 7n) !== (typeof kind === 'string' ? WIRE[kind] : 2n)) throw new Malformed();
    let value: Scalar | Message = reader.value(tag & 7n, field);
    if (typeof kind !== 'string') {
      const deeper = schema === ANY ? depth + 1 : depth;
      if (deeper > 64) throw new Malformed();
      value = parse(value as Uint8Array, kind.message(), deeper);
    }
    if (repeated) (out.many[name] ??= []).push(value);
    else out.one[name] = value;
    out.last = name;
  }
  return out;
}

/** One span with all it hangs on, in a form that compares with `readTable`. */
export interface RefSpan {
  readonly refusal: string;
  readonly span?: Readonly<Record<string, unknown>>;
}

/** Decodes a request; throws when it is broken outside of a span. `max` cuts keys and strings. */
export function referenceDecode(bytes: Uint8Array, max = 0): RefSpan[] {
  const out: RefSpan[] = [];
  for (const rs of list(parse(bytes, REQUEST), 'resourceSpans')) {
    const resource = (rs.one.resource as Message | undefined) ?? EMPTY;
    for (const ss of list(rs, 'scopeSpans')) {
      const scope = (ss.one.scope as Message | undefined) ?? EMPTY;
      for (const raw of (ss.many.spans ?? []) as Uint8Array[]) out.push(refSpan(raw, resource, scope, max));
    }
  }
  return out;
}

const EMPTY: Message = { one: {}, many: {}, last: '' };

function refSpan(raw: Uint8Array, resource: Message, scope: Message, max: number): RefSpan {
  let m: Message;
  try {
    m = parse(raw, SPAN);
  } catch (error) {
    if (error instanceof Malformed) return { refusal: 'malformed_span' };
    throw error;
  }
  const traceId = bytesOf(m, 'traceId');
  const spanId = bytesOf(m, 'spanId');
  const parent = bytesOf(m, 'parentId');
  const start = fixed(m, 'start');
  const end = fixed(m, 'end');
  if (traceId.length !== 16 || traceId.every((x) => x === 0)) return { refusal: 'invalid_trace_id' };
  if (spanId.length !== 8 || spanId.every((x) => x === 0)) return { refusal: 'invalid_span_id' };
  if (parent.length !== 0 && parent.length !== 8) return { refusal: 'invalid_parent_span_id' };
  if (start - end > 3_600_000_000_000n) return { refusal: 'invalid_time' };
  const kind = int(m, 'kind');
  const status = (m.one.status as Message | undefined) ?? EMPTY;
  const code = int(status, 'code');
  return {
    refusal: '',
    span: {
      resource: { attrs: attrs(resource, max), dropped: u32(resource, 'dropped') },
      scope: { name: text(scope, 'name'), version: text(scope, 'version'), attrs: attrs(scope, max), dropped: u32(scope, 'dropped') },
      traceId: hex(traceId),
      spanId: hex(spanId),
      parentId: parent.length === 0 ? '0'.repeat(16) : hex(parent),
      traceState: text(m, 'traceState'),
      name: text(m, 'name'),
      kind: kind <= 5n ? Number(kind) : 0,
      start,
      duration: end > start ? Number(end - start) : 0,
      attrs: attrs(m, max),
      dropped: [u32(m, 'droppedAttrs'), u32(m, 'droppedEvents'), u32(m, 'droppedLinks')],
      events: list(m, 'events').map((e) => ({
        offset: BigInt.asUintN(64, fixed(e, 'time') - start),
        name: text(e, 'name'),
        attrs: attrs(e, max),
        dropped: u32(e, 'dropped'),
      })),
      links: list(m, 'links').map((l) => ({
        traceId: hex(bytesOf(l, 'traceId')).padStart(32, '0').slice(-32),
        spanId: hex(bytesOf(l, 'spanId')).padStart(16, '0').slice(-16),
        traceState: text(l, 'traceState'),
        attrs: attrs(l, max),
        dropped: u32(l, 'dropped'),
      })),
      status: code <= 2n ? Number(code) : 0,
      statusMessage: text(status, 'message'),
    },
  };
}

function list(m: Message, name: string): Message[] {
  return (m.many[name] ?? []) as Message[];
}
function bytesOf(m: Message, name: string): Uint8Array {
  return (m.one[name] as Uint8Array | undefined) ?? new Uint8Array(0);
}
function text(m: Message, name: string): string {
  return new TextDecoder().decode(bytesOf(m, name));
}
function int(m: Message, name: string): bigint {
  return (m.one[name] as bigint | undefined) ?? 0n;
}
function u32(m: Message, name: string): number {
  return Number(BigInt.asIntN(32, int(m, name)));
}
function fixed(m: Message, name: string): bigint {
  const b = bytesOf(m, name);
  return b.length === 8 ? new DataView(b.buffer, b.byteOffset).getBigUint64(0, true) : 0n;
}

function attrs(m: Message, max: number): [string, string][] {
  return list(m, 'attributes').map((kv) => {
    const value = (kv.one.value as Message | undefined) ?? EMPTY;
    return [cut(bytesOf(kv, 'key'), max), value.last === 'string' ? `s:${cut(bytesOf(value, 'string'), max)}` : canonical(value)];
  });
}

/** The longest prefix of at most `max` bytes that ends at a code point, counted by code points. */
function cut(bytes: Uint8Array, max: number): string {
  const whole = new TextDecoder().decode(bytes);
  if (max === 0 || bytes.length <= max) return whole;
  let out = '';
  let size = 0;
  for (const char of whole) {
    size += Buffer.byteLength(char);
    if (size > max) break;
    out += char;
  }
  return out;
}

function canonical(v: Message): string {
  const scalar = scalarText(v);
  if (scalar !== undefined) return scalar;
  if (v.last === 'array') {
    const items = list(v.one.array as Message, 'values');
    const kinds = new Set(items.map((item) => item.last));
    if (items.every((item) => scalarText(item) !== undefined) && kinds.size <= 1) return `array:${JSON.stringify(items.map(scalarText))}`;
  }
  return `json:${JSON.stringify(anyJson(v))}`;
}

function scalarText(v: Message): string | undefined {
  if (v.last === 'string') return `s:${text(v, 'string')}`;
  if (v.last === 'int') return `i:${BigInt.asIntN(64, int(v, 'int'))}`;
  if (v.last === 'bool') return `b:${BigInt.asUintN(64, int(v, 'bool')) !== 0n}`;
  if (v.last === 'double') return `d:${hex(bytesOf(v, 'double'))}`;
  return undefined;
}

function anyJson(v: Message): unknown {
  if (v.last === 'string') return { stringValue: text(v, 'string') };
  if (v.last === 'int') return { intValue: String(BigInt.asIntN(64, int(v, 'int'))) };
  if (v.last === 'bool') return { boolValue: BigInt.asUintN(64, int(v, 'bool')) !== 0n };
  if (v.last === 'double') {
    const d = new DataView(bytesOf(v, 'double').slice().buffer).getFloat64(0, true);
    return { doubleValue: Number.isFinite(d) ? d : String(d) };
  }
  if (v.last === 'bytes') return { bytesValue: Buffer.from(bytesOf(v, 'bytes')).toString('base64') };
  if (v.last === 'array') return { arrayValue: values(list(v.one.array as Message, 'values').map(anyJson)) };
  if (v.last === 'kvlist') return { kvlistValue: values(list(v.one.kvlist as Message, 'values').map(keyValueJson)) };
  return {};
}

function values(items: unknown[]): unknown {
  return items.length === 0 ? {} : { values: items };
}

function keyValueJson(kv: Message): unknown {
  const key = text(kv, 'key');
  return { ...(key === '' ? {} : { key }), ...(kv.one.value === undefined ? {} : { value: anyJson(kv.one.value as Message) }) };
}
