import type { Counter, Gauge, Histogram } from '@vivace/base';
import { assert } from '@vivace/base';

/** One printed line of a metric. */
export interface Sample {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The number or numbers behind one set of label values; touching one allocates nothing. */
export interface Cell {
  /** Adds the samples to `out`. */
  sample(name: string, labels: Readonly<Record<string, string>>, out: Sample[]): void;
}

export class CounterCell implements Cell, Counter {
  #value = 0;

  inc(n = 1): void {
    assert(n >= 0, `counter: increment ${n} is negative`);
    this.#value += n;
  }

  sample(metricName: string, labels: Readonly<Record<string, string>>, out: Sample[]): void {
    out.push({ metricName, labels, value: this.#value });
  }
}

export class GaugeCell implements Cell, Gauge {
  #value = 0;

  set(value: number): void {
    this.#value = value;
  }

  add(n: number): void {
    this.#value += n;
  }

  sample(metricName: string, labels: Readonly<Record<string, string>>, out: Sample[]): void {
    out.push({ metricName, labels, value: this.#value });
  }
}

export class HistogramCell implements Cell, Histogram {
  readonly #bounds: Float64Array;
  /** Per bucket, not cumulative; the last one is `+Inf`. */
  readonly #counts: Float64Array;
  #sum = 0;

  constructor(bounds: Float64Array) {
    this.#bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    const bounds = this.#bounds;
    let i = 0;
    while (i < bounds.length && value > bounds[i]) i++;
    this.#counts[i]++;
    this.#sum += value;
  }

  sample(name: string, labels: Readonly<Record<string, string>>, out: Sample[]): void {
    let count = 0;
    for (let i = 0; i < this.#counts.length; i++) {
      count += this.#counts[i];
      const le = i < this.#bounds.length ? String(this.#bounds[i]) : '+Inf';
      out.push({ metricName: `${name}_bucket`, labels: { ...labels, le }, value: count });
    }
    out.push({ metricName: `${name}_sum`, labels, value: this.#sum });
    out.push({ metricName: `${name}_count`, labels, value: count });
  }
}
