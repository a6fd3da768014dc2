import type { TenantId } from '@vivace/base';
import { describe, expect, it } from 'vitest';
import { RateLimiter } from './rate-limiter.ts';

const LIMITS = {
  ingestionRateBytes: 10,
  rateSharedBy: 1,
  ingestionBurstBytes: 100,
  maxAttributeBytes: 0,
  maxBytesPerTrace: 0,
  maxLiveTraces: 0,
  maxGlobalLiveTraces: 0,
  artificialDelayMs: 0,
  retryInfoEnabled: true,
};

function refusal(limiter: RateLimiter, tenant: string, bytes: number): { code: string; retryAfterMs: number | undefined } | undefined {
  try {
    limiter.take(tenant as TenantId, bytes);
    return undefined;
  } catch (error) {
    return error as { code: string; retryAfterMs: number | undefined };
  }
}

describe('RateLimiter', () => {
  it('tells the configured wait instead of the needed one, and none when the tenant wants none', () => {
    const clock = { now: () => 0 };
    const configured = new RateLimiter(() => LIMITS, 5_000, clock);
    configured.take('a' as TenantId, 100);
    expect(refusal(configured, 'a', 1)).toMatchObject({ code: 'resource_exhausted', retryAfterMs: 5_000 });
    const silent = new RateLimiter(() => ({ ...LIMITS, retryInfoEnabled: false }), 0, clock);
    silent.take('a' as TenantId, 100);
    expect(refusal(silent, 'a', 1)).toMatchObject({ code: 'resource_exhausted', retryAfterMs: undefined });
  });

  it('never lets anything through at rate 0 once the burst is spent', () => {
    const clock = { ms: 0, now: () => clock.ms };
    const limiter = new RateLimiter(() => ({ ...LIMITS, ingestionRateBytes: 0 }), 0, clock);
    expect(refusal(limiter, 'a', 100)).toBeUndefined();
    clock.ms = 1e9;
    expect(refusal(limiter, 'a', 1)).toMatchObject({ code: 'resource_exhausted', retryAfterMs: undefined });
  });

  it('lets through a share of the rate, and bursts of its own', () => {
    const clock = { ms: 0, now: () => clock.ms };
    let rateSharedBy = 4;
    const limiter = new RateLimiter(() => ({ ...LIMITS, ingestionRateBytes: 40, rateSharedBy }), 0, clock);
    expect(refusal(limiter, 'a', 100)).toBeUndefined();
    expect(refusal(limiter, 'a', 10)).toMatchObject({
      retryAfterMs: 1_000,
      message: expect.stringContaining('ingestion.rate_limit_bytes 40 per second, shared by 4 distributors, ingestion.burst_size_bytes 100 at once') as string,
    });
    clock.ms += 1_000;
    expect([refusal(limiter, 'a', 10), refusal(limiter, 'a', 1)?.code]).toEqual([undefined, 'resource_exhausted']);
    rateSharedBy = 1;
    clock.ms += 1_000;
    expect([refusal(limiter, 'a', 40), refusal(limiter, 'a', 1)?.code]).toEqual([undefined, 'resource_exhausted']);
  });

  it('remembers a busy tenant among thousands of idle ones', () => {
    const clock = { ms: 0, now: () => clock.ms };
    const limiter = new RateLimiter(() => LIMITS, 0, clock);
    for (let i = 0; i < 1_023; i++) limiter.take(`idle-${i}` as TenantId, 1);
    clock.ms = 1_000;
    limiter.take('busy' as TenantId, 100);
    for (let i = 0; i < 1_024; i++) limiter.take(`new-${i}` as TenantId, 1);
    expect(refusal(limiter, 'busy', 1)).toBeDefined();
  });
});
