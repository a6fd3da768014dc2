export type { PlainAttrs, PlainEvent, PlainLink, PlainSpan, PlainTrace, PlainValue } from './plain.ts';
export { plainOf, tableOf } from './plain-table.ts';
export { plainAttrs, plainTraces } from './random-traces.ts';
