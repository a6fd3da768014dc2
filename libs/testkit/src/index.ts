export type { PlainAttrs, PlainEvent, PlainLink, PlainSpan, PlainTrace, PlainValue } from './plain.ts';
export { plainOf, tableOf } from './plain-table.ts';
export { plainAttrs, plainTraces } from './random-traces.ts';
export { evaluateNaively } from './oracle/evaluate-naively.ts';
export type { NaiveMatch, NaiveSpanset, SpansetAttribute } from './oracle/evaluate-naively.ts';
export type { NaiveValue } from './oracle/naive-expr.ts';
export { plainTracesOf } from './oracle/traceql-dataset.ts';
export type { TraceqlDataset } from './oracle/traceql-dataset.ts';
export { fieldExpressions, searchTexts, spanConditions, spansetTexts } from './oracle/random-queries.ts';
