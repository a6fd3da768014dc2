import type { Counter, Family, Gauge, Histogram, HistogramOptions, Logger, MetricsRegistry } from '@vivace/base';
import { assert } from '@vivace/base';
import type { Metric } from 'prom-client';
import { Registry } from 'prom-client';
import type { Cell, Sample } from './metric-cells.ts';
import { CounterCell, GaugeCell, HistogramCell } from './metric-cells.ts';
import { MetricFamily } from './metric-family.ts';

export interface MetricsOptions {
  /** Told once a metric when it reaches its bound. */
  readonly log: Logger;
  /** Most children of a metric (default 2,000); further label values share the child `__overflow__`. */
  readonly maxChildren?: number;
}

/** The metrics of a process, for `/metrics`. */
export interface Metrics extends MetricsRegistry {
  readonly contentType: string;
  /** Everything in the Prometheus text format. */
  scrape(): Promise<string>;
  /** The registry of prom-client that formats; for its default metrics only. */
  readonly registry: Registry;
}

type Kind = 'counter' | 'gauge' | 'histogram';
const DEFAULT_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/**
 * Counting happens in our own cells, one addition each without hashing or allocation; prom-client formats them when scraped.
 * Its own counters hash the labels on every increment.
 */
export function createMetrics({ log, maxChildren = 2_000 }: MetricsOptions): Metrics {
  const registry = new Registry();
  const known = new Map<string, { readonly signature: string; readonly handle: unknown }>();
  const updates: (() => void)[] = [];

  function register<M extends Cell>(kind: Kind, name: string, help: string, labels: readonly string[], signature: string, create: () => M): unknown {
    const before = known.get(name);
    if (before) {
      assert(before.signature === signature, `metric ${name}: registered as ${before.signature} and as ${signature}`);
      return before.handle;
    }
    const onOverflow = () => log.error('metric has too many label values, further ones share one child', { metric: name, limit: maxChildren });
    const cell = labels.length === 0 ? create() : undefined;
    const family = cell ? undefined : new MetricFamily({ name, labels, maxChildren, create, onOverflow });
    const samples = (): Sample[] => {
      if (family) return family.samples();
      const out: Sample[] = [];
      cell!.sample(name, {}, out);
      return out;
    };
    // A registry asks a metric for its name and for `get`; that is all of a Metric this stands in for.
    registry.registerMetric({ name, get: () => Promise.resolve({ name, help, type: kind, values: samples() }) } as unknown as Metric);
    const handle = family ?? cell;
    known.set(name, { signature, handle });
    return handle;
  }

  function counter(name: string, help: string): Counter;
  function counter<L extends string>(name: string, help: string, labels: readonly L[]): Family<L, Counter>;
  function counter(name: string, help: string, labels: readonly string[] = []): unknown {
    return register('counter', name, help, labels, `counter(${labels.join(',')})`, () => new CounterCell());
  }

  function gauge(name: string, help: string): Gauge;
  function gauge<L extends string>(name: string, help: string, labels: readonly L[]): Family<L, Gauge>;
  function gauge(name: string, help: string, labels: readonly string[] = []): unknown {
    return register('gauge', name, help, labels, `gauge(${labels.join(',')})`, () => new GaugeCell());
  }

  function histogram(name: string, help: string, labels: readonly [], options?: HistogramOptions): Histogram;
  function histogram<L extends string>(name: string, help: string, labels: readonly L[], options?: HistogramOptions): Family<L, Histogram>;
  function histogram(name: string, help: string, labels: readonly string[], { buckets = DEFAULT_BUCKETS }: HistogramOptions = {}): unknown {
    const bounds = Float64Array.from(buckets);
    assert(
      bounds.every((bound, i) => i === 0 || bound > bounds[i - 1]),
      `metric ${name}: buckets ${buckets.join(' ')} do not ascend`,
    );
    return register('histogram', name, help, labels, `histogram(${labels.join(',')})[${buckets.join(' ')}]`, () => new HistogramCell(bounds));
  }

  return {
    counter,
    gauge,
    histogram,
    onCollect: (update) => void updates.push(update),
    contentType: registry.contentType,
    registry,
    scrape: () => {
      for (const update of updates) update();
      return registry.metrics();
    },
  };
}
