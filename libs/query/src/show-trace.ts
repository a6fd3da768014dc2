import { AppError, hex } from '@vivace/base';
import { equalBytes } from '@vivace/bytes';
import type { Batch } from './batch.ts';
import { cellToJson, NIL_JSON } from './cell-json.ts';
import { Cell, CELL_BOOL, CELL_FLOAT, CELL_INT, CELL_KIND, CELL_STATUS, CELL_TEXT, compareCells, isNumeric } from './cell.ts';
import type { Condition } from './condition.ts';
import type { AnyValueJson, KeyValueJson, SpanJson } from './model.ts';
import type { SearchPlan } from './plan-search.ts';
import { fieldProgram } from './field-program.ts';
import type { Program } from './field-program.ts';
import { rowMap } from './row-map.ts';
import { MAX_IDENTIFIED_SPANS } from './search-partial.ts';
import type { SpansetPiece, TracePiece } from './search-partial.ts';
import type { ShownField } from './shown-fields.ts';
import type { Spanset } from './spanset.ts';
import { standingRows } from './standing-rows.ts';
import type { AskedOf } from './standing-rows.ts';

type ShowTrace = (trace: number, spansets: readonly Spanset[]) => TracePiece;

/** Makes the answer's form of traces of one batch. `plan.resultNeeds` must be loaded. */
export function traceShower(plan: SearchPlan, batch: Batch, spansPerSpanSet: number): ShowTrace {
  const { columns } = batch;
  const showSpan = plan.legacy ? undefined : spanShower(plan, batch);
  const rootService = columns.rootService();
  const rootName = columns.rootName();
  return (trace, spansets) => {
    const traceId = hex(columns.traceIds(), trace * 16, trace * 16 + 16);
    if (plan.maxGroups > 0 && spansets.length > plan.maxGroups) throw tooManyGroups(traceId, spansets.length, plan.maxGroups);
    return {
      traceId,
      startNs: readU64(columns.traceStart(), trace),
      durationNs: columns.traceDuration()[trace],
      rootServiceName: rootService.dict.get(rootService.ids[trace]),
      rootTraceName: rootName.dict.get(rootName.ids[trace]),
      serviceStats: plan.legacy ? [] : columns.serviceStats(trace),
      spanSets: showSpan ? spansets.map((spanset) => showSpanset(spanset, columns.spanIds(), showSpan, spansPerSpanSet)) : [],
    };
  };
}

function tooManyGroups(traceId: string, count: number, limit: number): AppError {
  return new AppError('invalid_argument', `by(): trace ${traceId} has ${count} groups, the limit is ${limit} (querier.search.max_groups)`);
}

/** A span delivered twice (within one batch, e.g. after a replay) is one span. */
function showSpanset(spanset: Spanset, ids: Uint8Array, showSpan: (row: number) => SpanJson, limit: number): SpansetPiece {
  const rows = distinctSpans(spanset.rows, ids);
  const identified = Math.min(rows.length, MAX_IDENTIFIED_SPANS);
  const spanIds = new Uint8Array(identified * 8);
  for (let i = 0; i < identified; i++) for (let b = 0; b < 8; b++) spanIds[8 * i + b] = ids[8 * rows[i] + b];
  return { group: spanset.group, attributes: spanset.attributes, spans: rows.slice(0, limit).map(showSpan), matched: rows.length, spanIds };
}

function distinctSpans(rows: readonly number[], ids: Uint8Array): readonly number[] {
  if (rows.length < 2) return rows;
  const byHash = new Map<number, number[]>();
  return rows.filter((row) => {
    let hash = 0;
    for (let i = 8 * row; i < 8 * row + 8; i++) hash = (Math.imul(hash, 31) + ids[i]) | 0;
    const same = byHash.get(hash);
    if (!same) {
      byHash.set(hash, [row]);
      return true;
    }
    if (same.some((other) => equalBytes(ids, 8 * other, ids, 8 * row, 8))) return false;
    same.push(row);
    return true;
  });
}

function spanShower(plan: SearchPlan, batch: Batch): (row: number) => SpanJson {
  const { columns } = batch;
  const shown = plan.shown.map((field) => attributeShower(field, batch, plan.filters));
  const showName = plan.shownName && attributeShower(plan.shownName, batch, plan.filters);
  return (row) => {
    const duration = columns.spanDuration()[row];
    const attributes: KeyValueJson[] = [];
    for (const show of shown) {
      const attribute = show(row);
      if (attribute) attributes.push(attribute);
    }
    const name = showName?.(row)?.value;
    return {
      spanID: hex(columns.spanIds(), row * 8, row * 8 + 8),
      ...(name && 'stringValue' in name && name.stringValue !== '' ? { name: name.stringValue } : {}),
      startTimeUnixNano: readU64(columns.spanStart(), row).toString(),
      ...(duration === 0 ? {} : { durationNanos: duration.toString() }),
      ...(attributes.length === 0 ? {} : { attributes }),
    };
  };
}

/** Of several events or links the last one with a value to show is shown, of those that stand for the span before others. */
function attributeShower({ field, conditions, showsNil }: ShownField, batch: Batch, filters: AskedOf): (row: number) => KeyValueJson | undefined {
  const fine = field.level === 'event' || field.level === 'link' ? field.level : undefined;
  const program = fieldProgram(field, batch, fine ?? 'span');
  const owners = rowMap('span', fine ?? 'span', batch);
  const stands = fine && standingRows(filters, fine, batch);
  return (row) => {
    owners.at(row);
    let isNil = true;
    let other: AnyValueJson | undefined;
    for (let owner = owners.to - 1; owner >= owners.from; owner--) {
      const n = program.count(owner);
      if (n <= 0) continue;
      isNil = false;
      const value = visibleValue(program, n, conditions);
      if (value && stands?.[owner] !== 0) return { key: field.key, value };
      other ??= value;
    }
    if (other) return { key: field.key, value: other };
    return isNil && showsNil ? { key: field.key, value: NIL_JSON } : undefined;
  };
}

const cell = new Cell();

function visibleValue(program: Program, n: number, conditions: readonly Condition[] | undefined): AnyValueJson | undefined {
  const values: AnyValueJson[] = [];
  for (let i = 0; i < n; i++) {
    program.read(i, cell);
    if (!conditions || conditions.some((condition) => satisfies(cell, condition))) values.push(cellToJson(cell));
  }
  return values.length > 1 ? { arrayValue: { values } } : values[0];
}

const literal = new Cell();

/** The same verdict as the kernels give, for one value. */
function satisfies(value: Cell, condition: Condition): boolean {
  switch (condition.kind) {
    case 'text':
      return value.type === CELL_TEXT && condition.matches(value.text);
    case 'number':
      if (!isNumeric(value)) return false;
      if (condition.exact) literal.setBig(CELL_INT, condition.exact.big);
      else literal.setNumber(CELL_FLOAT, condition.value);
      return (compareCells(value, literal) & condition.accept) !== 0;
    case 'bool':
    case 'status':
    case 'kind':
      literal.setNumber(CODE_TYPE[condition.kind], condition.code);
      return (compareCells(value, literal) & condition.accept) !== 0;
    case 'never':
      return false;
  }
}

const CODE_TYPE = { bool: CELL_BOOL, status: CELL_STATUS, kind: CELL_KIND } as const;

function readU64(halves: Uint32Array, row: number): bigint {
  return (BigInt(halves[2 * row + 1]) << 32n) | BigInt(halves[2 * row]);
}
