// The call by which a distributor gives spans to an ingester in another process: an ExportTraceServiceRequest as it is, the tenant in the metadata.
import { AppError, rpcStatus } from '@vivace/base';
import type { Logger, RpcMethod } from '@vivace/base';
import { DEFAULT_SCAN_LIMITS, scanExport, ScanResult } from '@vivace/otlp';
import { decode, encode } from '@vivace/rpc';
import type { IngesterPort, IngesterRefusals } from './ports.ts';

export const PUSH_PATH = '/vivace.v1.Ingester/Push';

/** Scan results kept for the next push. */
const MAX_IDLE_SCANS = 16;

/**
 * The ingester's side. What a distributor has checked is scanned once more, for where spans are; spans it would not have let through are dropped, so that a sender that is no distributor harms nobody.
 */
export function ingesterPushMethod(ingester: IngesterPort, logger: Logger): RpcMethod {
  const idle: ScanResult[] = [];
  return {
    path: PUSH_PATH,
    async handle({ request, tenant, send }) {
      const scan = idle.pop() ?? new ScanResult();
      try {
        scanExport(request, DEFAULT_SCAN_LIMITS, scan);
        const refusals = scan.spanCount === 0 ? { traceTooLarge: 0, tooManyLiveTraces: 0 } : await ingester.push(tenant, request, scan);
        await send(encode([refusals.traceTooLarge, refusals.tooManyLiveTraces]));
        return { code: 0, details: '' };
      } catch (reason) {
        const error = AppError.from(reason);
        if (error.code === 'internal') logger.error('push failed', { tenant, err: reason });
        return rpcStatus(error);
      } finally {
        if (idle.length < MAX_IDLE_SCANS) idle.push(scan);
      }
    },
  };
}

export function decodePushResponse(bytes: Uint8Array): IngesterRefusals {
  const value = decode(bytes);
  const [traceTooLarge, tooManyLiveTraces] = Array.isArray(value) ? (value as unknown[]) : [];
  if (typeof traceTooLarge !== 'number' || typeof tooManyLiveTraces !== 'number')
    throw new AppError('internal', 'ingester answered a push with something else');
  return { traceTooLarge, tooManyLiveTraces };
}
