export { AppError } from './app-error.ts';
export type { AppErrorOptions, ErrorCode } from './app-error.ts';
export { assert, unreachable } from './assert.ts';
export { systemClock } from './clock.ts';
export type { Clock } from './clock.ts';
export { formatGoDuration, parseDurationMs } from './duration.ts';
export { hex, parseTenantId, parseTraceId, SINGLE_TENANT } from './ids.ts';
export type { BlockId, TenantId } from './ids.ts';
