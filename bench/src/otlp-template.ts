import { ProtobufWriter } from './protobuf.ts';
import type { Random } from './random.ts';
import { makeTrace, randomBytes, resourceOf } from './shop.ts';
import type { Attribute, ShopSpan } from './shop.ts';

/**
 * An ExportTraceServiceRequest made once and sent many times: before each send `stamp` gives it new trace ids and times in place,
 * so that the load generator costs next to nothing.
 */
export class RequestTemplate {
  readonly spans: number;
  readonly #bytes: Buffer;
  readonly #ids: readonly Uint8Array[];
  readonly #idAt: readonly (readonly [trace: number, at: number])[];
  readonly #timeAt: readonly (readonly [at: number, offsetNs: bigint])[];

  /** About `target` spans of whole traces. */
  constructor(random: Random, target: number) {
    const traces: ShopSpan[][] = [];
    let spans = 0;
    while (spans < target) {
      const trace = makeTrace(random);
      traces.push(trace);
      spans += trace.length;
    }
    this.spans = spans;
    this.#ids = traces.map(() => randomBytes(random, 16));
    const offsets = traces.map(() => BigInt(Math.floor(random() * 2e9)));
    const out = new ProtobufWriter();
    const idAt: [number, number][] = [];
    const timeAt: [number, bigint][] = [];
    const byService = Map.groupBy(
      traces.flatMap((trace, t) => trace.map((span) => ({ span, t }))),
      ({ span }) => span.service,
    );
    for (const [service, members] of byService) {
      out.messageField(1, () => {
        out.messageField(1, () => attributes(out, 1, resourceOf(random, service)));
        out.messageField(2, () => {
          out.messageField(1, () => {
            out.stringField(1, `io.opentelemetry.${['http', 'grpc', 'jdbc', 'kafka'][service % 4]}`);
            out.stringField(2, '1.32.0');
          });
          for (const { span, t } of members) out.messageField(2, () => writeSpan(out, span, traces[t], t, offsets[t], this.#ids[t], idAt, timeAt));
        });
      });
    }
    this.#bytes = Buffer.from(out.done());
    this.#idAt = idAt;
    this.#timeAt = timeAt;
  }

  /** New ids (a mix of `sequence` and the trace's number) and times from `baseNs` on. Returns the bytes, overwritten by the next call, and the ids. */
  stamp(sequence: number, baseNs: bigint): { bytes: Buffer; ids: string[] } {
    const high = this.#ids.map((_, t) => mix(BigInt(sequence) * 1_000_003n + BigInt(t) + 1n));
    for (const [t, at] of this.#idAt) this.#bytes.writeBigUInt64BE(high[t], at);
    for (const [at, offset] of this.#timeAt) this.#bytes.writeBigUInt64LE(baseNs + offset, at);
    return { bytes: this.#bytes, ids: high.map((h, t) => h.toString(16).padStart(16, '0') + Buffer.from(this.#ids[t].subarray(8)).toString('hex')) };
  }
}

function writeSpan(
  out: ProtobufWriter,
  span: ShopSpan,
  trace: readonly ShopSpan[],
  t: number,
  offset: bigint,
  traceId: Uint8Array,
  idAt: [number, number][],
  timeAt: [number, bigint][],
): void {
  const time = (field: number, ns: number) => {
    const at = offset + BigInt(ns);
    timeAt.push([out.fixed64Field(field, at), at]);
  };
  idAt.push([t, out.bytesField(1, traceId)]);
  out.bytesField(2, span.id);
  if (span.parent >= 0) out.bytesField(4, trace[span.parent].id);
  out.stringField(5, span.name);
  out.varintField(6, span.kind);
  time(7, span.startNs);
  time(8, span.startNs + span.durationNs);
  attributes(out, 9, span.attributes);
  for (const event of span.events) {
    out.messageField(11, () => {
      time(1, span.startNs + event.atNs);
      out.stringField(2, event.name);
      attributes(out, 3, event.attributes);
    });
  }
  const { link } = span;
  if (link) {
    out.messageField(13, () => {
      out.bytesField(1, link);
      out.bytesField(2, span.id);
    });
  }
  if (span.status !== 0) {
    out.messageField(15, () => {
      if (span.statusMessage !== '') out.stringField(2, span.statusMessage);
      out.varintField(3, span.status);
    });
  }
}

function attributes(out: ProtobufWriter, field: number, all: readonly Attribute[]): void {
  for (const [key, value] of all) {
    out.messageField(field, () => {
      out.stringField(1, key);
      out.messageField(2, () => {
        if (typeof value === 'string') out.stringField(1, value);
        else if (typeof value === 'boolean') out.varintField(2, value ? 1 : 0);
        else if (Number.isInteger(value)) out.varintField(3, BigInt(value));
        else out.doubleField(4, value);
      });
    });
  }
}

function mix(value: bigint): bigint {
  let h = BigInt.asUintN(64, value * 0x9e3779b97f4a7c15n);
  h ^= h >> 29n;
  return BigInt.asUintN(64, h * 0xbf58476d1ce4e5b9n);
}
