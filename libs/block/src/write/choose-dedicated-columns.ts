import { ATTR_STRING } from '@vivace/trace';
import type { AttrList, SpanTable, TraceOrder } from '@vivace/trace';
import { dedicatedNames } from '../meta.ts';
import type { DedicatedColumn } from '../meta.ts';
import { DEDICATED_PER_SCOPE, STATIC_RESOURCE_KEYS, STATIC_SPAN_KEYS, STATUS_CODE_KEY } from '../schema.ts';
import { shapeOf } from './row-group-shape.ts';

/**
 * Owners per occurrence below which a column pays. An entry of the generic list costs about 6 bytes (levels of seven leaves, key and value index), a
 * column costs 3 bits for every owner, with or without a value.
 */
const MIN_SHARE = 1 / 16;

/**
 * `configured` columns first, then the string attributes that occur most fill the free ones of each scope, by name. Keys that have a static column are
 * never taken. The same data always gives the same list. Blocks are only compacted together when their lists are equal, so a caller should
 * choose seldom: pass the list of the block before as `configured` to keep it.
 */
export function chooseDedicatedColumns(table: SpanTable, order: TraceOrder, configured: readonly DedicatedColumn[]): DedicatedColumn[] {
  const { resources } = shapeOf(table, order);
  const resourceKeys = frequentKeys(table, table.resourceAttrs, table.resourceAttrEnd, resources, [
    ...STATIC_RESOURCE_KEYS,
    ...dedicatedNames(configured, 'resource'),
  ]);
  const spanKeys = frequentKeys(table, table.spanAttrs, table.spanAttrEnd, order.spans, [
    ...STATIC_SPAN_KEYS,
    STATUS_CODE_KEY,
    ...dedicatedNames(configured, 'span'),
  ]);
  return [
    ...configured,
    ...fill('resource', resourceKeys, DEDICATED_PER_SCOPE - dedicatedNames(configured, 'resource').length),
    ...fill('span', spanKeys, DEDICATED_PER_SCOPE - dedicatedNames(configured, 'span').length),
  ];
}

function fill(scope: 'resource' | 'span', keys: readonly string[], free: number): DedicatedColumn[] {
  return keys
    .slice(0, free)
    .sort()
    .map((name) => ({ scope, name, type: 'string' }));
}

/** Keys of string attributes, the most frequent first. */
function frequentKeys(table: SpanTable, list: AttrList, ends: Uint32Array, owners: Uint32Array, taken: readonly string[]): string[] {
  const counts = new Uint32Array(table.strings.size);
  const { key, type } = list;
  for (let i = 0; i < owners.length; i++) {
    const owner = owners[i];
    for (let a = owner === 0 ? 0 : ends[owner - 1]; a < ends[owner]; a++) if (type[a] === ATTR_STRING) counts[key[a]]++;
  }
  const keys: { name: string; count: number }[] = [];
  const least = Math.max(1, owners.length * MIN_SHARE);
  for (let id = 0; id < counts.length; id++) if (counts[id] >= least) keys.push({ name: table.strings.get(id), count: counts[id] });
  return keys
    .filter(({ name }) => !taken.includes(name))
    .sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1))
    .map(({ name }) => name);
}
