import { hex } from '@vivace/base';
import type { AttrScope } from '@vivace/trace';
import type { IntrinsicName } from '@vivace/traceql';
import { ROWS_UNASKED } from './batch.ts';
import type { Batch } from './batch.ts';
import { compileSome } from './choices.ts';
import type { Condition, NumberCondition, TextCondition } from './condition.ts';
import type { Field, Level } from './field.ts';
import { idColumn, stringColumn } from './intrinsic-columns.ts';
import * as kernels from './kernels.ts';
import { andInto, gatherAny, invert, isSet, orInto, spread, spreadTraces } from './mask.ts';
import type { Mask } from './mask.ts';
import { fineLevels } from './predicate.ts';
import type { OwnField, Predicate } from './predicate.ts';
import { compileProgram, isTrue } from './program.ts';

/** Evaluates a predicate over all spans of a batch. The caller gives the mask back to `batch.masks`. */
export function evaluatePredicate(predicate: Predicate, batch: Batch): Mask {
  return lift(predicate, 'span', batch);
}

/** As `evaluatePredicate`, over the rows of the predicate's own level. */
export function evaluateAtOwnLevel(predicate: Predicate, batch: Batch): Mask {
  return evaluate(predicate, batch);
}

/** The mask of `predicate` at `level`, which is its own level or a finer one. */
function lift(predicate: Predicate, level: Level, batch: Batch): Mask {
  if (predicate.level === level) return evaluate(predicate, batch);
  const isFine = level === 'event' || level === 'link';
  const mask = isFine ? lift(predicate, 'span', batch) : evaluate(predicate, batch);
  const { columns } = batch;
  const rows = batch.rows(level);
  const out = batch.masks.take(rows);
  if (isFine) spread(mask.bytes, level === 'event' ? columns.eventSpan() : columns.linkSpan(), rows, out.bytes);
  else if (predicate.level === 'trace') spreadTraces(mask.bytes, columns.traceSpans(), columns.traceCount, out.bytes);
  else spread(mask.bytes, predicate.level === 'resource' ? columns.spanResource() : columns.spanScope(), rows, out.bytes);
  batch.masks.give(mask);
  return out;
}

function evaluate(predicate: Predicate, batch: Batch): Mask {
  batch.checkpoint();
  const rows = batch.rows(predicate.level);
  switch (predicate.kind) {
    case 'const': {
      const mask = batch.masks.take(rows);
      if (predicate.value) mask.bytes.fill(1, 0, rows);
      return mask;
    }
    case 'and': {
      const mask = lift(predicate.parts[0], predicate.level, batch);
      for (let i = 1; i < predicate.parts.length && isSet(mask, rows); i++) {
        const part: Predicate = predicate.parts[i];
        if (part.level === predicate.level && (part.kind === 'compute' || part.kind === 'some')) {
          keepRows(rowTest(part, batch), rows, mask.bytes, batch);
          continue;
        }
        const other = lift(part, predicate.level, batch);
        andInto(mask, other, rows);
        batch.masks.give(other);
      }
      return mask;
    }
    case 'or': {
      const mask = lift(predicate.parts[0], predicate.level, batch);
      for (let i = 1; i < predicate.parts.length; i++) {
        const other = lift(predicate.parts[i], predicate.level, batch);
        orInto(mask, other, rows);
        batch.masks.give(other);
      }
      return mask;
    }
    case 'not': {
      const mask = evaluate(predicate.part, batch);
      invert(mask, rows);
      return mask;
    }
    case 'any': {
      const fine = evaluate(predicate.part, batch);
      const mask = batch.masks.take(rows);
      const { columns } = batch;
      if (predicate.part.level === 'event') gatherAny(fine.bytes, columns.eventSpan(), columns.eventCount(), mask.bytes);
      else gatherAny(fine.bytes, columns.linkSpan(), columns.linkCount(), mask.bytes);
      batch.masks.give(fine);
      return mask;
    }
    case 'test': {
      const mask = batch.masks.take(rows);
      if (predicate.condition.kind !== 'never') testField(predicate.field, predicate.condition, batch, mask.bytes);
      return mask;
    }
    case 'exists': {
      const mask = batch.masks.take(rows);
      markExisting(predicate.field, batch, mask.bytes);
      return mask;
    }
    case 'compute':
    case 'some': {
      const mask = batch.masks.take(rows);
      mask.bytes.fill(1, 0, rows);
      keepRows(rowTest(predicate, batch), rows, mask.bytes, batch);
      return mask;
    }
  }
}

function rowTest(predicate: Predicate & { kind: 'compute' | 'some' }, batch: Batch): (row: number) => boolean {
  if (predicate.kind === 'some') return compileSome(predicate.expr, fineLevels(predicate.expr), batch);
  const program = compileProgram(predicate.expr, batch, predicate.level);
  return (row) => isTrue(program, row);
}

/** Asks about the rows still set only: expressions come last in a conjunction. */
function keepRows(test: (row: number) => boolean, rows: number, mask: Uint8Array, batch: Batch): void {
  for (let row = 0; row < rows; row++) {
    if ((row & (ROWS_UNASKED - 1)) === 0) batch.checkpoint();
    if (mask[row] !== 0 && !test(row)) mask[row] = 0;
  }
}

function testField(field: OwnField, wanted: Condition, batch: Batch, out: Uint8Array): void {
  const condition = wanted.kind === 'text' && wanted.equals === undefined ? interruptible(wanted, batch) : wanted;
  if (field.kind === 'intrinsic') testIntrinsic(field.name, field.level, condition, batch, out);
  else if (field.kind === 'attr') testAttr(field, condition, batch, out);
  else testUnscoped(field, condition, batch, out);
}

/** Patterns are asked of every string of a dictionary, which may have millions; one may take a millisecond and more. */
function interruptible(condition: TextCondition, batch: Batch): TextCondition {
  let asked = 0;
  return {
    ...condition,
    matches(text) {
      if ((++asked & 15) === 0) batch.checkpoint();
      return condition.matches(text);
    },
  };
}

function testAttr(field: Field & { kind: 'attr' }, condition: Condition, batch: Batch, out: Uint8Array): void {
  const columns = batch.columns.attr(field.scope, field.key);
  if (field.emptyWhenMissing && condition.kind === 'text' && condition.matches('')) {
    out.fill(1, 0, batch.rows(field.level));
    for (const column of columns) kernels.clearRows(column, out);
  }
  for (const column of columns) {
    switch (condition.kind) {
      case 'text':
        kernels.testAttrStrings(column, condition, out);
        break;
      case 'number':
        kernels.testAttrNumbers(column, condition, out);
        break;
      case 'bool':
        kernels.testAttrBools(column, condition.accept, condition.code, out);
        break;
      case 'status':
      case 'kind':
      case 'never':
    }
  }
}

/** The span's own value decides wherever the key exists on the span, whatever its type. */
function testUnscoped(field: Field & { kind: 'unscoped' }, condition: Condition, batch: Batch, out: Uint8Array): void {
  const { columns } = batch;
  const resources = batch.masks.take(columns.resourceCount());
  const { key, emptyWhenMissing } = field;
  testAttr({ kind: 'attr', level: 'resource', scope: 'resource', key, emptyWhenMissing }, condition, batch, resources.bytes);
  spread(resources.bytes, columns.spanResource(), columns.spanCount, out);
  batch.masks.give(resources);
  for (const column of columns.attr('span', key)) kernels.clearRows(column, out);
  testAttr({ kind: 'attr', level: 'span', scope: 'span', key, emptyWhenMissing: false }, condition, batch, out);
}

function markExisting(field: OwnField, batch: Batch, out: Uint8Array): void {
  const { columns } = batch;
  if (field.kind === 'intrinsic') {
    out.fill(1, 0, batch.rows(field.level));
    return;
  }
  if (field.kind === 'attr') return markAttr(field.scope, field.key, field.emptyWhenMissing, batch, out);
  const resources = batch.masks.take(columns.resourceCount());
  markAttr('resource', field.key, field.emptyWhenMissing, batch, resources.bytes);
  spread(resources.bytes, columns.spanResource(), columns.spanCount, out);
  batch.masks.give(resources);
  for (const column of columns.attr('span', field.key)) kernels.clearRows(column, out);
  markAttr('span', field.key, false, batch, out);
}

function markAttr(scope: AttrScope, key: string, emptyWhenMissing: boolean, batch: Batch, out: Uint8Array): void {
  const columns = batch.columns.attr(scope, key);
  if (emptyWhenMissing) {
    out.fill(1, 0, batch.rows(scope));
    for (const column of columns) kernels.clearRows(column, out);
  }
  for (const column of columns) kernels.markValues(column, out);
}

function testIntrinsic(name: IntrinsicName, level: Level, condition: Condition, batch: Batch, out: Uint8Array): void {
  const { columns } = batch;
  const rows = batch.rows(level);
  switch (name) {
    case 'status':
      if (condition.kind === 'status') kernels.testCodes(columns.status(), rows, condition.accept, condition.code, out);
      return;
    case 'kind':
      if (condition.kind === 'kind') kernels.testCodes(columns.kind(), rows, condition.accept, condition.code, out);
      return;
    default:
      if (condition.kind === 'text') testText(name, rows, condition, batch, out);
      else if (condition.kind === 'number') testNumber(name, rows, condition, batch, out);
  }
}

function testNumber(name: IntrinsicName, rows: number, condition: NumberCondition, batch: Batch, out: Uint8Array): void {
  const { columns } = batch;
  switch (name) {
    case 'duration':
      return kernels.testDoubles(columns.spanDuration(), rows, condition, out);
    case 'traceDuration':
      return kernels.testDoubles(columns.traceDuration(), rows, condition, out);
    case 'nestedSetLeft':
      return kernels.testInts(columns.nestedSets().left, rows, condition, out);
    case 'nestedSetRight':
      return kernels.testInts(columns.nestedSets().right, rows, condition, out);
    case 'nestedSetParent':
      return kernels.testInts(columns.nestedSets().parent, rows, condition, out);
    case 'span:childCount':
      return kernels.testInts(batch.childCounts(), rows, condition, out);
    case 'event:timeSinceStart':
      return kernels.testHalves(columns.eventOffset(), rows, condition, out);
    default:
  }
}

function testText(name: IntrinsicName, rows: number, condition: TextCondition, batch: Batch, out: Uint8Array): void {
  const strings = stringColumn(name, batch);
  if (strings) return kernels.testStrings(strings, rows, condition, out);
  const ids = idColumn(name, batch);
  if (!ids) return;
  if (condition.equals !== undefined) {
    const wanted = parseId(condition.equals, ids.width);
    if (wanted) kernels.testIds(ids.bytes, ids.width, rows, wanted, out);
    return;
  }
  for (let row = 0; row < rows; row++) if (condition.matches(hex(ids.bytes, row * ids.width, (row + 1) * ids.width))) out[row] = 1;
}

/** Lower-case hex of exactly `width` bytes; undefined when no id reads like that. */
function parseId(text: string, width: number): Uint8Array | undefined {
  if (text.length !== width * 2 || !/^[0-9a-f]*$/.test(text)) return undefined;
  const out = new Uint8Array(width);
  for (let i = 0; i < width; i++) out[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return out;
}
