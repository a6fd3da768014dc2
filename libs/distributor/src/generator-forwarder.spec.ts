import { setImmediate } from 'node:timers/promises';
import { AppError, createMemoryLogger, createMemoryMetrics } from '@vivace/base';
import type { TenantId } from '@vivace/base';
import { DEFAULT_SCAN_LIMITS, jsonToProto, scanExport, ScanResult } from '@vivace/otlp';
import { describe, expect, it } from 'vitest';
import { createGeneratorForwarder } from './generator-forwarder.ts';
import type { ForwardLimits } from './ports.ts';

const [TENANT, OTHER] = ['t', 'other'] as TenantId[];
const span = (id: string) => ({ traceId: '0102030405060708090a0b0c0d0e0f10', spanId: id, name: 'n' });
const [ONE, TWO, BAD] = [span('0000000000000001'), span('0000000000000002'), span('')];

const ONE_AT_A_TIME: ForwardLimits = { maxWaiting: 1, workers: 1 };

function setUp({ limits = ONE_AT_A_TIME, maxPendingBytes = 1_000_000 } = {}) {
  /** Span ids of each request, and what ends it. */
  const requests: { ids: number[]; end: (error?: Error) => void }[] = [];
  const generators = {
    push(_tenant: TenantId, bytes: Uint8Array, scan: ScanResult) {
      const ids = Array.from({ length: scan.spanCount }, (_, i) => (scan.spanRefusal[i] === 0 ? bytes[scan.spanTraceIdAt[i] + 16 + 2 + 7] : -1));
      return new Promise<void>((resolve, reject) => requests.push({ ids, end: (error) => (error ? reject(error) : resolve()) }));
    },
  };
  const clock = { ms: 0, now: () => clock.ms };
  const metrics = createMemoryMetrics();
  const logger = createMemoryLogger();
  const forwarder = createGeneratorForwarder({
    generators,
    limits: (tenant) => (tenant === TENANT ? limits : undefined),
    maxPendingBytes,
    clock,
    logger,
    metrics,
  });
  const offer = (spans: readonly object[], tenant = TENANT): void => {
    const bytes = jsonToProto(JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] }));
    const scan = new ScanResult();
    scanExport(bytes, DEFAULT_SCAN_LIMITS, scan);
    forwarder.offer(tenant, bytes, scan);
    // Both are only borrowed.
    bytes.fill(0);
    scan.reset();
  };
  const counts = (): Record<string, number> => ({
    taken: metrics.value('tempo_distributor_forwarder_pushes_total', { tenant: TENANT }),
    refused: metrics.value('tempo_distributor_forwarder_pushes_failures_total', { tenant: TENANT }),
    queued: metrics.value('tempo_distributor_queue_pushes_total', { name: 'metrics-generator', tenant: TENANT }),
    full: metrics.value('tempo_distributor_queue_pushes_failures_total', { name: 'metrics-generator', tenant: TENANT }),
    length: metrics.value('tempo_distributor_queue_length', { name: 'metrics-generator', tenant: TENANT }),
  });
  return { forwarder, requests, clock, metrics, logger, offer, counts };
}

describe('generator forwarder', () => {
  it('sends later what it was offered, and which spans were refused', async () => {
    const { requests, offer, counts } = setUp({ limits: { maxWaiting: 1, workers: 2 } });
    offer([ONE, TWO]);
    offer([BAD, TWO]);
    expect(requests).toEqual([]);
    await setImmediate();
    expect(requests.map(({ ids }) => ids)).toEqual([
      [1, 2],
      [-1, 2],
    ]);
    expect(counts()).toEqual({ taken: 2, refused: 0, queued: 2, full: 0, length: 0 });
  });

  it('takes nothing of a tenant without processors', async () => {
    const { requests, offer, metrics } = setUp({ maxPendingBytes: 0 });
    for (let i = 0; i < 3; i++) offer([ONE], OTHER);
    await setImmediate();
    expect(requests).toEqual([]);
    expect(metrics.value('tempo_distributor_forwarder_pushes_failures_total', { tenant: OTHER })).toBe(0);
  });

  it('drops and counts what the queue of the tenant has no room for', async () => {
    const { requests, logger, offer, counts } = setUp();
    for (let i = 0; i < 4; i++) offer([ONE]);
    await setImmediate();
    expect(requests).toHaveLength(1);
    expect(counts()).toEqual({ taken: 2, refused: 2, queued: 2, full: 2, length: 1 });
    expect(logger.entries).toMatchObject([{ level: 'warn', fields: { requests: 1, why: expect.stringContaining('queue_size 1') } }]);
    requests[0].end();
    await setImmediate();
    await setImmediate();
    expect(requests).toHaveLength(2);
    expect(counts().length).toBe(0);
  });

  it('holds no more than its bytes, of all tenants together', async () => {
    const { requests, offer, counts } = setUp({ limits: { maxWaiting: 100, workers: 1 }, maxPendingBytes: 1 });
    offer([ONE]);
    offer([TWO]);
    await setImmediate();
    requests[0].end();
    await setImmediate();
    offer([TWO]);
    expect(counts()).toMatchObject({ taken: 2, refused: 1 });
  });

  it('says now and then how many requests did not arrive, and goes on', async () => {
    const { requests, clock, logger, offer } = setUp();
    const lose = async (): Promise<void> => {
      offer([ONE]);
      await setImmediate();
      requests.at(-1)!.end(new AppError('unavailable', 'gone'));
      await setImmediate();
    };
    for (let i = 0; i < 3; i++) await lose();
    clock.ms += 10_000;
    await lose();
    expect(logger.entries.map(({ level, fields }) => [level, fields.requests, fields.why])).toEqual([
      ['warn', 1, expect.stringContaining('gone')],
      ['warn', 3, expect.stringContaining('gone')],
    ]);
  });

  it('ends when all was sent, or when it has to', async () => {
    const { forwarder, requests, logger, offer } = setUp();
    offer([ONE]);
    let isDone = false;
    const stopped = forwarder.stop(new AbortController().signal).then(() => (isDone = true));
    await setImmediate();
    expect(isDone).toBe(false);
    requests[0].end();
    await stopped;
    expect(logger.entries).toEqual([]);
    offer([ONE]);
    offer([TWO]);
    await forwarder.stop(AbortSignal.abort());
    expect(logger.entries).toMatchObject([{ level: 'warn', fields: { requests: 1 } }]);
  });
});
