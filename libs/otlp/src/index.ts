export type { DecodeStats } from './decode-attributes.ts';
export { decodeInto } from './decode-into.ts';
export type { DecodeOptions } from './decode-into.ts';
export { numberTraces } from './number-traces.ts';
export { DROP, regroup } from './regroup.ts';
export { DEFAULT_SCAN_LIMITS, scanExport } from './scan-export.ts';
export type { ScanLimits } from './scan-export.ts';
export { REFUSAL_REASONS, ScanResult } from './scan-result.ts';
export type { RefusalReason } from './scan-result.ts';
