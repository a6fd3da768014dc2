import { AppError, createMemoryMetrics } from '@vivace/base';
import type { TenantId } from '@vivace/base';
import type { ScanResult } from '@vivace/otlp';
import { jsonToProto } from '@vivace/otlp';
import { describe, expect, it } from 'vitest';
import { createDistributor } from './distributor.ts';
import type { DistributorDeps } from './distributor.ts';
import type { IngesterRefusals } from './ports.ts';

const INFO = { receiver: 'otlp/otlp_receiver', transport: 'grpc' };
const good = (n: number): object => ({
  traceId: `${n}`.padStart(32, '0'),
  spanId: '0000000000000001',
  name: 'ab',
  attributes: [{ key: 'k', value: { stringValue: 'long value' } }],
});
const request = (...spans: object[]): Uint8Array => jsonToProto(JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] }));
const LIMITS = {
  ingestionRateBytes: 1000,
  rateSharedBy: 1,
  ingestionBurstBytes: 2000,
  maxAttributeBytes: 0,
  maxBytesPerTrace: 500,
  maxLiveTraces: 7,
  maxGlobalLiveTraces: 0,
  artificialDelayMs: 0,
  retryInfoEnabled: true,
};

function setUp(overrides: Partial<DistributorDeps> = {}, answer: IngesterRefusals | Error = { traceTooLarge: 0, tooManyLiveTraces: 0 }) {
  const pushes: { tenant: TenantId; bytes: Uint8Array; spans: number }[] = [];
  const forwarded: Uint8Array[] = [];
  const waits: { readonly delayMs: number; readonly run: () => void }[] = [];
  const clock = { ms: 0, now: () => clock.ms };
  const metrics = createMemoryMetrics();
  const ingester = {
    push: async (tenant: TenantId, bytes: Uint8Array, scan: ScanResult) => {
      pushes.push({ tenant, bytes, spans: scan.spanCount - scan.refusedCount });
      if (answer instanceof Error) throw answer;
      return answer;
    },
  };
  const distributor = createDistributor({
    multitenancy: false,
    retryAfterMs: 0,
    maxNegativeDurationMs: 3_600_000,
    limits: () => LIMITS,
    ingester,
    forwarder: { offer: (_tenant, bytes) => void forwarded.push(bytes) },
    clock,
    timers: {
      after(delayMs, run) {
        waits.push({ delayMs, run });
        return () => undefined;
      },
    },
    random: () => 1,
    metrics,
    ...overrides,
  });
  return { distributor, pushes, forwarded, clock, metrics, waits };
}

describe('distributor', () => {
  it('hands the very bytes to the ingester and counts', async () => {
    const { distributor, pushes, metrics } = setUp({ limits: () => ({ ...LIMITS, maxAttributeBytes: 4 }) });
    const bytes = request(good(1), good(1), good(2));
    expect(await distributor.push('ignored', bytes, INFO)).toEqual({ rejectedSpans: 0, message: '' });
    expect(pushes).toHaveLength(1);
    expect(pushes[0].bytes).toBe(bytes);
    const tenant = { tenant: 'single-tenant' };
    expect(metrics.value('tempo_distributor_ingress_bytes_total', tenant)).toBe(bytes.length);
    expect(metrics.value('tempo_distributor_bytes_received_total', tenant)).toBe(bytes.length);
    expect(metrics.value('tempo_distributor_spans_received_total', tenant)).toBe(3);
    expect(metrics.value('tempo_distributor_attributes_truncated_total', tenant)).toBe(3);
    expect(metrics.sum('tempo_distributor_traces_per_batch')).toBe(2);
    expect(metrics.value('tempo_distributor_push_duration_seconds')).toBe(1);
    expect(metrics.value('tempo_receiver_accepted_spans', INFO)).toBe(3);
  });

  it('refuses bad spans alone and tells why', async () => {
    const { distributor, pushes, metrics } = setUp({}, { traceTooLarge: 2, tooManyLiveTraces: 1 });
    const outcome = await distributor.push(
      undefined,
      request(good(1), { traceId: '12' }, good(2), good(3), { ...good(1), spanId: '' }, { traceId: '12' }),
      INFO,
    );
    expect(outcome).toEqual({
      rejectedSpans: 6,
      message:
        'refused 6 of 6 spans: 2 invalid_trace_id (want 16 bytes, not all zero), 1 invalid_span_id (want 8 bytes, not all zero), ' +
        '2 trace_too_large (limit global.max_bytes_per_trace 500), 1 live_traces_exceeded (limit ingestion.max_traces_per_user 7)',
    });
    expect(pushes[0].spans).toBe(3);
    expect(metrics.value('tempo_discarded_spans_total', { tenant: 'single-tenant', reason: 'invalid_trace_id' })).toBe(2);
    expect(metrics.value('tempo_discarded_spans_total', { tenant: 'single-tenant', reason: 'trace_too_large' })).toBe(2);
    expect(metrics.value('tempo_receiver_refused_spans', INFO)).toBe(6);
  });

  it.each([
    [7, 90, 'ingestion.max_traces_per_user 7, or ingestion.max_global_traces_per_user 90'],
    [0, 90, 'ingestion.max_global_traces_per_user 90'],
  ])('names the limits that there are of live traces: %i, %i', async (maxLiveTraces, maxGlobalLiveTraces, limits) => {
    const { distributor } = setUp({ limits: () => ({ ...LIMITS, maxLiveTraces, maxGlobalLiveTraces }) }, { traceTooLarge: 0, tooManyLiveTraces: 1 });
    expect((await distributor.push(undefined, request(good(1)), INFO)).message).toBe(`refused 1 of 1 spans: 1 live_traces_exceeded (limit ${limits})`);
  });

  it('takes as long as the artificial delay, a tenth more or less', async () => {
    const { distributor, clock, waits, metrics } = setUp({ limits: () => ({ ...LIMITS, artificialDelayMs: 1_000 }) });
    let isAnswered = false;
    const answer = distributor.push(undefined, request(good(1)), INFO).then(() => (isAnswered = true));
    clock.ms = 300;
    await expect.poll(() => waits.length).toBe(1);
    expect(isAnswered).toBe(false);
    expect(waits[0].delayMs).toBeCloseTo(800);
    expect(metrics.sum('tempo_distributor_added_latency_seconds', { tenant: 'single-tenant' })).toBeCloseTo(0.8);
    waits[0].run();
    await answer;
  });

  it('adds no delay to a push that took as long, or failed', async () => {
    const slow = setUp({ limits: () => ({ ...LIMITS, artificialDelayMs: 1_000 }) });
    const answer = slow.distributor.push(undefined, request(good(1)), INFO);
    slow.clock.ms = 1_100;
    expect(await answer).toMatchObject({ rejectedSpans: 0 });
    const failed = setUp({ limits: () => ({ ...LIMITS, artificialDelayMs: 1_000 }) }, new AppError('unavailable', 'x'));
    await expect(failed.distributor.push(undefined, request(good(1)), INFO)).rejects.toThrow('x');
  });

  it('refuses spans that end too long before they start, and names the key', async () => {
    const { distributor, pushes } = setUp({ maxNegativeDurationMs: 1_000 });
    const ending = (n: number, ns: number) => ({ ...good(n), startTimeUnixNano: '5000000000', endTimeUnixNano: String(5_000_000_000 - ns) });
    expect(await distributor.push(undefined, request(ending(1, 1e9), ending(2, 1e9 + 1)), INFO)).toEqual({
      rejectedSpans: 1,
      message: 'refused 1 of 2 spans: 1 invalid_time (end is before start by more than distributor.max_negative_duration 1s)',
    });
    expect(pushes[0].spans).toBe(1);
  });

  it('does not bother the ingester when there is nothing to keep', async () => {
    const { distributor, pushes } = setUp();
    expect(await distributor.push(undefined, request(), INFO)).toEqual({ rejectedSpans: 0, message: '' });
    expect((await distributor.push(undefined, request({ traceId: '12' }), INFO)).rejectedSpans).toBe(1);
    expect(pushes).toHaveLength(0);
  });

  it('resolves tenants when multi-tenancy is on', async () => {
    const { distributor, pushes } = setUp({ multitenancy: true });
    await distributor.push('team-a', request(good(1)), INFO);
    expect(pushes[0].tenant).toBe('team-a');
    await expect(distributor.push(undefined, request(good(1)), INFO)).rejects.toEqual(new AppError('unauthenticated', 'no org id'));
    await expect(distributor.push('', request(good(1)), INFO)).rejects.toMatchObject({ code: 'unauthenticated' });
    await expect(distributor.push('a|b', request(good(1)), INFO)).rejects.toMatchObject({ code: 'invalid_argument' });
    await expect(distributor.push('..', request(good(1)), INFO)).rejects.toMatchObject({ code: 'invalid_argument' });
  });

  it('limits the rate of a tenant and says when to come back', async () => {
    const { distributor, clock, metrics, pushes } = setUp({
      limits: () => ({ ...LIMITS, ingestionRateBytes: 40, ingestionBurstBytes: 200 }),
      multitenancy: true,
    });
    const bytes = request(good(1));
    expect(bytes.length).toBeGreaterThan(50);
    const fits = Math.floor(200 / bytes.length);
    for (let i = 0; i < fits; i++) await distributor.push('a', bytes, INFO);
    const waitMs = Math.ceil(((bytes.length * (fits + 1) - 200) / 40) * 1000);
    const refusal = distributor.push('a', bytes, INFO);
    await expect(refusal).rejects.toMatchObject({
      code: 'resource_exhausted',
      retryAfterMs: waitMs,
      message: expect.stringMatching(/^RATE_LIMITED: .*ingestion\.rate_limit_bytes 40/),
    });
    expect(metrics.value('tempo_discarded_spans_total', { tenant: 'a', reason: 'rate_limited' })).toBe(1);
    await distributor.push('b', bytes, INFO);
    clock.ms += waitMs;
    await distributor.push('a', bytes, INFO);
    expect(pushes).toHaveLength(fits + 2);
  });

  it('does not ask for another try of a batch that can never pass', async () => {
    const { distributor } = setUp({ limits: () => ({ ...LIMITS, ingestionBurstBytes: 10 }) });
    await expect(distributor.push(undefined, request(good(1)), INFO)).rejects.toMatchObject({
      code: 'invalid_argument',
      retryAfterMs: undefined,
      message: expect.stringMatching(/^RATE_LIMITED: batch of \d+ bytes is larger than ingestion\.burst_size_bytes \(10\)/),
    });
  });

  it('refuses what is not OTLP', async () => {
    const { distributor } = setUp();
    await expect(distributor.push(undefined, Buffer.from('hello'), INFO)).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining('at byte 2'),
    });
  });

  it('passes on what the ingester refuses, and counts failures that are ours', async () => {
    const busy = new AppError('unavailable', 'ingester is replaying its log', { retryAfterMs: 1000 });
    const a = setUp({}, busy);
    await expect(a.distributor.push(undefined, request(good(1)), INFO)).rejects.toBe(busy);
    expect(a.metrics.value('tempo_receiver_refused_spans', INFO)).toBe(1);
    const b = setUp({}, new Error('boom'));
    await expect(b.distributor.push(undefined, request(good(1)), INFO)).rejects.toMatchObject({ code: 'internal' });
    expect(b.metrics.value('tempo_discarded_spans_total', { tenant: 'single-tenant', reason: 'unknown_error' })).toBe(1);
  });

  it('offers what the ingester took, and nothing else, to the metrics-generators', async () => {
    const { distributor, forwarded } = setUp();
    const bytes = request(good(1), good(2));
    await distributor.push(undefined, bytes, INFO);
    expect(forwarded).toEqual([bytes]);
    await distributor.push(undefined, request({ ...good(1), spanId: '' }), INFO);
    expect(forwarded).toHaveLength(1);
    const failing = setUp({}, new AppError('unavailable', 'busy'));
    await expect(failing.distributor.push(undefined, bytes, INFO)).rejects.toMatchObject({ code: 'unavailable' });
    expect(failing.forwarded).toEqual([]);
  });

  it('gives every waiting push a scan of its own', async () => {
    const seen: ScanResult[] = [];
    const { promise, resolve } = Promise.withResolvers<IngesterRefusals>();
    const ingester = {
      push: (_tenant: TenantId, _bytes: Uint8Array, scan: ScanResult) => {
        seen.push(scan);
        return promise;
      },
    };
    const { distributor } = setUp({ ingester });
    const pushes = [distributor.push(undefined, request(good(1)), INFO), distributor.push(undefined, request(good(1), good(2)), INFO)];
    expect(seen.map((scan) => scan.spanCount)).toEqual([1, 2]);
    resolve({ traceTooLarge: 0, tooManyLiveTraces: 0 });
    await Promise.all(pushes);
  });
});
