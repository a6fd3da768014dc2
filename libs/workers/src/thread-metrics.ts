import type { Counter, Family, Histogram, HistogramOptions, MetricsRegistry } from '@vivace/base';
import { AppError } from '@vivace/base';

/** What one set of label values has counted since it was last told. */
export interface MetricDelta {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** Of a counter. */
  readonly added: number;
  /** Of a histogram; undefined for a counter. */
  readonly observed: readonly number[] | undefined;
  readonly buckets: readonly number[] | undefined;
}

/** Long enough that counting costs nothing, short enough for any scrape. */
const SEND_AFTER_MS = 200;

export interface DeltaMetrics extends MetricsRegistry {
  /** Tells at once what was counted. */
  flush(): void;
}

/** Counts in a thread and tells what was counted a few times a second. There are no gauges: threads would overwrite each other's. */
export function collectDeltas(send: (deltas: readonly MetricDelta[]) => void): DeltaMetrics {
  const cells = new Map<string, Cell>();
  const touched = new Set<Cell>();
  let timer: NodeJS.Timeout | undefined;

  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (touched.size === 0) return;
    const deltas = [...touched].map((cell) => cell.take());
    touched.clear();
    send(deltas);
  };
  const touch = (cell: Cell): void => {
    touched.add(cell);
    timer ??= setTimeout(flush, SEND_AFTER_MS).unref();
  };
  const family = (name: string, help: string, labelNames: readonly string[] = [], buckets?: readonly number[]): never => {
    const find = (labels: Readonly<Record<string, string>>): Cell => {
      const key = [name, ...labelNames.map((label) => labels[label])].join('\n');
      let cell = cells.get(key);
      if (!cell) cells.set(key, (cell = new Cell({ name, help, labelNames, labels: { ...labels }, buckets, touch })));
      return cell;
    };
    if (labelNames.length === 0) return find({}) as never; // the overloads of MetricsRegistry: no labels, no family
    const found: Family<string, Cell> = { with: find, remove: () => undefined };
    return found as never;
  };
  return {
    counter: (name: string, help: string, labels?: readonly string[]) => family(name, help, labels),
    histogram: (name: string, help: string, labels?: readonly string[], { buckets }: HistogramOptions = {}) => family(name, help, labels, buckets ?? []),
    gauge: (name: string) => refuse(name),
    onCollect: () => refuse('onCollect'),
    flush,
  };
}

/** Adds what threads have counted to the metrics of the process. */
export function addDeltas(metrics: MetricsRegistry, deltas: readonly MetricDelta[]): void {
  for (const { name, help, labelNames, labels, added, observed, buckets } of deltas) {
    if (!observed) {
      const counter = labelNames.length === 0 ? metrics.counter(name, help) : metrics.counter(name, help, labelNames).with(labels);
      counter.inc(added);
      continue;
    }
    const options = buckets && buckets.length > 0 ? { buckets } : {};
    const histogram = labelNames.length === 0 ? metrics.histogram(name, help, [], options) : metrics.histogram(name, help, labelNames, options).with(labels);
    for (const value of observed) histogram.observe(value);
  }
}

interface CellOptions {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** Undefined for a counter. */
  readonly buckets: readonly number[] | undefined;
  readonly touch: (cell: Cell) => void;
}

class Cell implements Counter, Histogram {
  readonly #options: CellOptions;
  #added = 0;
  #observed: number[] = [];

  constructor(options: CellOptions) {
    this.#options = options;
  }

  inc(n = 1): void {
    this.#added += n;
    this.#options.touch(this);
  }

  observe(value: number): void {
    this.#observed.push(value);
    this.#options.touch(this);
  }

  take(): MetricDelta {
    const { name, help, labelNames, labels, buckets } = this.#options;
    const delta = { name, help, labelNames, labels, buckets, added: this.#added, observed: buckets && this.#observed };
    this.#added = 0;
    this.#observed = [];
    return delta;
  }
}

function refuse(what: string): never {
  throw new AppError('internal', `metrics of a thread: ${what}: only counters and histograms reach the process`);
}
