// Requests as no sane encoder writes them: shuffled fields, padded varints, unknown fields, empty parts, every value type.

export interface RequestShape {
  readonly seed: number;
  /** About how many spans. */
  readonly spans: number;
  /** Share of spans with something wrong in them, 0..1. */
  readonly bad?: number;
}

/** Deterministic for a shape. Messages are well-formed except inside bad spans. */
export function randomRequest(shape: RequestShape): Uint8Array {
  const r = new Random(shape.seed);
  let left = shape.spans;
  const resources: Field[] = [];
  const resourceMessages = Array.from({ length: 3 }, () => r.message([...r.attrs(1), ...r.maybe(() => r.varintField(2, r.int(5)))]));
  const traces = Array.from({ length: 1 + r.int(6) }, () => r.bytes(16, 1));
  do {
    const scopes: Field[] = [];
    for (let s = r.int(4); s > 0; s--) {
      const n = Math.min(left, r.int(12));
      left -= n;
      const spans = Array.from({ length: n }, () => r.bytesField(2, r.span(r.pick(traces), r.next() < (shape.bad ?? 0))));
      const scope = r.message([r.textField(1, r.text(8)), r.textField(2, '1.0'), ...r.attrs(3), ...r.maybe(() => r.varintField(4, 3))]);
      scopes.push(r.bytesField(2, r.message([...spans, ...r.maybe(() => r.bytesField(1, scope)), ...r.maybe(() => r.textField(3, 'https://schema'))])));
    }
    const resource = r.maybe(() => r.bytesField(1, r.pick(resourceMessages)));
    resources.push(r.bytesField(1, r.message([...scopes, ...resource, ...r.maybe(() => r.textField(3, 'https://schema'))])));
  } while (left > 0);
  return r.message(resources);
}

type Field = Uint8Array;

class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }
  int(below: number): number {
    return Math.floor(this.next() * below);
  }
  pick<T>(items: readonly T[]): T {
    return items[this.int(items.length)];
  }
  maybe<T>(make: () => T): T[] {
    return this.next() < 0.5 ? [make()] : [];
  }
  bytes(n: number, lowest = 0): Uint8Array {
    return Uint8Array.from({ length: n }, () => lowest + this.int(256 - lowest));
  }
  text(max: number): string {
    return Array.from({ length: this.int(max + 1) }, () => this.pick(['a', 'b', 'é', '€', '😀', '"', '\\', '\u2028', '<'])).join('');
  }

  varint(value: bigint | number): Uint8Array {
    const out: number[] = [];
    let rest = BigInt.asUintN(64, BigInt(value));
    while (rest > 127n) {
      out.push(Number(rest & 127n) | 128);
      rest >>= 7n;
    }
    out.push(Number(rest));
    const pad = this.next() < 0.1 ? this.int(11 - out.length) : 0;
    for (let i = 0; i < pad; i++) {
      out[out.length - 1] |= 128;
      out.push(0);
    }
    return Uint8Array.from(out);
  }
  tag(field: number, wire: number): Uint8Array {
    return this.varint(field * 8 + wire);
  }
  varintField(field: number, value: bigint | number): Field {
    return concat([this.tag(field, 0), this.varint(value)]);
  }
  bytesField(field: number, value: Uint8Array): Field {
    return concat([this.tag(field, 2), this.varint(value.length), value]);
  }
  textField(field: number, value: string): Field {
    return this.bytesField(field, new TextEncoder().encode(value));
  }
  fixed64Field(field: number, value: bigint): Field {
    return concat([this.tag(field, 1), new Uint8Array(BigUint64Array.of(BigInt.asUintN(64, value)).buffer)]);
  }
  doubleField(field: number, value: number): Field {
    return concat([this.tag(field, 1), new Uint8Array(Float64Array.of(value).buffer)]);
  }
  unknownField(): Field {
    const field = this.pick([100, 1000, 5_000_000]);
    switch (this.int(5)) {
      case 0:
        return this.varintField(field, this.int(1000));
      case 1:
        return this.fixed64Field(field, 7n);
      case 2:
        return this.textField(field, this.text(5));
      case 3:
        return concat([this.tag(field, 5), this.bytes(4)]);
      default:
        return concat([this.tag(field, 3), this.textField(1, 'in a group'), this.tag(field, 4)]);
    }
  }

  /** Fields in random order with unknown ones between. */
  message(fields: readonly Field[]): Uint8Array {
    const all = [...fields];
    if (this.next() < 0.3) {
      for (let i = all.length - 1; i > 0; i--) {
        const j = this.int(i + 1);
        [all[i], all[j]] = [all[j], all[i]];
      }
    }
    while (this.next() < 0.15) all.splice(this.int(all.length + 1), 0, this.unknownField());
    return concat(all);
  }

  attrs(field: number): Field[] {
    return Array.from({ length: this.int(5) }, () => this.bytesField(field, this.keyValue(0)));
  }
  keyValue(depth: number): Uint8Array {
    const key = this.next() < 0.3 ? 'service.name' : this.text(12);
    return this.message([this.textField(1, key), ...(this.next() < 0.95 ? [this.bytesField(2, this.anyValue(depth))] : [])]);
  }
  anyValue(depth: number): Uint8Array {
    switch (this.int(depth > 3 ? 5 : 9)) {
      case 0:
        return this.message([this.textField(1, this.text(20))]);
      case 1:
        return this.message([this.varintField(2, this.int(2))]);
      case 2:
        return this.message([this.varintField(3, this.pick([0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n, 127n, 300_000n]))]);
      case 3:
        return this.message([this.doubleField(4, this.pick([0, 1.5, -1e300, NaN, Infinity, 1e-7, 123456789]))]);
      case 4:
        return this.message([this.bytesField(7, this.bytes(this.int(6)))]);
      case 5:
        return this.message([]);
      case 6: {
        const same = this.int(1 << 20);
        const items = Array.from({ length: this.int(4) }, () => this.bytesField(1, this.scalar(same)));
        return this.message([this.bytesField(5, this.message(items))]);
      }
      case 7:
        return this.message([this.bytesField(5, this.message(Array.from({ length: this.int(4) }, () => this.bytesField(1, this.anyValue(depth + 1)))))]);
      default:
        return this.message([this.bytesField(6, this.message(Array.from({ length: this.int(4) }, () => this.bytesField(1, this.keyValue(depth + 1)))))]);
    }
  }
  scalar(type: number): Uint8Array {
    if (type % 4 === 0) return this.message([this.textField(1, this.text(6))]);
    if (type % 4 === 1) return this.message([this.varintField(2, this.int(2))]);
    if (type % 4 === 2) return this.message([this.varintField(3, this.int(1000) - 500)]);
    return this.message([this.doubleField(4, this.next())]);
  }

  span(traceId: Uint8Array, bad: boolean): Uint8Array {
    const start = 1_700_000_000_000_000_000n + BigInt(this.int(1e9));
    const fields = [
      this.bytesField(1, traceId),
      this.bytesField(2, this.bytes(8, 1)),
      ...this.maybe(() => this.textField(3, 'k=v')),
      ...this.maybe(() => this.bytesField(4, this.next() < 0.2 ? new Uint8Array(8) : this.bytes(this.pick([0, 8])))),
      this.textField(5, this.text(10)),
      this.varintField(6, this.pick([0, 1, 2, 3, 4, 5, 6, -1])),
      this.fixed64Field(7, start),
      // A small skew is kept.
      this.fixed64Field(8, start + BigInt(this.int(2e9)) - 1_000_000n),
      ...this.attrs(9),
      ...this.maybe(() => this.varintField(10, 4_000_000_000)),
      ...this.maybe(() => this.varintField(12, 2)),
      ...this.maybe(() => this.varintField(14, 3)),
      ...Array.from({ length: this.int(3) }, () =>
        this.bytesField(
          11,
          this.message([
            ...this.maybe(() => this.fixed64Field(1, start + BigInt(this.int(1000)) - 500n)),
            this.textField(2, this.text(5)),
            ...this.attrs(3),
            this.varintField(4, 1),
          ]),
        ),
      ),
      ...Array.from({ length: this.int(2) }, () =>
        this.bytesField(
          13,
          this.message([this.bytesField(1, this.bytes(this.pick([16, 16, 8, 0]))), this.bytesField(2, this.bytes(this.pick([8, 8, 9]))), ...this.attrs(4)]),
        ),
      ),
      ...this.maybe(() => this.bytesField(15, this.message([this.textField(2, this.text(5)), this.varintField(3, this.int(4))]))),
      ...this.maybe(() => concat([this.tag(16, 5), this.bytes(4)])),
    ];
    if (!bad) return this.message(fields);
    const flaw = this.int(6);
    if (flaw === 0) fields[0] = this.bytesField(1, this.bytes(this.int(16)));
    else if (flaw === 1) fields[1] = this.bytesField(2, new Uint8Array(8));
    else if (flaw === 2) fields.push(this.bytesField(4, this.bytes(3)), this.bytesField(4, this.bytes(4)));
    else if (flaw === 3) fields.push(this.bytesField(9, this.bytes(9, 250)));
    else if (flaw === 4) fields.push(this.fixed64Field(8, 0n));
    else fields[0] = this.bytesField(1, new Uint8Array(16));
    return concat(fields);
  }
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
