export interface Counter {
  /** Adds `n` (default 1), which must not be negative. */
  inc(n?: number): void;
}

export interface Gauge {
  set(value: number): void;
  add(n: number): void;
}

export interface Histogram {
  observe(value: number): void;
}

/**
 * The children of one metric. `with` returns the same child for the same label values, so a hot path looks it up once and keeps it.
 * The number of children is bounded by the implementation: past the bound every new combination shares one child.
 */
export interface Family<L extends string, M> {
  with(labels: Readonly<Record<L, string>>): M;
  /** Forgets a child (a tenant that is gone); a kept reference to it counts into nothing from then on. */
  remove(labels: Readonly<Record<L, string>>): void;
}

export interface HistogramOptions {
  /** Upper bounds, ascending, without `+Inf`. */
  readonly buckets?: readonly number[];
}

/**
 * Metrics as libraries see them. Names are Prometheus names (`tempo_…` where Tempo has the metric, `vivace_…` otherwise), units are base units.
 * Registering a name again with the same kind and labels returns the first one; with others it is a bug and throws.
 */
export interface MetricsRegistry {
  counter(name: string, help: string): Counter;
  counter<L extends string>(name: string, help: string, labels: readonly L[]): Family<L, Counter>;
  gauge(name: string, help: string): Gauge;
  gauge<L extends string>(name: string, help: string, labels: readonly L[]): Family<L, Gauge>;
  histogram(name: string, help: string, labels: readonly [], options?: HistogramOptions): Histogram;
  histogram<L extends string>(name: string, help: string, labels: readonly L[], options?: HistogramOptions): Family<L, Histogram>;
  /** Runs `update` before every scrape: for gauges whose value is cheaper to read than to follow. */
  onCollect(update: () => void): void;
}
