import type { ColumnName } from '@vivace/trace';
import { COLUMN } from './columns.ts';

/** What a name stands for: the decoded values by which it is answered, and the columns they are made of. */
interface Named {
  readonly keys: readonly string[];
  readonly columns: readonly number[];
}

const named = (keys: string | readonly string[], ...columns: readonly number[]): Named => ({ keys: typeof keys === 'string' ? [keys] : keys, columns });
const text = (...columns: readonly number[]): Named => ({ keys: columns.map(stringsKey), columns });

/** Events and links need one column that tells their owners, the smallest. */
export const NAMED: Readonly<Record<ColumnName, Named>> = {
  traceId: named('traceIds', COLUMN.traceId),
  traceTimes: named(['traceStart', 'traceDuration'], COLUMN.traceStart, COLUMN.traceDuration),
  roots: text(COLUMN.rootService, COLUMN.rootName),
  serviceStats: named('serviceStats', COLUMN.statsService, COLUMN.statsSpans, COLUMN.statsErrors),
  spanId: named('spanIds', COLUMN.spanId),
  parentId: named('parentIds', COLUMN.parentId),
  start: named('spanStart', COLUMN.start),
  duration: named('spanDuration', COLUMN.duration),
  kind: named('kind', COLUMN.kind),
  status: named('status', COLUMN.status),
  name: text(COLUMN.name),
  statusMessage: text(COLUMN.statusMessage),
  nestedSets: named('nestedSets', COLUMN.nestedLeft, COLUMN.nestedRight, COLUMN.nestedParent),
  resource: named([]),
  scope: named([]),
  scopeName: text(COLUMN.scopeName),
  scopeVersion: text(COLUMN.scopeVersion),
  events: named([]),
  eventName: text(COLUMN.eventName),
  eventOffset: named('eventOffset', COLUMN.eventOffset),
  links: named([]),
  linkTraceId: named('linkTraceIds', COLUMN.linkTraceId),
  linkSpanId: named('linkSpanIds', COLUMN.linkSpanId),
};

/** The key of a column of texts. */
export function stringsKey(column: number): string {
  return `strings ${column}`;
}
