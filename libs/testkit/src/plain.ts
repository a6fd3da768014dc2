// Traces as plain objects, for tests and for the oracle only.

export type PlainValue =
  | string
  | bigint
  | number
  | boolean
  | readonly PlainValue[]
  | { readonly kvlist: Readonly<Record<string, PlainValue>> }
  | { readonly bytes: Uint8Array }
  | null;
/** bigint = int64, number = double. A list keeps duplicates and order. */
export type PlainAttrs = readonly (readonly [string, PlainValue])[];

export interface PlainEvent {
  readonly name: string;
  readonly timeNs: bigint;
  readonly attrs: PlainAttrs;
  readonly dropped?: number;
}

export interface PlainLink {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits. */
  readonly spanId: string;
  readonly traceState?: string;
  readonly attrs: PlainAttrs;
  readonly dropped?: number;
}

export interface PlainSpan {
  readonly spanId: string;
  /** Empty for a root. */
  readonly parentId: string;
  readonly name: string;
  readonly kind: number;
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly status: number;
  readonly statusMessage?: string;
  readonly traceState?: string;
  readonly attrs: PlainAttrs;
  readonly events: readonly PlainEvent[];
  readonly links: readonly PlainLink[];
  readonly resource: PlainAttrs;
  readonly scope: { readonly name: string; readonly version: string; readonly attrs: PlainAttrs };
  readonly droppedAttrs?: number;
  readonly droppedEvents?: number;
  readonly droppedLinks?: number;
}

export interface PlainTrace {
  /** 32 hex digits. */
  readonly traceId: string;
  readonly spans: readonly PlainSpan[];
}
