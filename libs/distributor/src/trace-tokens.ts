import type { TenantId } from '@vivace/base';
import { numberTraces } from '@vivace/otlp';
import type { ScanResult } from '@vivace/otlp';
import { tenantSeed, traceToken } from '@vivace/ring';

/** The ring token of each trace of a scanned request, by the number it gets. `traceOf[i]` becomes the trace of span `i`, DROP for a refused one. */
export function traceTokens(tenant: TenantId, bytes: Uint8Array, scan: ScanResult, traceOf: Uint32Array): Uint32Array {
  const firstSpan = new Uint32Array(scan.spanCount);
  const tokens = new Uint32Array(numberTraces(bytes, scan, traceOf, firstSpan));
  const seed = tenantSeed(tenant);
  for (let t = 0; t < tokens.length; t++) tokens[t] = traceToken(seed, bytes, scan.spanTraceIdAt[firstSpan[t]]);
  return tokens;
}
