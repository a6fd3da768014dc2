// OTLP/JSON requests made by hand.

export interface SpanOptions {
  readonly traceId: string;
  readonly spanId?: string;
  readonly parentSpanId?: string;
  readonly name?: string;
  readonly startTimeUnixNano?: string;
  readonly endTimeUnixNano?: string;
  readonly attributes?: readonly object[];
}

let lastId = 0;

/** A trace id that no other call returned, of a run of this process. Mixed, so that ids do not come in order. */
export function newTraceId(): string {
  lastId++;
  return (Math.imul(lastId, 0x9e3779b1) >>> 0).toString(16).padStart(8, '0') + lastId.toString(16).padStart(24, '0');
}

export function spanOf({ traceId, ...rest }: SpanOptions): object {
  const now = BigInt(Date.now()) * 1_000_000n;
  return {
    traceId,
    spanId: '0000000000000001',
    name: 'step',
    kind: 1,
    startTimeUnixNano: String(now),
    endTimeUnixNano: String(now + 1_000n),
    ...rest,
  };
}

export function requestOf(service: string, spans: readonly object[]): object {
  return { resourceSpans: [{ resource: { attributes: [{ key: 'service.name', value: { stringValue: service } }] }, scopeSpans: [{ spans }] }] };
}

/** Whole traces of `spans` spans each, in a chain. */
export function tracesOf(service: string, traceIds: readonly string[], spans: number): object {
  const idOf = (n: number) => n.toString(16).padStart(16, '0');
  return requestOf(
    service,
    traceIds.flatMap((traceId) =>
      Array.from({ length: spans }, (_, i) => spanOf({ traceId, spanId: idOf(i + 1), parentSpanId: i === 0 ? '' : idOf(i), name: `step-${i}` })),
    ),
  );
}
