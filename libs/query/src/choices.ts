import type { FieldExpr } from '@vivace/traceql';
import type { Batch } from './batch.ts';
import { ABSENT } from './field-program.ts';
import { compileProgram, isTrue } from './program.ts';
import type { Program } from './field-program.ts';
import { rowMap } from './row-map.ts';
import type { Binding, RowMap } from './row-map.ts';

/** Tries every choice of one event and one link of a span (none, where it has none) until `found`. */
class Choices {
  readonly binding: Binding = { event: -1, link: -1 };
  readonly #events: RowMap;
  readonly #links: RowMap;

  constructor(levels: ReadonlySet<'event' | 'link'>, batch: Batch) {
    const none: RowMap = { from: 0, to: 0, at() {} };
    this.#events = levels.has('event') ? rowMap('span', 'event', batch) : none;
    this.#links = levels.has('link') ? rowMap('span', 'link', batch) : none;
  }

  some(row: number, found: () => boolean): boolean {
    const { binding } = this;
    const events = this.#events;
    const links = this.#links;
    events.at(row);
    links.at(row);
    const hasEvents = events.to > events.from;
    const hasLinks = links.to > links.from;
    for (let e = 0; e < (hasEvents ? events.to - events.from : 1); e++) {
      binding.event = hasEvents ? events.from + e : -1;
      for (let l = 0; l < (hasLinks ? links.to - links.from : 1); l++) {
        binding.link = hasLinks ? links.from + l : -1;
        if (found()) return true;
      }
    }
    return false;
  }
}

/** Whether `expr` is true for some choice of one event and one link of the span. */
export function compileSome(expr: FieldExpr, levels: ReadonlySet<'event' | 'link'>, batch: Batch): (row: number) => boolean {
  const choices = new Choices(levels, batch);
  const program = compileProgram(expr, batch, 'span', choices.binding);
  return (row) => choices.some(row, () => isTrue(program, row));
}

/** The value of `expr` outside filters: that of the first event and link which give one. */
export function compileValue(expr: FieldExpr, levels: ReadonlySet<'event' | 'link'>, batch: Batch): Program {
  if (levels.size === 0) return compileProgram(expr, batch, 'span');
  const choices = new Choices(levels, batch);
  const program = compileProgram(expr, batch, 'span', choices.binding);
  return {
    count(row) {
      let n = ABSENT;
      choices.some(row, () => (n = program.count(row)) > 0);
      return n;
    },
    read: (index, cell) => program.read(index, cell),
  };
}
