/** Why a span was refused. Codes index `REFUSAL_REASONS`; 0 is a good span. */
export const REFUSED_MALFORMED = 1;
export const REFUSED_TRACE_ID = 2;
export const REFUSED_SPAN_ID = 3;
export const REFUSED_PARENT_ID = 4;
export const REFUSED_TIME = 5;

/** Label values of `tempo_discarded_spans_total{reason}` and words of the message to the sender, by code. */
export const REFUSAL_REASONS = ['', 'malformed_span', 'invalid_trace_id', 'invalid_span_id', 'invalid_parent_span_id', 'invalid_time'] as const;

export type RefusalReason = Exclude<(typeof REFUSAL_REASONS)[number], ''>;

/**
 * Where things are in an ExportTraceServiceRequest, filled by `scanExport`: offsets into the scanned bytes, which it does not hold.
 * Made to be reused: arrays grow and are never shrunk, only the first `…Count` entries are meaningful.
 *
 * Records are numbered in byte order. For each of ResourceSpans, ScopeSpans and Span: `at` is the position of its field tag, `from`
 * the first byte of its content, `to` the end of both.
 */
export class ScanResult {
  spanCount = 0;
  /** Spans with a refusal code. */
  refusedCount = 0;
  /** Refused spans by code. */
  readonly refusedByCode = new Uint32Array(REFUSAL_REASONS.length);
  /** Keys and string values longer than the limit, of good spans and of every resource and scope. */
  cutStrings = 0;
  spanAt: Uint32Array;
  spanFrom: Uint32Array;
  spanTo: Uint32Array;
  /** ScopeSpans number; `scopeResource` leads on to the ResourceSpans. */
  spanScope: Uint32Array;
  /** Position of the 16 bytes of the trace id; meaningless for a refused span. */
  spanTraceIdAt: Uint32Array;
  /** Refusal code, 0 for a good span. */
  spanRefusal: Uint8Array;

  scopeCount = 0;
  scopeResource: Uint32Array;
  /** Bytes of a ScopeSpans that are not spans: ranges `[scopeHeaderEnd[s - 1], scopeHeaderEnd[s])` of `scopeHeaders`. */
  scopeHeaderEnd: Uint32Array;
  scopeHeaderCount = 0;
  /** Pairs of positions: from, to. */
  scopeHeaders: Uint32Array;

  resourceCount = 0;
  /** Bytes of a ResourceSpans that are not ScopeSpans, as above. */
  resourceHeaderEnd: Uint32Array;
  resourceHeaderCount = 0;
  resourceHeaders: Uint32Array;

  constructor(spans = 1024) {
    this.spanAt = new Uint32Array(spans);
    this.spanFrom = new Uint32Array(spans);
    this.spanTo = new Uint32Array(spans);
    this.spanScope = new Uint32Array(spans);
    this.spanTraceIdAt = new Uint32Array(spans);
    this.spanRefusal = new Uint8Array(spans);
    this.scopeResource = new Uint32Array(64);
    this.scopeHeaderEnd = new Uint32Array(64);
    this.scopeHeaders = new Uint32Array(128);
    this.resourceHeaderEnd = new Uint32Array(64);
    this.resourceHeaders = new Uint32Array(128);
  }

  reset(): void {
    this.spanCount = 0;
    this.refusedCount = 0;
    this.refusedByCode.fill(0);
    this.cutStrings = 0;
    this.scopeCount = 0;
    this.scopeHeaderCount = 0;
    this.resourceCount = 0;
    this.resourceHeaderCount = 0;
  }

  /** The same, in memory of its own and no more of it than that: to be read, not to be scanned into. */
  copy(): ScanResult {
    const to = new ScanResult(0);
    to.spanCount = this.spanCount;
    to.refusedCount = this.refusedCount;
    to.refusedByCode.set(this.refusedByCode);
    to.cutStrings = this.cutStrings;
    to.spanAt = this.spanAt.slice(0, this.spanCount);
    to.spanFrom = this.spanFrom.slice(0, this.spanCount);
    to.spanTo = this.spanTo.slice(0, this.spanCount);
    to.spanScope = this.spanScope.slice(0, this.spanCount);
    to.spanTraceIdAt = this.spanTraceIdAt.slice(0, this.spanCount);
    to.spanRefusal = this.spanRefusal.slice(0, this.spanCount);
    to.scopeCount = this.scopeCount;
    to.scopeResource = this.scopeResource.slice(0, this.scopeCount);
    to.scopeHeaderEnd = this.scopeHeaderEnd.slice(0, this.scopeCount);
    to.scopeHeaderCount = this.scopeHeaderCount;
    to.scopeHeaders = this.scopeHeaders.slice(0, 2 * this.scopeHeaderCount);
    to.resourceCount = this.resourceCount;
    to.resourceHeaderEnd = this.resourceHeaderEnd.slice(0, this.resourceCount);
    to.resourceHeaderCount = this.resourceHeaderCount;
    to.resourceHeaders = this.resourceHeaders.slice(0, 2 * this.resourceHeaderCount);
    return to;
  }

  /** Bytes of memory that a copy takes, nearly. */
  get copyBytes(): number {
    return 21 * this.spanCount + 8 * (this.scopeCount + this.scopeHeaderCount) + 4 * this.resourceCount + 8 * this.resourceHeaderCount;
  }

  /** Entries reserved, of all kinds: a caller that keeps results may drop one that a strange request made large. */
  get capacity(): number {
    return this.spanAt.length + this.scopeHeaderEnd.length + this.scopeHeaders.length + this.resourceHeaderEnd.length + this.resourceHeaders.length;
  }

  addResource(): void {
    if (this.resourceCount === this.resourceHeaderEnd.length) this.resourceHeaderEnd = doubled(this.resourceHeaderEnd);
    this.resourceHeaderEnd[this.resourceCount++] = this.resourceHeaderCount;
  }

  /** Bytes `[from, to)` belong to the header of the newest resource; ranges that touch become one. */
  addResourceHeader(from: number, to: number): void {
    const last = this.resourceHeaderCount - 1;
    const first = this.resourceCount > 1 ? this.resourceHeaderEnd[this.resourceCount - 2] : 0;
    if (last >= first && this.resourceHeaders[2 * last + 1] === from) {
      this.resourceHeaders[2 * last + 1] = to;
      return;
    }
    if (2 * last + 2 >= this.resourceHeaders.length) this.resourceHeaders = doubled(this.resourceHeaders);
    this.resourceHeaders[2 * last + 2] = from;
    this.resourceHeaders[2 * last + 3] = to;
    this.resourceHeaderEnd[this.resourceCount - 1] = ++this.resourceHeaderCount;
  }

  addScope(): void {
    if (this.scopeCount === this.scopeHeaderEnd.length) {
      this.scopeHeaderEnd = doubled(this.scopeHeaderEnd);
      this.scopeResource = doubled(this.scopeResource);
    }
    this.scopeResource[this.scopeCount] = this.resourceCount - 1;
    this.scopeHeaderEnd[this.scopeCount++] = this.scopeHeaderCount;
  }

  addScopeHeader(from: number, to: number): void {
    const last = this.scopeHeaderCount - 1;
    const first = this.scopeCount > 1 ? this.scopeHeaderEnd[this.scopeCount - 2] : 0;
    if (last >= first && this.scopeHeaders[2 * last + 1] === from) {
      this.scopeHeaders[2 * last + 1] = to;
      return;
    }
    if (2 * last + 2 >= this.scopeHeaders.length) this.scopeHeaders = doubled(this.scopeHeaders);
    this.scopeHeaders[2 * last + 2] = from;
    this.scopeHeaders[2 * last + 3] = to;
    this.scopeHeaderEnd[this.scopeCount - 1] = ++this.scopeHeaderCount;
  }

  addSpan(at: number, from: number, to: number, traceIdAt: number, refusal: number): void {
    const i = this.spanCount;
    if (i === this.spanAt.length) this.#growSpans();
    this.spanAt[i] = at;
    this.spanFrom[i] = from;
    this.spanTo[i] = to;
    this.spanScope[i] = this.scopeCount - 1;
    this.spanTraceIdAt[i] = traceIdAt;
    this.spanRefusal[i] = refusal;
    this.spanCount = i + 1;
    if (refusal !== 0) {
      this.refusedCount++;
      this.refusedByCode[refusal]++;
    }
  }

  #growSpans(): void {
    this.spanAt = doubled(this.spanAt);
    this.spanFrom = doubled(this.spanFrom);
    this.spanTo = doubled(this.spanTo);
    this.spanScope = doubled(this.spanScope);
    this.spanTraceIdAt = doubled(this.spanTraceIdAt);
    const refusal = new Uint8Array(this.spanRefusal.length * 2);
    refusal.set(this.spanRefusal);
    this.spanRefusal = refusal;
  }
}

function doubled(array: Uint32Array): Uint32Array {
  const out = new Uint32Array(array.length * 2);
  out.set(array);
  return out;
}
