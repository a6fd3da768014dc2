import type { FieldExpr } from '@vivace/traceql';
import type { Batch } from './batch.ts';
import { Choices } from './choices.ts';
import { ABSENT } from './field-program.ts';
import type { Program } from './field-program.ts';
import { fineLevels } from './predicate.ts';
import { compileProgram } from './program.ts';
import { standingRows } from './standing-rows.ts';
import type { AskedOf } from './standing-rows.ts';

/** The value of `expr` outside filters: that of the first event and link which give one, of those that stand for the span before others. */
export function compileValue(expr: FieldExpr, batch: Batch, filters: AskedOf): Program {
  const levels = fineLevels(expr);
  if (levels.size === 0) return compileProgram(expr, batch, 'span');
  const choices = new Choices(levels, batch);
  const program = compileProgram(expr, batch, 'span', choices.binding);
  const events = levels.has('event') ? standingRows(filters, 'event', batch) : undefined;
  const links = levels.has('link') ? standingRows(filters, 'link', batch) : undefined;
  return {
    count(row) {
      let n = ABSENT;
      const found = () => (n = program.count(row)) > 0;
      if (!((events || links) && choices.some(row, found, events, links))) choices.some(row, found);
      return n;
    },
    read: (index, cell) => program.read(index, cell),
  };
}
