import { createMemoryLogger } from '@vivace/base';
import { describe, expect, it } from 'vitest';
import { createMetrics } from './create-metrics.ts';
import { startProcessMetrics } from './process-metrics.ts';

const create = (maxChildren?: number) => {
  const log = createMemoryLogger();
  return { log, metrics: createMetrics({ log, ...(maxChildren !== undefined && { maxChildren }) }) };
};

describe('createMetrics', () => {
  it('prints counters, gauges and histograms', async () => {
    const { metrics } = create();
    const spans = metrics.counter('spans_total', 'Spans.', ['tenant', 'reason']);
    const one = spans.with({ tenant: 'a', reason: 'x"y' });
    one.inc();
    spans.with({ reason: 'x"y', tenant: 'a' }).inc(2);
    metrics.gauge('open', 'Open.').set(3);
    metrics.gauge('open', 'Open.').add(-1);
    const seconds = metrics.histogram('seconds', 'Time.', ['op'], { buckets: [0.1, 1] }).with({ op: 'get' });
    for (const value of [0.1, 0.5, 7]) seconds.observe(value);
    expect(spans.with({ tenant: 'a', reason: 'x"y' })).toBe(one);
    expect(await metrics.scrape()).toBe(`# HELP spans_total Spans.
# TYPE spans_total counter
spans_total{tenant="a",reason="x\\"y"} 3

# HELP open Open.
# TYPE open gauge
open 2

# HELP seconds Time.
# TYPE seconds histogram
seconds_bucket{op="get",le="0.1"} 1
seconds_bucket{op="get",le="1"} 2
seconds_bucket{op="get",le="+Inf"} 3
seconds_sum{op="get"} 7.6
seconds_count{op="get"} 3
`);
  });

  it('puts label values past the bound into one child and says so once', async () => {
    const { metrics, log } = create(2);
    const spans = metrics.counter('spans_total', 'Spans.', ['tenant']);
    for (let i = 0; i < 10; i++) spans.with({ tenant: `t${i}` }).inc();
    const text = await metrics.scrape();
    expect(text.split('\n').slice(2, -1)).toEqual(['spans_total{tenant="t0"} 1', 'spans_total{tenant="t1"} 1', 'spans_total{tenant="__overflow__"} 8']);
    expect(log.entries).toEqual([{ level: 'error', msg: expect.any(String), fields: { metric: 'spans_total', limit: 2 } }]);
  });

  it('forgets a removed child and has room for another', async () => {
    const { metrics, log } = create(1);
    const live = metrics.gauge('live', 'Live.', ['tenant', 'kind']);
    live.with({ tenant: 'a', kind: 'x' }).set(1);
    live.remove({ tenant: 'a', kind: 'x' });
    live.remove({ tenant: 'never', kind: 'x' });
    live.with({ tenant: 'b', kind: 'x' }).set(2);
    expect(await metrics.scrape()).toBe('# HELP live Live.\n# TYPE live gauge\nlive{tenant="b",kind="x"} 2\n');
    expect(log.entries).toEqual([]);
  });

  it('runs updates before a scrape', async () => {
    const { metrics } = create();
    const queue = metrics.gauge('queue', 'Queue.');
    metrics.onCollect(() => queue.set(9));
    expect(await metrics.scrape()).toContain('queue 9');
  });

  it('refuses a name registered otherwise, buckets that do not ascend, and going back', () => {
    const { metrics } = create();
    metrics.counter('a', 'A.', ['x']);
    expect(() => metrics.counter('a', 'A.', ['y'])).toThrow('metric a: registered as counter(x) and as counter(y)');
    expect(() => metrics.histogram('h', 'H.', [], { buckets: [1, 1] })).toThrow('buckets 1 1 do not ascend');
    expect(() => metrics.counter('b', 'B.').inc(-1)).toThrow('increment -1 is negative');
  });
});

describe('startProcessMetrics', () => {
  it('registers build, process and event loop metrics', async () => {
    const { metrics } = create();
    const stop = startProcessMetrics(metrics, { version: '2.10.0-vivace', revision: 'abc', branch: 'main' });
    stop();
    const text = await metrics.scrape();
    expect(text).toContain(`tempo_build_info{version="2.10.0-vivace",revision="abc",branch="main",goversion="node${process.version}"} 1`);
    expect(text).toContain('vivace_event_loop_delay_seconds_bucket{le="0.05"} 0');
    expect(text).toMatch(/^process_resident_memory_bytes \d+$/m);
  });
});
