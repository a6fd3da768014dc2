import type { AttrScope } from '@vivace/trace';
import type { BlockMeta } from '../meta.ts';
import { dedicatedNames } from '../meta.ts';
import { STATIC_RESOURCE_KEYS, STATIC_SPAN_KEYS, STATUS_CODE_KEY } from '../schema.ts';
import { COLUMN } from './columns.ts';

/** An attribute that has a column of its own in this block. */
export interface OwnColumn {
  readonly key: string;
  readonly column: number;
  /** `required`: a string column in which "" means absent. `int`: holds the attribute only when its value is an int. */
  readonly kind: 'string' | 'required' | 'int';
}

/** The attributes of a scope with a column of their own, in Tempo's order of reading: dedicated ones in the order of the meta, then static ones. */
export function ownColumns(meta: BlockMeta, scope: AttrScope): readonly OwnColumn[] {
  if (scope !== 'resource' && scope !== 'span') return [];
  const first = scope === 'resource' ? COLUMN.resourceDedicated : COLUMN.spanDedicated;
  const own: OwnColumn[] = dedicatedNames(meta.dedicatedColumns, scope).map((key, i) => ({ key, column: first + i, kind: 'string' }));
  if (scope === 'resource') STATIC_RESOURCE_KEYS.forEach((key, i) => own.push({ key, column: COLUMN.serviceName + i, kind: i === 0 ? 'required' : 'string' }));
  else {
    STATIC_SPAN_KEYS.forEach((key, i) => own.push({ key, column: COLUMN.httpMethod + i, kind: 'string' }));
    own.push({ key: STATUS_CODE_KEY, column: COLUMN.statusCode, kind: 'int' });
  }
  return own;
}
