import type { FieldExpr } from '@vivace/traceql';
import type { Batch } from './batch.ts';
import { Choices } from './choices.ts';
import { ABSENT, fieldProgram } from './field-program.ts';
import type { Program } from './field-program.ts';
import type { Field } from './field.ts';
import { fineLevels } from './predicate.ts';
import type { FineLevel } from './predicate.ts';
import { compileProgram } from './program.ts';
import type { Binding } from './row-map.ts';
import { standingRows } from './standing-rows.ts';
import type { AskedOf } from './standing-rows.ts';

/** The value of `expr` outside filters: that of the first event and link which give one, of those that stand for the span before others. */
export function compileValue(expr: FieldExpr, batch: Batch, filters: AskedOf): Program {
  return firstValue(fineLevels(expr), batch, filters, (binding) => compileProgram(expr, batch, 'span', binding));
}

/** The same of a field. */
export function compileFieldValue(field: Field, batch: Batch, filters: AskedOf): Program {
  const levels = new Set(field.level === 'event' || field.level === 'link' ? [field.level] : []);
  return firstValue(levels, batch, filters, (binding) => fieldProgram(field, batch, 'span', binding));
}

function firstValue(levels: ReadonlySet<FineLevel>, batch: Batch, filters: AskedOf, compile: (binding?: Binding) => Program): Program {
  if (levels.size === 0) return compile();
  const choices = new Choices(levels, batch);
  const program = compile(choices.binding);
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
