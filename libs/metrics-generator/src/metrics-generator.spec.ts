import { createMemoryLogger, createMemoryMetrics } from '@vivace/base';
import type { TenantId } from '@vivace/base';
import { DEFAULT_SCAN_LIMITS, jsonToProto, scanExport, ScanResult } from '@vivace/otlp';
import { FakeTime } from '@vivace/testkit';
import type { SpanTable } from '@vivace/trace';
import { describe, expect, it } from 'vitest';
import { createMetricsGenerator } from './metrics-generator.ts';
import type { SpanProcessor } from './span-processor.ts';

const TENANT = 't' as TenantId;
const SLACK_MS = 30_000;
const DAY_MS = 86_400_000;

/** Keeps the names of the spans it gets. */
class Keeper implements SpanProcessor {
  readonly names: string[] = [];
  stopped = 0;
  /** What `push` waits for. */
  gate: Promise<void> = Promise.resolve();
  failure: Error | undefined;

  async push(spans: SpanTable): Promise<void> {
    await this.gate;
    if (this.failure) throw this.failure;
    for (let i = 0; i < spans.spanCount; i++) this.names.push(spans.strings.get(spans.spanName[i]));
  }

  async stop(): Promise<void> {
    this.stopped++;
  }
}

function setUp({ processors = [] as string[], maxPendingBytes = 1_000_000 } = {}) {
  const time = new FakeTime();
  const metrics = createMemoryMetrics();
  const logger = createMemoryLogger();
  const limits = { processors, slackMs: SLACK_MS, maxAttributeBytes: 0 };
  const made: Record<string, Keeper[]> = { a: [], b: [] };
  const factoryOf = (name: string) => ({
    name,
    create() {
      const keeper = new Keeper();
      made[name].push(keeper);
      return keeper;
    },
  });
  const generator = createMetricsGenerator({
    factories: [factoryOf('a'), factoryOf('b')],
    limits: () => ({ ...limits }),
    maxPendingBytes,
    clock: time,
    timers: time,
    logger,
    metrics,
  });
  const endingAt = (offsetMs: number, name = 'n', spanId = '0000000000000001') => ({
    traceId: '0102030405060708090a0b0c0d0e0f10',
    spanId,
    name,
    endTimeUnixNano: `${time.now() + offsetMs}000000`,
  });
  const push = async (...spans: object[]): Promise<number> => {
    const bytes = jsonToProto(JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] }));
    const scan = new ScanResult();
    scanExport(bytes, DEFAULT_SCAN_LIMITS, scan);
    const { length } = bytes;
    // What was borrowed may be overwritten at once.
    await generator.push(TENANT, bytes, scan).finally(() => bytes.fill(0));
    return length;
  };
  const received = (): number => metrics.value('tempo_metrics_generator_spans_received_total', { tenant: TENANT });
  const discarded = (reason: string, processor = 'all'): number =>
    metrics.value('tempo_metrics_generator_spans_discarded_total', { tenant: TENANT, reason, processor });
  const active = (processor: string): number => metrics.value('tempo_metrics_generator_active_processors', { tenant: TENANT, processor });
  const drained = (): Promise<void> => generator.stop(new AbortController().signal);
  return { generator, time, metrics, logger, limits, made, endingAt, push, received, discarded, active, drained };
}

describe('metrics generator', () => {
  it('counts spans and bytes, and which of them ended too long ago or too far in the future', async () => {
    const { metrics, endingAt, push, received, discarded } = setUp();
    const timely = [endingAt(0), endingAt(-SLACK_MS), endingAt(5 * DAY_MS)];
    const untimely = [endingAt(-SLACK_MS - 1), endingAt(5 * DAY_MS + 1)];
    const bytes = await push(...timely, ...untimely, endingAt(0, 'no id', ''));
    expect(received()).toBe(5);
    expect(metrics.value('tempo_metrics_generator_bytes_received_total', { tenant: TENANT })).toBe(bytes);
    expect(discarded('outside_metrics_ingestion_slack')).toBe(2);
  });

  it('gives every processor of the tenant the timely spans, in order', async () => {
    const { made, endingAt, push, active, drained } = setUp({ processors: ['b', 'a', 'unknown'] });
    await push(endingAt(0, 'one'), endingAt(-SLACK_MS - 1, 'late'), endingAt(0, 'two'));
    await push(endingAt(0, 'three'));
    expect([active('a'), active('b')]).toEqual([1, 1]);
    await drained();
    for (const name of ['a', 'b']) {
      expect(made[name]).toHaveLength(1);
      expect(made[name][0].names).toEqual(['one', 'two', 'three']);
      expect(made[name][0].stopped).toBe(1);
    }
    expect([active('a'), active('b')]).toEqual([0, 0]);
  });

  it('keeps nothing of a tenant without processors', async () => {
    const { made, endingAt, push, received } = setUp({ processors: ['unknown'], maxPendingBytes: 0 });
    for (let i = 0; i < 3; i++) await push(endingAt(0));
    expect(received()).toBe(3);
    expect(made).toEqual({ a: [], b: [] });
  });

  it('refuses, counts and forgets what the processors have no time for', async () => {
    const { made, endingAt, push, received, discarded, drained } = setUp({ processors: ['a'], maxPendingBytes: 1 });
    await push(endingAt(0, 'one'));
    await expect(push(endingAt(0), endingAt(0), endingAt(-SLACK_MS - 1))).rejects.toMatchObject({ code: 'resource_exhausted' });
    expect([received(), discarded('queue_full'), discarded('outside_metrics_ingestion_slack')]).toEqual([4, 2, 1]);
    await drained();
    expect(made.a[0].names).toEqual(['one']);
  });

  it('goes on with the others when a processor fails', async () => {
    const { made, logger, endingAt, push, discarded, drained } = setUp({ processors: ['a', 'b'] });
    await push(endingAt(0, 'one'));
    made.a[0].failure = new Error('broken');
    await push(endingAt(0, 'two'), endingAt(0, 'three'));
    await drained();
    expect(made.b[0].names).toEqual(['one', 'two', 'three']);
    expect(discarded('processor_failed', 'a')).toBe(3);
    expect(logger.entries.map(({ level, msg }) => `${level} ${msg}`)).toEqual(Array.from({ length: 2 }, () => 'error a processor failed on spans'));
  });

  it('follows the limits: stops processors that are not wanted any more, even when no spans come, and starts others', async () => {
    const { generator, time, limits, made, endingAt, push, active } = setUp({ processors: ['a'] });
    generator.start();
    await push(endingAt(0));
    limits.processors = ['b'];
    await time.advance(10_000);
    expect([active('a'), active('b')]).toEqual([0, 1]);
    expect([made.a[0].stopped, made.b.length]).toEqual([1, 1]);
    limits.processors = [];
    await time.advance(10_000);
    expect([active('a'), active('b')]).toEqual([0, 0]);
    expect(made.b[0].stopped).toBe(1);
    limits.processors = ['a'];
    await push(endingAt(0));
    expect(made.a).toHaveLength(2);
  });

  it('stops a processor only when it is done with what it has', async () => {
    const { generator, limits, made, time, endingAt, push } = setUp({ processors: ['a'] });
    generator.start();
    await push(endingAt(0, 'one'));
    const { promise, resolve } = Promise.withResolvers<void>();
    made.a[0].gate = promise;
    // The queue hands requests on in a turn of their own.
    await new Promise((done) => setImmediate(done));
    limits.processors = [];
    await time.advance(10_000);
    expect(made.a[0].stopped).toBe(0);
    resolve();
    await time.advance(0);
    expect(made.a[0]).toMatchObject({ names: ['one'], stopped: 1 });
  });

  it('gives up what waits when it has to stop at once', async () => {
    const { generator, logger, endingAt, push, made } = setUp({ processors: ['a'] });
    await push(endingAt(0, 'one'));
    made.a[0].gate = new Promise(() => undefined);
    await push(endingAt(0, 'two'));
    await generator.stop(AbortSignal.abort());
    expect(logger.entries).toMatchObject([{ level: 'warn', fields: { requests: 1 } }]);
    expect(made.a[0]).toMatchObject({ names: [], stopped: 1 });
  });
});
