import type { ProtoWriter } from './proto-writer.ts';
import { MAX_DEPTH } from './wire.ts';

/** What is wrong with a JSON value, with its path. Stays inside this library. */
export class JsonProblem extends Error {}

type JsonObject = Readonly<Record<string, unknown>>;

const KINDS = ['SPAN_KIND_UNSPECIFIED', 'SPAN_KIND_INTERNAL', 'SPAN_KIND_SERVER', 'SPAN_KIND_CLIENT', 'SPAN_KIND_PRODUCER', 'SPAN_KIND_CONSUMER'];
const CODES = ['STATUS_CODE_UNSET', 'STATUS_CODE_OK', 'STATUS_CODE_ERROR'];
const NOTHING = new Uint8Array(0);
/** An id of one byte, a span of field number 0: `scanExport` refuses them alone and for the right reason. */
const BAD_ID = Uint8Array.of(1);
const BAD_SPAN = Uint8Array.of(0);

/**
 * Writes parsed OTLP/JSON as protobuf: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding. Ids in hex, 64-bit integers as
 * string or number, enums as number or name, camelCase and snake_case, unknown fields ignored, null is absent.
 * Throws `JsonProblem`; inside a span it becomes a span that the scan will refuse, and a line in `problems`.
 */
export class JsonEncoder {
  /** What was wrong inside spans, the first few. */
  readonly problems: string[] = [];
  readonly #w: ProtoWriter;
  readonly #path: string[] = [];

  constructor(writer: ProtoWriter) {
    this.#w = writer;
  }

  request(root: unknown): void {
    const request = this.#object(root, '');
    this.#each(request, 'resourceSpans', 'resource_spans', (resourceSpans) => {
      const start = this.#w.begin(0x0a);
      const resource = field(resourceSpans, 'resource');
      if (resource !== undefined) {
        const o = this.#object(resource, 'resource');
        this.#message(0x0a, 'resource', () => {
          this.#attributes(0x0a, o);
          this.#count(0x10, o, 'droppedAttributesCount', 'dropped_attributes_count');
        });
      }
      this.#each(resourceSpans, 'scopeSpans', 'scope_spans', (scopeSpans) => this.#scopeSpans(scopeSpans));
      this.#text(0x1a, resourceSpans, 'schemaUrl', 'schema_url');
      this.#w.end(start);
    });
  }

  /** The content of an AnyValue message. */
  anyValue(value: unknown, depth = 0): void {
    const o = this.#object(value, '');
    const w = this.#w;
    const text = field(o, 'stringValue', 'string_value');
    if (text !== undefined) {
      if (typeof text !== 'string') this.#fail('stringValue', `want a string, got ${show(text)}`);
      return w.text(0x0a, text);
    }
    const bool = field(o, 'boolValue', 'bool_value');
    if (bool !== undefined) {
      if (typeof bool !== 'boolean') this.#fail('boolValue', `want true or false, got ${show(bool)}`);
      return w.uint(0x10, bool ? 1 : 0);
    }
    const int = field(o, 'intValue', 'int_value');
    if (int !== undefined) {
      const n = this.#integer(int, 'intValue', -(2n ** 63n), 2n ** 63n - 1n);
      return w.uint64(0x18, Number(n & 0xffffffffn), Number((n >> 32n) & 0xffffffffn));
    }
    const double = field(o, 'doubleValue', 'double_value');
    if (double !== undefined) return this.#double(double);
    const bytes = field(o, 'bytesValue', 'bytes_value');
    if (bytes !== undefined) {
      if (typeof bytes !== 'string' || !/^[\w+/-]*={0,2}$/.test(bytes)) this.#fail('bytesValue', `want base64, got ${show(bytes)}`);
      return w.bytes(0x3a, Buffer.from(bytes, 'base64'));
    }
    const array = field(o, 'arrayValue', 'array_value');
    const list = array ?? field(o, 'kvlistValue', 'kvlist_value');
    if (list === undefined) return;
    const name = array === undefined ? 'kvlistValue' : 'arrayValue';
    if (depth >= MAX_DEPTH) this.#fail(name, `nested deeper than ${MAX_DEPTH}`);
    this.#message(array === undefined ? 0x32 : 0x2a, name, () => {
      this.#each(this.#object(list, ''), 'values', 'values', (item) => {
        const start = w.begin(0x0a);
        if (array === undefined) this.#keyValue(item, depth + 1);
        else this.anyValue(item, depth + 1);
        w.end(start);
      });
    });
  }

  #scopeSpans(scopeSpans: JsonObject): void {
    const start = this.#w.begin(0x12);
    const scope = field(scopeSpans, 'scope');
    if (scope !== undefined) {
      const o = this.#object(scope, 'scope');
      this.#message(0x0a, 'scope', () => {
        this.#text(0x0a, o, 'name');
        this.#text(0x12, o, 'version');
        this.#attributes(0x1a, o);
        this.#count(0x20, o, 'droppedAttributesCount', 'dropped_attributes_count');
      });
    }
    const spans = this.#array(scopeSpans, 'spans', 'spans');
    for (let i = 0; i < spans.length; i++) this.#spanOrProblem(spans[i], i);
    this.#text(0x1a, scopeSpans, 'schemaUrl', 'schema_url');
    this.#w.end(start);
  }

  #spanOrProblem(value: unknown, i: number): void {
    const depth = this.#path.length;
    const mark = this.#w.length;
    this.#path.push(`.spans[${i}]`);
    try {
      const span = this.#object(value, '');
      const start = this.#w.begin(0x12);
      this.#span(span);
      this.#w.end(start);
    } catch (error) {
      if (!(error instanceof JsonProblem)) throw error;
      this.#note(error.message);
      this.#w.rewind(mark);
      this.#w.bytes(0x12, BAD_SPAN);
    }
    this.#path.length = depth;
  }

  #span(o: JsonObject): void {
    const w = this.#w;
    this.#spanId(0x0a, o, 'traceId', 'trace_id');
    this.#spanId(0x12, o, 'spanId', 'span_id');
    this.#text(0x1a, o, 'traceState', 'trace_state');
    this.#spanId(0x22, o, 'parentSpanId', 'parent_span_id');
    this.#text(0x2a, o, 'name');
    this.#enum(0x30, o, 'kind', KINDS);
    this.#time(0x39, o, 'startTimeUnixNano', 'start_time_unix_nano');
    this.#time(0x41, o, 'endTimeUnixNano', 'end_time_unix_nano');
    this.#attributes(0x4a, o);
    this.#count(0x50, o, 'droppedAttributesCount', 'dropped_attributes_count');
    this.#each(o, 'events', 'events', (event) => {
      const start = w.begin(0x5a);
      this.#time(0x09, event, 'timeUnixNano', 'time_unix_nano');
      this.#text(0x12, event, 'name');
      this.#attributes(0x1a, event);
      this.#count(0x20, event, 'droppedAttributesCount', 'dropped_attributes_count');
      w.end(start);
    });
    this.#count(0x60, o, 'droppedEventsCount', 'dropped_events_count');
    this.#each(o, 'links', 'links', (link) => {
      const start = w.begin(0x6a);
      w.bytes(0x0a, this.#hex(link, 'traceId', 'trace_id') ?? this.#fail('traceId', 'want hex digits'));
      w.bytes(0x12, this.#hex(link, 'spanId', 'span_id') ?? this.#fail('spanId', 'want hex digits'));
      this.#text(0x1a, link, 'traceState', 'trace_state');
      this.#attributes(0x22, link);
      this.#count(0x28, link, 'droppedAttributesCount', 'dropped_attributes_count');
      w.end(start);
    });
    this.#count(0x70, o, 'droppedLinksCount', 'dropped_links_count');
    const status = field(o, 'status');
    if (status === undefined) return;
    const s = this.#object(status, 'status');
    this.#message(0x7a, 'status', () => {
      this.#text(0x12, s, 'message');
      this.#enum(0x18, s, 'code', CODES);
    });
  }

  #keyValue(o: JsonObject, depth: number): void {
    this.#text(0x0a, o, 'key');
    const value = field(o, 'value');
    if (value === undefined) return;
    this.#message(0x12, 'value', () => this.anyValue(value, depth));
  }

  #attributes(tag: number, owner: JsonObject): void {
    this.#each(owner, 'attributes', 'attributes', (attribute) => {
      const start = this.#w.begin(tag);
      this.#keyValue(attribute, 0);
      this.#w.end(start);
    });
  }

  #message(tag: number, name: string, content: () => void): void {
    const start = this.#w.begin(tag);
    this.#path.push(`.${name}`);
    content();
    this.#path.pop();
    this.#w.end(start);
  }

  #each(owner: JsonObject, camel: string, snake: string, visit: (item: JsonObject) => void): void {
    const items = this.#array(owner, camel, snake);
    for (let i = 0; i < items.length; i++) {
      this.#path.push(`.${camel}[${i}]`);
      visit(this.#object(items[i], ''));
      this.#path.pop();
    }
  }

  #array(owner: JsonObject, camel: string, snake: string): readonly unknown[] {
    const value = field(owner, camel, snake);
    if (value === undefined) return [];
    return Array.isArray(value) ? value : this.#fail(camel, `want an array, got ${show(value)}`);
  }

  #object(value: unknown, name: string): JsonObject {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) this.#fail(name, `want an object, got ${show(value)}`);
    return value as JsonObject; // checked above
  }

  #text(tag: number, owner: JsonObject, camel: string, snake?: string): void {
    const value = field(owner, camel, snake);
    if (value === undefined || value === '') return;
    if (typeof value !== 'string') this.#fail(camel, `want a string, got ${show(value)}`);
    this.#w.text(tag, value);
  }

  #count(tag: number, owner: JsonObject, camel: string, snake: string): void {
    const value = field(owner, camel, snake);
    if (value !== undefined) this.#w.uint(tag, Number(this.#integer(value, camel, 0n, 2n ** 32n - 1n)));
  }

  #time(tag: number, owner: JsonObject, camel: string, snake: string): void {
    const value = field(owner, camel, snake);
    if (value === undefined) return;
    const n = this.#integer(value, camel, 0n, 2n ** 64n - 1n);
    this.#w.fixed64(tag, Number(n & 0xffffffffn), Number(n >> 32n));
  }

  #enum(tag: number, owner: JsonObject, name: string, names: readonly string[]): void {
    const value = field(owner, name);
    if (value === undefined) return;
    const number = typeof value === 'string' ? names.indexOf(value) : value;
    if (typeof number !== 'number' || !Number.isInteger(number) || number < 0 || number > 0x7fffffff) this.#fail(name, `unknown value ${show(value)}`);
    this.#w.uint(tag, number);
  }

  #integer(value: unknown, name: string, min: bigint, max: bigint): bigint {
    if (!(typeof value === 'number' ? Number.isInteger(value) : typeof value === 'string' && /^[+-]?\d{1,20}$/.test(value))) {
      this.#fail(name, `want an integer, got ${show(value)}`);
    }
    const n = BigInt(value as string | number); // checked above
    if (n < min || n > max) this.#fail(name, `${n} is out of range`);
    return n;
  }

  #double(value: unknown): void {
    const special = value === 'NaN' || value === 'Infinity' || value === '-Infinity';
    const number = typeof value === 'number' || special ? Number(value) : typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN;
    if (Number.isNaN(number) && value !== 'NaN') this.#fail('doubleValue', `want a number, got ${show(value)}`);
    float[0] = number;
    this.#w.fixed64(0x21, floatHalves[0], floatHalves[1]);
  }

  #spanId(tag: number, owner: JsonObject, camel: string, snake: string): void {
    const id = this.#hex(owner, camel, snake);
    if (id === undefined) this.#note(`${this.#path.join('').slice(1)}.${camel}: want hex digits, got ${show(field(owner, camel, snake))}`);
    this.#w.bytes(tag, id ?? BAD_ID);
  }

  /** Bytes of hex digits (any case), none when absent; undefined when it is something else. */
  #hex(owner: JsonObject, camel: string, snake: string): Uint8Array | undefined {
    const value = field(owner, camel, snake);
    if (value === undefined || value === '') return NOTHING;
    if (typeof value !== 'string' || value.length % 2 !== 0) return undefined;
    const bytes = Buffer.from(value, 'hex');
    return bytes.length * 2 === value.length ? bytes : undefined;
  }

  #note(problem: string): void {
    if (this.problems.length < 3) this.problems.push(problem);
  }

  #fail(name: string, what: string): never {
    const path = `${this.#path.join('')}${name === '' ? '' : `.${name}`}`.slice(1);
    throw new JsonProblem(`${path === '' ? 'request' : path}: ${what}`);
  }
}

const float = new Float64Array(1);
const floatHalves = new Uint32Array(float.buffer);

function field(owner: JsonObject, camel: string, snake?: string): unknown {
  return owner[camel] ?? (snake === undefined ? undefined : owner[snake]) ?? undefined;
}

/** A value in an error text: never more than a line. */
function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= 60 ? text : `${text.slice(0, 57)}…`;
}
