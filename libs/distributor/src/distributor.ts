import { AppError } from '@vivace/base';
import type { Clock, MetricsRegistry, TenantId, Timers } from '@vivace/base';
import { numberTraces, scanExport, ScanResult } from '@vivace/otlp';
import { createDistributorMetrics } from './distributor-metrics.ts';
import type { DistributorMetrics, TenantMetrics } from './distributor-metrics.ts';
import type { GeneratorForwarder } from './generator-forwarder.ts';
import type { DistributorLimits, IngesterPort } from './ports.ts';
import { RateLimiter } from './rate-limiter.ts';
import { reasonCounts, refusalMessage } from './refusal-message.ts';
import { resolveTenant } from './resolve-tenant.ts';

export interface DistributorDeps {
  readonly multitenancy: boolean;
  /** Wait told to rate-limited senders; 0 is what the limit needs. */
  readonly retryAfterMs: number;
  /** A span that ends earlier than this before its start is refused (`distributor.max_negative_duration`). */
  readonly maxNegativeDurationMs: number;
  readonly limits: (tenant: TenantId) => DistributorLimits;
  readonly ingester: IngesterPort;
  /** Is offered what the ingester took. */
  readonly forwarder: Pick<GeneratorForwarder, 'offer'>;
  readonly clock: Clock;
  readonly timers: Timers;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly metrics: MetricsRegistry;
}

/** Which receiver a push came through: labels of its metrics. */
export interface PushInfo {
  /** `otlp/otlp_receiver` */
  readonly receiver: string;
  /** `grpc` or `http` */
  readonly transport: string;
}

/** What became of a request that was taken. */
export interface PushOutcome {
  readonly rejectedSpans: number;
  /** Reasons and counts; empty when nothing was rejected. */
  readonly message: string;
}

export interface Distributor {
  /**
   * Takes an ExportTraceServiceRequest: resolves when its good spans are durable, telling which were refused. Rejects with an AppError when
   * nothing was kept: no or bad tenant, rate limit, not OTLP, ingester not able. `bytes` are the distributor's from then on: they must not change, copies may still be under way.
   */
  push(tenantHeader: string | undefined, bytes: Uint8Array, info: PushInfo): Promise<PushOutcome>;
}

export function createDistributor(deps: DistributorDeps): Distributor {
  return new ScanningDistributor(deps);
}

const NOTHING_REFUSED: PushOutcome = { rejectedSpans: 0, message: '' };
const NO_REFUSALS = { traceTooLarge: 0, tooManyLiveTraces: 0 };
/** Of an artificial delay, as in Tempo. */
const DELAY_JITTER = 0.1;
/** Scan results kept for the next push; more are made when more pushes wait at once. */
const MAX_IDLE_SCANS = 16;
/** A scan result that grew beyond this is not kept. */
const MAX_IDLE_SCAN_CAPACITY = 131_072;

class ScanningDistributor implements Distributor {
  readonly #deps: DistributorDeps;
  readonly #metrics: DistributorMetrics;
  readonly #limiter: RateLimiter;
  readonly #idleScans: ScanResult[] = [];
  #traceScratch = new Uint32Array(1024);

  constructor(deps: DistributorDeps) {
    this.#deps = deps;
    this.#metrics = createDistributorMetrics(deps.metrics);
    this.#limiter = new RateLimiter(deps.limits, deps.retryAfterMs, deps.clock);
  }

  async push(tenantHeader: string | undefined, bytes: Uint8Array, info: PushInfo): Promise<PushOutcome> {
    const startMs = this.#deps.clock.now();
    const tenant = resolveTenant(tenantHeader, this.#deps.multitenancy);
    const limits = this.#deps.limits(tenant);
    const metrics = this.#metrics.tenant(tenant);
    const receiver = this.#metrics.receiver(info.receiver, info.transport);
    const scan = this.#idleScans.pop() ?? new ScanResult();
    try {
      metrics.ingressBytes.inc(bytes.length);
      const outcome = await this.#pushScanned(tenant, bytes, scan, limits, metrics);
      if (limits.artificialDelayMs > 0) await this.#slow(limits.artificialDelayMs, startMs, metrics);
      receiver.accepted.inc(scan.spanCount - outcome.rejectedSpans);
      receiver.refused.inc(outcome.rejectedSpans);
      return outcome;
    } catch (error) {
      receiver.refused.inc(scan.spanCount);
      throw error;
    } finally {
      if (this.#idleScans.length < MAX_IDLE_SCANS && scan.capacity <= MAX_IDLE_SCAN_CAPACITY) this.#idleScans.push(scan);
      this.#metrics.pushSeconds.observe((this.#deps.clock.now() - startMs) / 1000);
    }
  }

  /** Until a push begun at `startMs` has taken so long, give or take. */
  async #slow(delayMs: number, startMs: number, metrics: TenantMetrics): Promise<void> {
    const { clock, timers, random } = this.#deps;
    const waitMs = delayMs * (1 + DELAY_JITTER * (2 * random() - 1)) - (clock.now() - startMs);
    if (waitMs <= 0) return;
    metrics.addedLatency(waitMs / 1_000);
    await new Promise<void>((resolve) => timers.after(waitMs, resolve));
  }

  async #pushScanned(tenant: TenantId, bytes: Uint8Array, scan: ScanResult, limits: DistributorLimits, metrics: TenantMetrics): Promise<PushOutcome> {
    const { maxNegativeDurationMs } = this.#deps;
    scanExport(bytes, { maxNegativeDurationMs, maxAttributeBytes: limits.maxAttributeBytes }, scan);
    if (scan.spanCount === 0) return NOTHING_REFUSED;
    try {
      this.#limiter.take(tenant, bytes.length);
    } catch (error) {
      metrics.discarded('rate_limited', scan.spanCount);
      throw error;
    }
    metrics.receivedBytes.inc(bytes.length);
    metrics.receivedSpans.inc(scan.spanCount);
    metrics.truncatedAttributes.inc(scan.cutStrings);
    if (this.#traceScratch.length < scan.spanCount) this.#traceScratch = new Uint32Array(scan.spanCount * 2);
    this.#metrics.tracesPerBatch.observe(numberTraces(bytes, scan, this.#traceScratch));

    const refused = scan.refusedCount === scan.spanCount ? NO_REFUSALS : await this.#ingest(tenant, bytes, scan, metrics);
    const counts = reasonCounts(scan, refused, { ...limits, maxNegativeDurationMs });
    if (counts.length === 0) return NOTHING_REFUSED;
    for (const { reason, count } of counts) metrics.discarded(reason, count);
    return { rejectedSpans: counts.reduce((sum, x) => sum + x.count, 0), message: refusalMessage(counts, scan.spanCount) };
  }

  async #ingest(tenant: TenantId, bytes: Uint8Array, scan: ScanResult, metrics: TenantMetrics): ReturnType<IngesterPort['push']> {
    try {
      const refusals = await this.#deps.ingester.push(tenant, bytes, scan);
      this.#deps.forwarder.offer(tenant, bytes, scan);
      return refusals;
    } catch (error) {
      const known = AppError.from(error);
      // The sender is asked to come back: those spans are not lost yet.
      if (known.code !== 'resource_exhausted' && known.code !== 'unavailable') metrics.discarded('unknown_error', scan.spanCount);
      throw known;
    }
  }
}
