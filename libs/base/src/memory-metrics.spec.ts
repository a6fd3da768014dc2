import { describe, expect, it } from 'vitest';
import { createMemoryMetrics } from './memory-metrics.ts';

describe('createMemoryMetrics', () => {
  it('keeps one child per label values, whatever their order', () => {
    const metrics = createMemoryMetrics();
    const spans = metrics.counter('spans', 'spans', ['tenant', 'reason']);
    spans.with({ tenant: 'a', reason: 'x' }).inc(2);
    spans.with({ reason: 'x', tenant: 'a' }).inc();
    spans.with({ reason: 'y', tenant: 'a' }).inc();
    expect(metrics.value('spans', { tenant: 'a', reason: 'x' })).toBe(3);
    expect(metrics.value('spans', { tenant: 'b', reason: 'x' })).toBe(0);
  });

  it('counts and sums observations and sets gauges on collect', () => {
    const metrics = createMemoryMetrics();
    const seconds = metrics.histogram('seconds', 'time', []);
    seconds.observe(0.5);
    seconds.observe(1.5);
    const open = metrics.gauge('open', 'open files');
    metrics.onCollect(() => open.set(7));
    metrics.collect();
    expect([metrics.value('seconds'), metrics.sum('seconds'), metrics.value('open')]).toEqual([2, 2, 7]);
  });

  it('refuses one name for two kinds and a negative increment', () => {
    const metrics = createMemoryMetrics();
    const total = metrics.counter('total', 'total');
    expect(() => metrics.gauge('total', 'total')).toThrow('metric total: registered as counter() and as gauge()');
    expect(() => total.inc(-1)).toThrow('counter: increment -1 is negative');
  });
});
