import type { QueueBounds, TenantId } from '@vivace/base';
import type { ScanResult } from '@vivace/otlp';

/** Spans the ingester did not keep, by reason. */
export interface IngesterRefusals {
  readonly traceTooLarge: number;
  readonly tooManyLiveTraces: number;
}

/** Where spans go. */
export interface IngesterPort {
  /**
   * Resolves when the good spans of `bytes` are as durable as configured. `scan` is of `bytes`; spans it refuses must be left out.
   * Both are borrowed until it settles. Rejects with an AppError when nothing was kept.
   */
  push(tenant: TenantId, bytes: Uint8Array, scan: ScanResult): Promise<IngesterRefusals>;
}

/** Where spans go of which metrics are made. */
export interface GeneratorPort {
  /**
   * Resolves when the good spans of `bytes` were counted and taken. `scan` is of `bytes` and borrowed until it settles; `bytes` must not change after that
   * either. Rejects with an AppError when some were not.
   */
  push(tenant: TenantId, bytes: Uint8Array, scan: ScanResult): Promise<void>;
}

/** The queue of one tenant to the metrics-generators. */
export type ForwardLimits = QueueBounds;

/** The limits of one tenant that the distributor applies, resolved. */
export interface DistributorLimits {
  readonly ingestionRateBytes: number;
  /** Distributors that share the rate, 1 or more; the burst is each one's own. */
  readonly rateSharedBy: number;
  readonly ingestionBurstBytes: number;
  /** 0 is no limit. The ingester cuts, the distributor counts. */
  readonly maxAttributeBytes: number;
  /** 0 is no limit; for the message only, the ingester applies it. */
  readonly maxBytesPerTrace: number;
  /** As above. */
  readonly maxLiveTraces: number;
  /** As above: of all ingesters. */
  readonly maxGlobalLiveTraces: number;
  /** What a push takes at least, give or take 10 %; 0 is no matter. */
  readonly artificialDelayMs: number;
  /** Tell rate-limited senders when to come back. */
  readonly retryInfoEnabled: boolean;
}
