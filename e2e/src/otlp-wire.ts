import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';

// A reader of OTLP traces that knows every field Grafana's generated classes know and nothing else: what is not in the table is an error.

type Scalar = 'string' | 'bytes' | 'bool' | 'int64' | 'uint32' | 'fixed32' | 'fixed64' | 'double' | 'kind' | 'code';
interface Field {
  readonly name: string;
  readonly type: Scalar | Message;
  readonly repeated?: boolean;
  /** Set to a zero is not the same as absent. */
  readonly oneof?: boolean;
}
interface Message {
  readonly fields: Readonly<Record<number, Field>>;
}
/** In protobuf's JSON form. */
export type Json = { [name: string]: unknown };

const message = (fields: Record<number, Field>): Message => ({ fields });
const one = (name: string, type: Field['type']): Field => ({ name, type });
const many = (name: string, type: Field['type']): Field => ({ name, type, repeated: true });

const ANY_VALUE_FIELDS: Record<number, Field> = {};
const ANY_VALUE = message(ANY_VALUE_FIELDS);
const KEY_VALUE = message({ 1: one('key', 'string'), 2: one('value', ANY_VALUE) });
const VALUE_OPTIONS: readonly Field[] = [
  one('stringValue', 'string'),
  one('boolValue', 'bool'),
  one('intValue', 'int64'),
  one('doubleValue', 'double'),
  one('arrayValue', message({ 1: many('values', ANY_VALUE) })),
  one('kvlistValue', message({ 1: many('values', KEY_VALUE) })),
  one('bytesValue', 'bytes'),
];
VALUE_OPTIONS.forEach((option, i) => (ANY_VALUE_FIELDS[i + 1] = { ...option, oneof: true }));

const EVENT = message({
  1: one('timeUnixNano', 'fixed64'),
  2: one('name', 'string'),
  3: many('attributes', KEY_VALUE),
  4: one('droppedAttributesCount', 'uint32'),
});
const LINK = message({
  1: one('traceId', 'bytes'),
  2: one('spanId', 'bytes'),
  3: one('traceState', 'string'),
  4: many('attributes', KEY_VALUE),
  5: one('droppedAttributesCount', 'uint32'),
  6: one('flags', 'fixed32'),
});
const SPAN = message({
  1: one('traceId', 'bytes'),
  2: one('spanId', 'bytes'),
  3: one('traceState', 'string'),
  4: one('parentSpanId', 'bytes'),
  5: one('name', 'string'),
  6: one('kind', 'kind'),
  7: one('startTimeUnixNano', 'fixed64'),
  8: one('endTimeUnixNano', 'fixed64'),
  9: many('attributes', KEY_VALUE),
  10: one('droppedAttributesCount', 'uint32'),
  11: many('events', EVENT),
  12: one('droppedEventsCount', 'uint32'),
  13: many('links', LINK),
  14: one('droppedLinksCount', 'uint32'),
  15: one('status', message({ 2: one('message', 'string'), 3: one('code', 'code') })),
  16: one('flags', 'fixed32'),
});
const SCOPE = message({ 1: one('name', 'string'), 2: one('version', 'string'), 3: many('attributes', KEY_VALUE), 4: one('droppedAttributesCount', 'uint32') });
const RESOURCE = message({ 1: many('attributes', KEY_VALUE), 2: one('droppedAttributesCount', 'uint32') });
const SCOPE_SPANS = message({ 1: one('scope', SCOPE), 2: many('spans', SPAN), 3: one('schemaUrl', 'string') });
const RESOURCE_SPANS = message({ 1: one('resource', RESOURCE), 2: many('scopeSpans', SCOPE_SPANS), 3: one('schemaUrl', 'string') });
const TRACE = message({ 1: many('resourceSpans', RESOURCE_SPANS) });

/** The JSON form of an encoded `Trace`. Throws on a field that Grafana does not know and on one in the wrong wire form. */
export function traceToJson(bytes: Uint8Array): Json {
  return read(new BinaryReader(bytes), TRACE);
}

function read(reader: BinaryReader, { fields }: Message): Json {
  const json: Json = {};
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    const field = fields[number];
    if (field === undefined) throw new Error(`unknown field ${number} beside ${Object.keys(json).join()}`);
    const value = readValue(reader, field, wire);
    if (field.repeated) ((json[field.name] ??= []) as unknown[]).push(value);
    else if (field.oneof || !isZero(value)) json[field.name] = value;
  }
  return json;
}

const WIRE: Readonly<Record<Scalar, WireType>> = {
  string: WireType.LengthDelimited,
  bytes: WireType.LengthDelimited,
  bool: WireType.Varint,
  int64: WireType.Varint,
  uint32: WireType.Varint,
  kind: WireType.Varint,
  code: WireType.Varint,
  fixed32: WireType.Bit32,
  fixed64: WireType.Bit64,
  double: WireType.Bit64,
};
const KINDS = ['UNSPECIFIED', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'];
const CODES = ['UNSET', 'OK', 'ERROR'];

function readValue(reader: BinaryReader, { name, type }: Field, wire: WireType): unknown {
  const expected = typeof type === 'string' ? WIRE[type] : WireType.LengthDelimited;
  if (wire !== expected) throw new Error(`${name}: wire type ${wire}, want ${expected}`);
  if (typeof type !== 'string') return read(new BinaryReader(reader.bytes()), type);
  switch (type) {
    case 'string':
      return reader.string();
    case 'bytes':
      return Buffer.from(reader.bytes()).toString('base64');
    case 'bool':
      return reader.bool();
    case 'int64':
      return String(reader.int64());
    case 'fixed64':
      return String(reader.fixed64());
    case 'uint32':
      return reader.uint32();
    case 'fixed32':
      return reader.fixed32();
    case 'double':
      return doubleJson(reader.double());
    case 'kind':
      return enumJson('SPAN_KIND', KINDS, reader.int32());
    case 'code':
      return enumJson('STATUS_CODE', CODES, reader.int32());
  }
}

function doubleJson(value: number): number | string {
  return Number.isFinite(value) ? value : String(value);
}

/** Zero is the default, which is left out. */
function enumJson(prefix: string, names: readonly string[], value: number): string | number {
  return value === 0 ? 0 : `${prefix}_${names[value]}`;
}

function isZero(value: unknown): boolean {
  return value === 0 || value === '' || value === '0' || value === false;
}
