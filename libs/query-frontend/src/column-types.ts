import type { AnyValueJson, KeyValueJson, SpanSetJson, TraceSearchMetadata } from '@vivace/query';

/**
 * Grafana makes a table of a search with a column for each attribute, and its plugin fails when values of a column differ in type (whole and
 * fractional numbers may mix). So where they do, all values of that attribute become text; but the `nil` of a missing attribute is left out
 * beside values that are not text. Arrays count only when Grafana itself asks: Tempo answers them as they are, and other clients may want
 * them so. One object serves one search, in one answer or in several.
 */
export class ColumnTypes {
  readonly #countArrays: boolean;
  /** What a column has been answered with. */
  readonly #types = new Map<string, number>();

  constructor(userAgent: string | undefined) {
    this.#countArrays = userAgent?.startsWith('Grafana/') ?? false;
  }

  /** The traces with one type a column. A value that does not fit a type answered before is left out, because that answer is gone. */
  unify(traces: readonly TraceSearchMetadata[]): readonly TraceSearchMetadata[] {
    const seen = new Map<string, number>();
    let isUniform = true;
    for (const attributes of attributeLists(traces)) {
      for (const { key, value } of attributes) {
        const types = (seen.get(key) ?? this.#types.get(key) ?? 0) | this.#typeOf(value);
        seen.set(key, types);
        isUniform &&= !isMixed(types & NIL ? (types & ~NIL) | TEXT : types);
      }
    }
    for (const [key, types] of seen) if (!this.#types.has(key) && types !== 0) this.#types.set(key, columnType(types));
    return isUniform ? traces : traces.map((trace) => this.#trace(trace));
  }

  /** 0 is a value that fits everywhere. */
  #typeOf(value: AnyValueJson): number {
    if ('arrayValue' in value) return this.#countArrays ? ARRAY : 0;
    if ('stringValue' in value) return value.stringValue === MISSING ? NIL : TEXT;
    return 'boolValue' in value ? BOOL : NUMBER;
  }

  #trace(trace: TraceSearchMetadata): TraceSearchMetadata {
    const spanSets = trace.spanSets?.map((set): SpanSetJson => {
      const spans = set.spans.map((span) => this.#withColumns(span));
      return this.#withColumns({ ...set, spans });
    });
    return spanSets === undefined ? trace : { ...trace, spanSet: spanSets[0], spanSets };
  }

  #withColumns<T extends { readonly attributes?: readonly KeyValueJson[] }>(row: T): T {
    return row.attributes === undefined ? row : { ...row, attributes: row.attributes.flatMap((attribute) => this.#column(attribute)) };
  }

  #column(attribute: KeyValueJson): KeyValueJson | readonly [] {
    const type = this.#typeOf(attribute.value);
    const answered = this.#types.get(attribute.key) ?? 0;
    if (type === 0 || type === answered || (type === NIL && answered === TEXT)) return attribute;
    return answered === TEXT ? { key: attribute.key, value: { stringValue: toText(attribute.value) } } : [];
  }
}

const TEXT = 1;
const NUMBER = 2;
const BOOL = 4;
const ARRAY = 8;

/** Of a missing attribute that the query names; it is text, and gives way to what is not. */
const NIL = 16;
const MISSING = 'nil';

function columnType(types: number): number {
  const present = types & ~NIL;
  return present === 0 || isMixed(present) ? TEXT : present;
}

function isMixed(types: number): boolean {
  return (types & (types - 1)) !== 0;
}

/** Of spans and of their sets; `spanSet` is one of the sets. */
function* attributeLists(traces: readonly TraceSearchMetadata[]): Generator<readonly KeyValueJson[]> {
  for (const { spanSets = [] } of traces) {
    for (const { spans, attributes = [] } of spanSets) {
      yield attributes;
      for (const span of spans) yield span.attributes ?? [];
    }
  }
}

/** As JSON, text being as it is. */
function toText(value: AnyValueJson): string {
  return 'stringValue' in value ? value.stringValue : toJson(value);
}

function toJson(value: AnyValueJson): string {
  if ('arrayValue' in value) return `[${value.arrayValue.values.map(toJson).join(',')}]`;
  if ('stringValue' in value) return JSON.stringify(value.stringValue);
  if ('intValue' in value) return value.intValue;
  return String('boolValue' in value ? value.boolValue : value.doubleValue);
}
