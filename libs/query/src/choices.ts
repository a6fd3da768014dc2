import type { FieldExpr } from '@vivace/traceql';
import type { Batch } from './batch.ts';
import type { FineLevel } from './predicate.ts';
import { compileProgram, isTrue } from './program.ts';
import { rowMap } from './row-map.ts';
import type { Binding, RowMap } from './row-map.ts';

/** 1 for rows that may be chosen; undefined: all. */
type Allowed = Uint8Array | undefined;

/** Tries every choice of one event and one link of a span (none, where it has none) until `found`. */
export class Choices {
  readonly binding: Binding = { event: -1, link: -1 };
  readonly #events: RowMap;
  readonly #links: RowMap;

  constructor(levels: ReadonlySet<FineLevel>, batch: Batch) {
    const none: RowMap = { from: 0, to: 0, at() {} };
    this.#events = levels.has('event') ? rowMap('span', 'event', batch) : none;
    this.#links = levels.has('link') ? rowMap('span', 'link', batch) : none;
  }

  some(row: number, found: () => boolean, events?: Allowed, links?: Allowed): boolean {
    const { binding } = this;
    const eventRows = this.#events;
    const linkRows = this.#links;
    eventRows.at(row);
    linkRows.at(row);
    const hasEvents = eventRows.to > eventRows.from;
    const hasLinks = linkRows.to > linkRows.from;
    for (let e = 0; e < (hasEvents ? eventRows.to - eventRows.from : 1); e++) {
      binding.event = hasEvents ? eventRows.from + e : -1;
      if (hasEvents && events?.[binding.event] === 0) continue;
      for (let l = 0; l < (hasLinks ? linkRows.to - linkRows.from : 1); l++) {
        binding.link = hasLinks ? linkRows.from + l : -1;
        if (hasLinks && links?.[binding.link] === 0) continue;
        if (found()) return true;
      }
    }
    return false;
  }
}

/** Whether `expr` is true for some choice of one event and one link of the span. */
export function compileSome(expr: FieldExpr, levels: ReadonlySet<FineLevel>, batch: Batch): (row: number) => boolean {
  const choices = new Choices(levels, batch);
  const program = compileProgram(expr, batch, 'span', choices.binding);
  return (row) => choices.some(row, () => isTrue(program, row));
}
