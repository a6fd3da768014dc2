export type { PlainAttrs, PlainEvent, PlainLink, PlainSpan, PlainTrace, PlainValue } from './plain.ts';
