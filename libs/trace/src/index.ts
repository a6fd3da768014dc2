export { sortedTable, TraceAppender } from './append-traces.ts';
export { ATTR_ARRAY, ATTR_BOOL, ATTR_DOUBLE, ATTR_INT, ATTR_JSON, ATTR_STRING, AttrList } from './attr-list.ts';
export type { AttrListHandle, AttrType } from './attr-list.ts';
export { nestedSets } from './nested-sets.ts';
export type {
  AttrColumn,
  AttrEntries,
  AttrRef,
  AttrScope,
  ColumnName,
  ColumnNeeds,
  NestedSets,
  ServiceStat,
  SpanColumns,
  StringColumn,
  ValueSummary,
} from './span-columns.ts';
export { SpanTable } from './span-table.ts';
export type { SpanTableCapacity, SpanTableHandle } from './span-table.ts';
export { StringDictionary } from './string-dictionary.ts';
export type { StringDict, StringDictionaryHandle } from './string-dictionary.ts';
export { TableColumns } from './table-columns.ts';
export { TimeBounds } from './time-bounds.ts';
export { cutTraces } from './cut-traces.ts';
export type { CutTrace } from './cut-traces.ts';
export { identityOrder, orderByTrace } from './trace-order.ts';
export type { TraceOrder } from './trace-order.ts';
export { halvesDelta, summariseTraces } from './trace-summary.ts';
export type { TraceSummary } from './trace-summary.ts';
