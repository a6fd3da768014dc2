import type { ColumnWriter } from './column-writer.ts';
import { writeAttrs } from './attr-columns.ts';
import { allAttrs, placeAttrs } from './attr-placement.ts';
import type { RowGroupShape } from './row-group-shape.ts';
import { DEDICATED_PER_SCOPE, STATIC_RESOURCE_KEYS } from '../schema.ts';

/** Leaves 10–36: resources. `dedicated` names the attribute of each dedicated column. */
export function writeResourceColumns(out: ColumnWriter, { table, resources, resourceLevels }: RowGroupShape, dedicated: readonly string[]): void {
  const n = resources.length;
  const mark = out.scratch.mark();
  const keys = [...STATIC_RESOURCE_KEYS, ...dedicated];
  const { columns, generic } = placeAttrs(out.scratch, table.strings, table.resourceAttrs, table.elements, table.resourceAttrEnd, resources, {
    keys,
    intKey: undefined,
  });
  writeAttrs(out, resourceLevels, generic);
  out.int32At(resourceLevels, table.resourceDropped, resources);
  const services = columns[0];
  for (let i = 0; i < n; i++) services[i] = services[i] === 0 ? 0 : services[i] - 1;
  out.text(resourceLevels, services, n);
  const none = new Uint32Array(0);
  for (let c = 1; c < STATIC_RESOURCE_KEYS.length + DEDICATED_PER_SCOPE; c++) out.optionalText(resourceLevels, columns[c] ?? none, columns[c] ? n : 0);
  out.scratch.release(mark);
}

/** Leaves 37–46: instrumentation scopes. */
export function writeScopeColumns(out: ColumnWriter, { table, scopes, scopeLevels }: RowGroupShape): void {
  const mark = out.scratch.mark();
  out.textAt(scopeLevels, table.scopeName, scopes);
  out.textAt(scopeLevels, table.scopeVersion, scopes);
  writeAttrs(out, scopeLevels, allAttrs(out.scratch, table.scopeAttrs, table.elements, table.scopeAttrEnd, scopes));
  out.int32At(scopeLevels, table.scopeDropped, scopes);
  out.scratch.release(mark);
}
