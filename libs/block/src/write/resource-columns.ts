import type { ColumnWriter } from './column-writer.ts';
import { writeAttrs } from './attr-columns.ts';
import { allAttrs, placeAttrs } from './attr-placement.ts';
import type { RowGroupShape } from './row-group-shape.ts';
import { DEDICATED_PER_SCOPE, STATIC_RESOURCE_KEYS } from '../schema.ts';

/** Leaves 10–36: resources. `dedicated` names the attribute of each dedicated column. */
export function writeResourceColumns(out: ColumnWriter, { table, resources, resourceLevels }: RowGroupShape, dedicated: readonly string[]): void {
  const n = resources.length;
  const keys = [...STATIC_RESOURCE_KEYS, ...dedicated];
  const { columns, generic } = placeAttrs(table.strings, table.resourceAttrs, table.elements, table.resourceAttrEnd, resources, { keys, intKey: undefined });
  writeAttrs(out, resourceLevels, generic);
  out.int32(resourceLevels, gatherInt32(table.resourceDropped, resources));
  const services = columns[0];
  for (let i = 0; i < n; i++) services[i] = services[i] === 0 ? 0 : services[i] - 1;
  out.text(resourceLevels, services, n);
  const none = new Uint32Array(0);
  for (let c = 1; c < STATIC_RESOURCE_KEYS.length + DEDICATED_PER_SCOPE; c++) out.optionalText(resourceLevels, columns[c] ?? none, columns[c] ? n : 0);
}

/** Leaves 37–46: instrumentation scopes. */
export function writeScopeColumns(out: ColumnWriter, { table, scopes, scopeLevels }: RowGroupShape): void {
  const n = scopes.length;
  out.text(scopeLevels, gatherU32(table.scopeName, scopes), n);
  out.text(scopeLevels, gatherU32(table.scopeVersion, scopes), n);
  writeAttrs(out, scopeLevels, allAttrs(table.scopeAttrs, table.elements, table.scopeAttrEnd, scopes));
  out.int32(scopeLevels, gatherInt32(table.scopeDropped, scopes));
}

export function gatherU32(column: Uint32Array, rows: Uint32Array): Uint32Array {
  const out = new Uint32Array(rows.length);
  for (let i = 0; i < rows.length; i++) out[i] = column[rows[i]];
  return out;
}

export function gatherInt32(column: Int32Array, rows: Uint32Array): Int32Array {
  const out = new Int32Array(rows.length);
  for (let i = 0; i < rows.length; i++) out[i] = column[rows[i]];
  return out;
}

/** 64-bit values as halves. */
export function gatherHalves(column: Uint32Array, rows: Uint32Array): Uint32Array {
  const out = new Uint32Array(rows.length * 2);
  for (let i = 0; i < rows.length; i++) {
    out[i * 2] = column[rows[i] * 2];
    out[i * 2 + 1] = column[rows[i] * 2 + 1];
  }
  return out;
}
