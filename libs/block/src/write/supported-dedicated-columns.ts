import type { DedicatedColumn } from '../meta.ts';
import { DEDICATED_PER_SCOPE, STATIC_RESOURCE_KEYS, STATIC_SPAN_KEYS, STATUS_CODE_KEY } from '../schema.ts';

const STATIC: Readonly<Record<'resource' | 'span', readonly string[]>> = { resource: STATIC_RESOURCE_KEYS, span: [...STATIC_SPAN_KEYS, STATUS_CODE_KEY] };

/**
 * What of a configured list vParquet4 can hold, as Tempo 2.10 drops the rest too: strings of resource and span, without those that
 * have a static column, at most ten a scope, in the order given, each once.
 */
export function supportedDedicatedColumns(configured: readonly DedicatedColumn[]): DedicatedColumn[] {
  const kept: DedicatedColumn[] = [];
  for (const { scope, name, type } of configured) {
    if (scope === 'event' || type !== 'string' || STATIC[scope].includes(name)) continue;
    const same = kept.filter((column) => column.scope === scope);
    if (same.length < DEDICATED_PER_SCOPE && !same.some((column) => column.name === name)) kept.push({ scope, name, type });
  }
  return kept;
}
