import type { Family } from '@vivace/base';
import type { Cell, Sample } from './metric-cells.ts';

/** Label value of the child that takes everything past the bound. */
const OVERFLOW = '__overflow__';

export interface FamilyOptions<M> {
  readonly name: string;
  readonly labels: readonly string[];
  readonly maxChildren: number;
  readonly create: () => M;
  /** Called once, when the bound is met for the first time. */
  readonly onOverflow: () => void;
}

interface Child<M> {
  readonly labels: Readonly<Record<string, string>>;
  readonly cell: M;
}

/** Children by their label values: one map a label, so that finding one neither joins texts nor allocates. */
type Level<M> = Map<string, Level<M> | Child<M>>;

export class MetricFamily<M extends Cell> implements Family<string, M> {
  readonly #options: FamilyOptions<M>;
  readonly #root: Level<M> = new Map();
  readonly #children = new Set<Child<M>>();
  #overflow: Child<M> | undefined;

  constructor(options: FamilyOptions<M>) {
    this.#options = options;
  }

  with(labels: Readonly<Record<string, string>>): M {
    return (this.#find(labels) ?? this.#create(labels)).cell;
  }

  remove(labels: Readonly<Record<string, string>>): void {
    const child = this.#find(labels);
    if (!child) return;
    this.#children.delete(child);
    this.#level(labels).delete(labels[this.#options.labels.at(-1)!]);
  }

  samples(): Sample[] {
    const out: Sample[] = [];
    for (const { cell, labels } of this.#children) cell.sample(this.#options.name, labels, out);
    if (this.#overflow) this.#overflow.cell.sample(this.#options.name, this.#overflow.labels, out);
    return out;
  }

  #find(labels: Readonly<Record<string, string>>): Child<M> | undefined {
    const names = this.#options.labels;
    let node: Level<M> | Child<M> | undefined = this.#root;
    for (let i = 0; i < names.length && node; i++) node = (node as Level<M>).get(labels[names[i]]); // only the last level holds children
    return node as Child<M> | undefined;
  }

  #create(labels: Readonly<Record<string, string>>): Child<M> {
    const { labels: names, maxChildren, create, onOverflow } = this.#options;
    if (this.#children.size >= maxChildren) {
      if (this.#overflow) return this.#overflow;
      this.#overflow = { labels: Object.fromEntries(names.map((name) => [name, OVERFLOW])), cell: create() };
      onOverflow();
      return this.#overflow;
    }
    const child = { labels: Object.fromEntries(names.map((name) => [name, labels[name]])), cell: create() };
    this.#level(labels).set(labels[names.at(-1)!], child);
    this.#children.add(child);
    return child;
  }

  /** The map that holds the children with these values of all labels but the last. */
  #level(labels: Readonly<Record<string, string>>): Level<M> {
    const names = this.#options.labels;
    let level = this.#root;
    for (let i = 0; i < names.length - 1; i++) {
      const value = labels[names[i]];
      let next = level.get(value) as Level<M> | undefined; // not the last level
      if (!next) level.set(value, (next = new Map()));
      level = next;
    }
    return level;
  }
}
