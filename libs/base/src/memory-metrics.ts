import type { Family, MetricsRegistry } from './metrics.ts';
import { assert } from './assert.ts';

/** Metrics kept in memory, for tests and for processes nobody scrapes. */
export interface MemoryMetrics extends MetricsRegistry {
  /** The value of a counter or gauge, or the number of observations of a histogram; 0 when the child was never touched. */
  value(name: string, labels?: Readonly<Record<string, string>>): number;
  /** The sum of the observations of a histogram. */
  sum(name: string, labels?: Readonly<Record<string, string>>): number;
  /** Runs the `onCollect` callbacks, as a scrape would. */
  collect(): void;
}

interface Cell {
  value: number;
  sum: number;
  inc(n?: number): void;
  set(value: number): void;
  add(n: number): void;
  observe(value: number): void;
}

export function createMemoryMetrics(): MemoryMetrics {
  const kinds = new Map<string, string>();
  const cells = new Map<string, Cell>();
  const updates: (() => void)[] = [];

  function register(kind: string, name: string, labels: readonly string[] = []): never {
    const signature = `${kind}(${labels.join(',')})`;
    assert((kinds.get(name) ?? signature) === signature, `metric ${name}: registered as ${kinds.get(name)} and as ${signature}`);
    kinds.set(name, signature);
    if (labels.length === 0) return cell(name, {}) as never; // the overloads of MetricsRegistry: no labels, no family
    const family: Family<string, Cell> = { with: (values) => cell(name, values), remove: (values) => void cells.delete(key(name, values)) };
    return family as never;
  }

  function cell(name: string, labels: Readonly<Record<string, string>>): Cell {
    const id = key(name, labels);
    let found = cells.get(id);
    if (!found) cells.set(id, (found = createCell()));
    return found;
  }

  return {
    counter: (name: string, _help: string, labels?: readonly string[]) => register('counter', name, labels),
    gauge: (name: string, _help: string, labels?: readonly string[]) => register('gauge', name, labels),
    histogram: (name: string, _help: string, labels?: readonly string[]) => register('histogram', name, labels),
    onCollect: (update) => void updates.push(update),
    value: (name, labels = {}) => cells.get(key(name, labels))?.value ?? 0,
    sum: (name, labels = {}) => cells.get(key(name, labels))?.sum ?? 0,
    collect: () => {
      for (const update of updates) update();
    },
  };
}

function createCell(): Cell {
  return {
    value: 0,
    sum: 0,
    inc(n = 1) {
      assert(n >= 0, `counter: increment ${n} is negative`);
      this.value += n;
    },
    set(value) {
      this.value = value;
    },
    add(n) {
      this.value += n;
    },
    observe(value) {
      this.value++;
      this.sum += value;
    },
  };
}

function key(name: string, labels: Readonly<Record<string, string>>): string {
  return JSON.stringify([name, ...Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))]);
}
