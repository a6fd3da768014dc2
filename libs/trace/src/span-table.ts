import { hashBytes, randomSeed } from '@vivace/bytes';
import { AttrList } from './attr-list.ts';
import type { AttrListHandle } from './attr-list.ts';
import { sharedBytes, sharedF64, sharedI32, sharedU32 } from './shared-arrays.ts';
import { StringDictionary } from './string-dictionary.ts';
import type { StringDictionaryHandle } from './string-dictionary.ts';

/** Rows to reserve. All columns grow by doubling, so these are hints; unused capacity is untouched memory. */
export interface SpanTableCapacity {
  readonly traces: number;
  readonly spans: number;
  readonly attrs: number;
  readonly strings: number;
  readonly stringBytes: number;
}

const SEED = randomSeed();
const SMALL: SpanTableCapacity = { traces: 64, spans: 512, attrs: 4096, strings: 1024, stringBytes: 32_768 };

/**
 * The one shape for spans (docs/architecture.md, "The span table"): a span is a row, never an object.
 *
 * Append-only, written by one thread. All columns lie on shared memory, so a `handle()` gives other threads the rows
 * that existed when it was taken. Fields are public and hot: decoders write them directly after `ensure…`.
 * Rows are in order of arrival; `TraceOrder` gives the order by trace. Rows that arrived in one request are a batch (`beginBatch`).
 *
 * Strings are ids in `strings` (0 = ""). Ids are raw bytes: trace 16, span 8; a span without parent has eight zero bytes in
 * `spanParentId`. Times are nanoseconds: start since the epoch as u64, duration as a double (exact to 104 days).
 */
export class SpanTable {
  readonly strings: StringDictionary;
  /** A random number that tells the table from all others; its handles have it too. */
  readonly id: number;
  /** Counts `clear`s: what others remember of the rows is good for one generation. */
  generation = 0;

  traceCount = 0;
  /** 16 bytes a row. */
  traceId: Uint8Array;
  /** Bytes of OTLP received for the trace, for limits. */
  traceBytes: Float64Array;
  /** Open addressing by trace id; holds row + 1. */
  #traceSlots: Uint32Array;
  readonly #traceSeed: number;

  resourceCount = 0;
  /** String id of the string attribute `service.name`, 0 when absent. It is in `resourceAttrs` too. */
  resourceService: Uint32Array;
  resourceDropped: Int32Array;
  resourceAttrEnd: Uint32Array;
  readonly resourceAttrs: AttrList;

  scopeCount = 0;
  scopeName: Uint32Array;
  scopeVersion: Uint32Array;
  scopeDropped: Int32Array;
  scopeAttrEnd: Uint32Array;
  readonly scopeAttrs: AttrList;

  batchCount = 0;
  /** First span row of each batch. Rows before the first belong to no batch. */
  batchStart: Uint32Array;

  spanCount = 0;
  spanTrace: Uint32Array;
  spanResource: Uint32Array;
  spanScope: Uint32Array;
  /** 8 bytes a row. */
  spanId: Uint8Array;
  /** 8 bytes a row, all zero for a root. */
  spanParentId: Uint8Array;
  /** u64 as halves: low word at `2 * row`, high at `2 * row + 1`. */
  spanStart: Uint32Array;
  spanDuration: Float64Array;
  /** OTLP SpanKind 0..5. */
  spanKind: Uint8Array;
  /** OTLP StatusCode 0..2. */
  spanStatus: Uint8Array;
  spanName: Uint32Array;
  spanStatusMessage: Uint32Array;
  spanTraceState: Uint32Array;
  spanDroppedAttrs: Int32Array;
  spanDroppedEvents: Int32Array;
  spanDroppedLinks: Int32Array;
  spanAttrEnd: Uint32Array;
  spanEventEnd: Uint32Array;
  spanLinkEnd: Uint32Array;
  readonly spanAttrs: AttrList;

  eventCount = 0;
  /** Event time minus span start modulo 2^64, as halves like `spanStart`. */
  eventOffset: Uint32Array;
  eventName: Uint32Array;
  eventDropped: Int32Array;
  eventAttrEnd: Uint32Array;
  readonly eventAttrs: AttrList;

  linkCount = 0;
  /** 16 bytes a row, left-padded with zeros when shorter. */
  linkTraceId: Uint8Array;
  linkSpanId: Uint8Array;
  linkTraceState: Uint32Array;
  linkDropped: Int32Array;
  linkAttrEnd: Uint32Array;
  readonly linkAttrs: AttrList;

  /** Elements of array attributes, of all owners. No keys. */
  readonly elements: AttrList;

  /** `stores`: the table whose dictionary and array elements this one has too, instead of its own; neither table may add to them then. */
  constructor(capacity: Partial<SpanTableCapacity> = {}, handle?: SpanTableHandle, stores?: Pick<SpanTable, 'strings' | 'elements'>) {
    const c = { ...SMALL, ...capacity };
    this.id = handle?.id ?? Math.random();
    if (handle) {
      this.generation = handle.generation;
      this.traceCount = handle.counts.traceCount;
      this.resourceCount = handle.counts.resourceCount;
      this.scopeCount = handle.counts.scopeCount;
      this.batchCount = handle.counts.batchCount;
      this.spanCount = handle.counts.spanCount;
      this.eventCount = handle.counts.eventCount;
      this.linkCount = handle.counts.linkCount;
      this.strings = new StringDictionary(handle.strings);
      this.resourceAttrs = new AttrList(0, true, handle.attrs.resource);
      this.scopeAttrs = new AttrList(0, true, handle.attrs.scope);
      this.spanAttrs = new AttrList(0, true, handle.attrs.span);
      this.eventAttrs = new AttrList(0, true, handle.attrs.event);
      this.linkAttrs = new AttrList(0, true, handle.attrs.link);
      this.elements = new AttrList(0, false, handle.attrs.elements);
      const columns = handle.columns;
      this.traceId = columns.traceId;
      this.traceBytes = columns.traceBytes;
      this.#traceSlots = columns.traceSlots;
      this.#traceSeed = handle.traceSeed;
      this.resourceService = columns.resourceService;
      this.resourceDropped = columns.resourceDropped;
      this.resourceAttrEnd = columns.resourceAttrEnd;
      this.scopeName = columns.scopeName;
      this.scopeVersion = columns.scopeVersion;
      this.scopeDropped = columns.scopeDropped;
      this.scopeAttrEnd = columns.scopeAttrEnd;
      this.batchStart = columns.batchStart;
      this.spanTrace = columns.spanTrace;
      this.spanResource = columns.spanResource;
      this.spanScope = columns.spanScope;
      this.spanId = columns.spanId;
      this.spanParentId = columns.spanParentId;
      this.spanStart = columns.spanStart;
      this.spanDuration = columns.spanDuration;
      this.spanKind = columns.spanKind;
      this.spanStatus = columns.spanStatus;
      this.spanName = columns.spanName;
      this.spanStatusMessage = columns.spanStatusMessage;
      this.spanTraceState = columns.spanTraceState;
      this.spanDroppedAttrs = columns.spanDroppedAttrs;
      this.spanDroppedEvents = columns.spanDroppedEvents;
      this.spanDroppedLinks = columns.spanDroppedLinks;
      this.spanAttrEnd = columns.spanAttrEnd;
      this.spanEventEnd = columns.spanEventEnd;
      this.spanLinkEnd = columns.spanLinkEnd;
      this.eventOffset = columns.eventOffset;
      this.eventName = columns.eventName;
      this.eventDropped = columns.eventDropped;
      this.eventAttrEnd = columns.eventAttrEnd;
      this.linkTraceId = columns.linkTraceId;
      this.linkSpanId = columns.linkSpanId;
      this.linkTraceState = columns.linkTraceState;
      this.linkDropped = columns.linkDropped;
      this.linkAttrEnd = columns.linkAttrEnd;
      return;
    }
    this.strings = stores?.strings ?? new StringDictionary(undefined, { strings: c.strings, bytes: c.stringBytes });
    this.traceId = sharedBytes(c.traces * 16);
    this.traceBytes = sharedF64(c.traces);
    let slots = 128;
    while (slots < c.traces * 2) slots *= 2;
    this.#traceSlots = sharedU32(slots);
    this.#traceSeed = SEED;
    this.resourceService = sharedU32(64);
    this.resourceDropped = sharedI32(64);
    this.resourceAttrEnd = sharedU32(64);
    this.resourceAttrs = new AttrList(1024);
    this.scopeName = sharedU32(64);
    this.scopeVersion = sharedU32(64);
    this.scopeDropped = sharedI32(64);
    this.scopeAttrEnd = sharedU32(64);
    this.scopeAttrs = new AttrList(64);
    this.batchStart = sharedU32(64);
    this.spanTrace = sharedU32(c.spans);
    this.spanResource = sharedU32(c.spans);
    this.spanScope = sharedU32(c.spans);
    this.spanId = sharedBytes(c.spans * 8);
    this.spanParentId = sharedBytes(c.spans * 8);
    this.spanStart = sharedU32(c.spans * 2);
    this.spanDuration = sharedF64(c.spans);
    this.spanKind = sharedBytes(c.spans);
    this.spanStatus = sharedBytes(c.spans);
    this.spanName = sharedU32(c.spans);
    this.spanStatusMessage = sharedU32(c.spans);
    this.spanTraceState = sharedU32(c.spans);
    this.spanDroppedAttrs = sharedI32(c.spans);
    this.spanDroppedEvents = sharedI32(c.spans);
    this.spanDroppedLinks = sharedI32(c.spans);
    this.spanAttrEnd = sharedU32(c.spans);
    this.spanEventEnd = sharedU32(c.spans);
    this.spanLinkEnd = sharedU32(c.spans);
    this.spanAttrs = new AttrList(c.attrs);
    this.eventOffset = sharedU32(c.spans * 2);
    this.eventName = sharedU32(c.spans);
    this.eventDropped = sharedI32(c.spans);
    this.eventAttrEnd = sharedU32(c.spans);
    this.eventAttrs = new AttrList(c.spans);
    this.linkTraceId = sharedBytes(256 * 16);
    this.linkSpanId = sharedBytes(256 * 8);
    this.linkTraceState = sharedU32(256);
    this.linkDropped = sharedI32(256);
    this.linkAttrEnd = sharedU32(256);
    this.linkAttrs = new AttrList(256);
    this.elements = stores?.elements ?? new AttrList(256, false);
  }

  /** A snapshot for another thread (`postMessage` shares the columns, it does not copy them). */
  handle(): SpanTableHandle {
    return {
      id: this.id,
      generation: this.generation,
      counts: {
        traceCount: this.traceCount,
        resourceCount: this.resourceCount,
        scopeCount: this.scopeCount,
        batchCount: this.batchCount,
        spanCount: this.spanCount,
        eventCount: this.eventCount,
        linkCount: this.linkCount,
      },
      columns: {
        traceId: this.traceId,
        traceBytes: this.traceBytes,
        traceSlots: this.#traceSlots,
        resourceService: this.resourceService,
        resourceDropped: this.resourceDropped,
        resourceAttrEnd: this.resourceAttrEnd,
        scopeName: this.scopeName,
        scopeVersion: this.scopeVersion,
        scopeDropped: this.scopeDropped,
        scopeAttrEnd: this.scopeAttrEnd,
        batchStart: this.batchStart,
        spanTrace: this.spanTrace,
        spanResource: this.spanResource,
        spanScope: this.spanScope,
        spanId: this.spanId,
        spanParentId: this.spanParentId,
        spanStart: this.spanStart,
        spanDuration: this.spanDuration,
        spanKind: this.spanKind,
        spanStatus: this.spanStatus,
        spanName: this.spanName,
        spanStatusMessage: this.spanStatusMessage,
        spanTraceState: this.spanTraceState,
        spanDroppedAttrs: this.spanDroppedAttrs,
        spanDroppedEvents: this.spanDroppedEvents,
        spanDroppedLinks: this.spanDroppedLinks,
        spanAttrEnd: this.spanAttrEnd,
        spanEventEnd: this.spanEventEnd,
        spanLinkEnd: this.spanLinkEnd,
        eventOffset: this.eventOffset,
        eventName: this.eventName,
        eventDropped: this.eventDropped,
        eventAttrEnd: this.eventAttrEnd,
        linkTraceId: this.linkTraceId,
        linkSpanId: this.linkSpanId,
        linkTraceState: this.linkTraceState,
        linkDropped: this.linkDropped,
        linkAttrEnd: this.linkAttrEnd,
      },
      traceSeed: this.#traceSeed,
      strings: this.strings.handle(),
      attrs: {
        resource: this.resourceAttrs.handle(),
        scope: this.scopeAttrs.handle(),
        span: this.spanAttrs.handle(),
        event: this.eventAttrs.handle(),
        link: this.linkAttrs.handle(),
        elements: this.elements.handle(),
      },
    };
  }

  /** Forgets all rows but keeps the memory, for the next use. Handles taken before are void. */
  clear(): void {
    this.strings.clear();
    this.#traceSlots.fill(0);
    this.traceBytes.fill(0, 0, this.traceCount);
    this.traceCount = this.resourceCount = this.scopeCount = this.spanCount = this.eventCount = this.linkCount = this.batchCount = 0;
    for (const list of [this.resourceAttrs, this.scopeAttrs, this.spanAttrs, this.eventAttrs, this.linkAttrs, this.elements]) list.count = 0;
    this.generation++;
  }

  /** The row of the trace whose 16-byte id stands at `bytes[at]`, added when new. */
  internTrace(bytes: Uint8Array, at: number): number {
    const slot = this.#traceSlot(bytes, at);
    const entry = this.#traceSlots[slot];
    if (entry !== 0) return entry - 1;
    const row = this.traceCount;
    if ((row + 1) * 16 > this.traceId.length) {
      this.traceId = sharedBytes(this.traceId.length * 2, this.traceId);
      this.traceBytes = sharedF64(this.traceBytes.length * 2, this.traceBytes);
    }
    for (let i = 0; i < 16; i++) this.traceId[row * 16 + i] = bytes[at + i];
    this.#traceSlots[slot] = row + 1;
    this.traceCount = row + 1;
    if (this.traceCount * 2 > this.#traceSlots.length) this.#growTraceSlots();
    return row;
  }

  /** The row of a trace, or -1. */
  findTrace(bytes: Uint8Array, at = 0): number {
    const row = this.#traceSlots[this.#traceSlot(bytes, at)] - 1;
    return row < this.traceCount ? row : -1;
  }

  ensureResources(more: number): void {
    const need = this.resourceCount + more;
    if (need <= this.resourceService.length) return;
    const n = Math.max(need, this.resourceService.length * 2);
    this.resourceService = sharedU32(n, this.resourceService);
    this.resourceDropped = sharedI32(n, this.resourceDropped);
    this.resourceAttrEnd = sharedU32(n, this.resourceAttrEnd);
  }

  ensureScopes(more: number): void {
    const need = this.scopeCount + more;
    if (need <= this.scopeName.length) return;
    const n = Math.max(need, this.scopeName.length * 2);
    this.scopeName = sharedU32(n, this.scopeName);
    this.scopeVersion = sharedU32(n, this.scopeVersion);
    this.scopeDropped = sharedI32(n, this.scopeDropped);
    this.scopeAttrEnd = sharedU32(n, this.scopeAttrEnd);
  }

  /** The rows that follow arrived together. */
  beginBatch(): void {
    if (this.batchCount === this.batchStart.length) this.batchStart = sharedU32(this.batchCount * 2, this.batchStart);
    this.batchStart[this.batchCount++] = this.spanCount;
  }

  ensureSpans(more: number): void {
    const need = this.spanCount + more;
    if (need <= this.spanTrace.length) return;
    const n = Math.max(need, this.spanTrace.length * 2);
    this.spanTrace = sharedU32(n, this.spanTrace);
    this.spanResource = sharedU32(n, this.spanResource);
    this.spanScope = sharedU32(n, this.spanScope);
    this.spanId = sharedBytes(n * 8, this.spanId);
    this.spanParentId = sharedBytes(n * 8, this.spanParentId);
    this.spanStart = sharedU32(n * 2, this.spanStart);
    this.spanDuration = sharedF64(n, this.spanDuration);
    this.spanKind = sharedBytes(n, this.spanKind);
    this.spanStatus = sharedBytes(n, this.spanStatus);
    this.spanName = sharedU32(n, this.spanName);
    this.spanStatusMessage = sharedU32(n, this.spanStatusMessage);
    this.spanTraceState = sharedU32(n, this.spanTraceState);
    this.spanDroppedAttrs = sharedI32(n, this.spanDroppedAttrs);
    this.spanDroppedEvents = sharedI32(n, this.spanDroppedEvents);
    this.spanDroppedLinks = sharedI32(n, this.spanDroppedLinks);
    this.spanAttrEnd = sharedU32(n, this.spanAttrEnd);
    this.spanEventEnd = sharedU32(n, this.spanEventEnd);
    this.spanLinkEnd = sharedU32(n, this.spanLinkEnd);
  }

  ensureEvents(more: number): void {
    const need = this.eventCount + more;
    if (need <= this.eventName.length) return;
    const n = Math.max(need, this.eventName.length * 2);
    this.eventOffset = sharedU32(n * 2, this.eventOffset);
    this.eventName = sharedU32(n, this.eventName);
    this.eventDropped = sharedI32(n, this.eventDropped);
    this.eventAttrEnd = sharedU32(n, this.eventAttrEnd);
  }

  ensureLinks(more: number): void {
    const need = this.linkCount + more;
    if (need <= this.linkTraceState.length) return;
    const n = Math.max(need, this.linkTraceState.length * 2);
    this.linkTraceId = sharedBytes(n * 16, this.linkTraceId);
    this.linkSpanId = sharedBytes(n * 8, this.linkSpanId);
    this.linkTraceState = sharedU32(n, this.linkTraceState);
    this.linkDropped = sharedI32(n, this.linkDropped);
    this.linkAttrEnd = sharedU32(n, this.linkAttrEnd);
  }

  /** Bytes in use (not reserved), for cut decisions and the memory metric. */
  usedBytes(): number {
    const attrs = [this.resourceAttrs, this.scopeAttrs, this.spanAttrs, this.eventAttrs, this.linkAttrs, this.elements];
    const attrBytes = attrs.reduce((sum, list) => sum + list.count * 13, 0);
    return (
      this.spanCount * 90 + this.traceCount * 40 + this.eventCount * 20 + this.linkCount * 36 + attrBytes + this.strings.dataLength + this.strings.size * 16
    );
  }

  #traceSlot(bytes: Uint8Array, at: number): number {
    const mask = this.#traceSlots.length - 1;
    let slot = hashBytes(bytes, at, at + 16, this.#traceSeed) & mask;
    for (;;) {
      const entry = this.#traceSlots[slot];
      if (entry === 0) return slot;
      const from = (entry - 1) * 16;
      let i = 0;
      while (i < 16 && this.traceId[from + i] === bytes[at + i]) i++;
      if (i === 16) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #growTraceSlots(): void {
    this.#traceSlots = sharedU32(this.#traceSlots.length * 4);
    for (let row = 0; row < this.traceCount; row++) this.#traceSlots[this.#traceSlot(this.traceId, row * 16)] = row + 1;
  }
}

/** A table as another thread receives it; see `SpanTable.handle`. */
export interface SpanTableHandle {
  readonly id: number;
  readonly generation: number;
  readonly counts: {
    readonly traceCount: number;
    readonly resourceCount: number;
    readonly scopeCount: number;
    readonly batchCount: number;
    readonly spanCount: number;
    readonly eventCount: number;
    readonly linkCount: number;
  };
  readonly columns: {
    readonly traceId: Uint8Array;
    readonly traceBytes: Float64Array;
    readonly traceSlots: Uint32Array;
    readonly resourceService: Uint32Array;
    readonly resourceDropped: Int32Array;
    readonly resourceAttrEnd: Uint32Array;
    readonly scopeName: Uint32Array;
    readonly scopeVersion: Uint32Array;
    readonly scopeDropped: Int32Array;
    readonly scopeAttrEnd: Uint32Array;
    readonly batchStart: Uint32Array;
    readonly spanTrace: Uint32Array;
    readonly spanResource: Uint32Array;
    readonly spanScope: Uint32Array;
    readonly spanId: Uint8Array;
    readonly spanParentId: Uint8Array;
    readonly spanStart: Uint32Array;
    readonly spanDuration: Float64Array;
    readonly spanKind: Uint8Array;
    readonly spanStatus: Uint8Array;
    readonly spanName: Uint32Array;
    readonly spanStatusMessage: Uint32Array;
    readonly spanTraceState: Uint32Array;
    readonly spanDroppedAttrs: Int32Array;
    readonly spanDroppedEvents: Int32Array;
    readonly spanDroppedLinks: Int32Array;
    readonly spanAttrEnd: Uint32Array;
    readonly spanEventEnd: Uint32Array;
    readonly spanLinkEnd: Uint32Array;
    readonly eventOffset: Uint32Array;
    readonly eventName: Uint32Array;
    readonly eventDropped: Int32Array;
    readonly eventAttrEnd: Uint32Array;
    readonly linkTraceId: Uint8Array;
    readonly linkSpanId: Uint8Array;
    readonly linkTraceState: Uint32Array;
    readonly linkDropped: Int32Array;
    readonly linkAttrEnd: Uint32Array;
  };
  /** Of the hash behind `traceSlots`. */
  readonly traceSeed: number;
  readonly strings: StringDictionaryHandle;
  readonly attrs: {
    readonly resource: AttrListHandle;
    readonly scope: AttrListHandle;
    readonly span: AttrListHandle;
    readonly event: AttrListHandle;
    readonly link: AttrListHandle;
    readonly elements: AttrListHandle;
  };
}
