import { AppError } from '@vivace/base';
import type { Clock, TenantId } from '@vivace/base';
import type { DistributorLimits } from './ports.ts';
import { TokenBucket } from './token-bucket.ts';

const FIRST_SWEEP = 1_024;

/** One token bucket a tenant, in bytes of OTLP. Buckets that are full again are forgotten, so idle tenants cost nothing. */
export class RateLimiter {
  readonly #limits: (tenant: TenantId) => DistributorLimits;
  /** 0: what the bucket needs. */
  readonly #retryAfterMs: number;
  readonly #clock: Clock;
  readonly #buckets = new Map<TenantId, TokenBucket>();
  #sweepAt = FIRST_SWEEP;

  constructor(limits: (tenant: TenantId) => DistributorLimits, retryAfterMs: number, clock: Clock) {
    this.#limits = limits;
    this.#retryAfterMs = retryAfterMs;
    this.#clock = clock;
  }

  /** Throws when `bytes` more are too much: `resource_exhausted` when waiting helps, `invalid_argument` when it never will. */
  take(tenant: TenantId, bytes: number): void {
    const { ingestionRateBytes, rateSharedBy, ingestionBurstBytes: burst, retryInfoEnabled } = this.#limits(tenant);
    const rate = ingestionRateBytes / rateSharedBy;
    if (bytes > burst) {
      throw new AppError(
        'invalid_argument',
        `RATE_LIMITED: batch of ${bytes} bytes is larger than ingestion.burst_size_bytes (${burst}) of tenant ${tenant}; send smaller batches`,
      );
    }
    const now = this.#clock.now();
    const waitMs = this.#bucket(tenant, burst, now).take(bytes, rate, burst, now);
    if (waitMs === 0) return;
    const retryAfterMs = this.#retryAfterMs > 0 ? this.#retryAfterMs : Math.ceil(waitMs);
    throw new AppError(
      'resource_exhausted',
      `RATE_LIMITED: ${bytes} bytes more exceed the ingestion limits of tenant ${tenant}: ingestion.rate_limit_bytes ${ingestionRateBytes} per second${rateSharedBy > 1 ? `, shared by ${rateSharedBy} distributors` : ''}, ingestion.burst_size_bytes ${burst} at once`,
      retryInfoEnabled && Number.isFinite(retryAfterMs) ? { retryAfterMs } : {},
    );
  }

  #bucket(tenant: TenantId, burst: number, now: number): TokenBucket {
    let bucket = this.#buckets.get(tenant);
    if (!bucket) {
      if (this.#buckets.size >= this.#sweepAt) this.#sweep(now);
      bucket = new TokenBucket(burst, now);
      this.#buckets.set(tenant, bucket);
    }
    return bucket;
  }

  #sweep(now: number): void {
    for (const [tenant, bucket] of this.#buckets) {
      const { ingestionRateBytes, rateSharedBy, ingestionBurstBytes } = this.#limits(tenant);
      if (bucket.isFull(ingestionRateBytes / rateSharedBy, ingestionBurstBytes, now)) this.#buckets.delete(tenant);
    }
    this.#sweepAt = Math.max(FIRST_SWEEP, this.#buckets.size * 2);
  }
}
