import { AppError, rpcStatus, tenantsOf } from '@vivace/base';
import type { Logger, RpcMethod, TenantId } from '@vivace/base';
import { scanExport, ScanResult } from '@vivace/otlp';
import { PASSED } from './passed.ts';

/** Scan results kept for the next push. */
const MAX_IDLE_SCANS = 16;

/**
 * A call by which a distributor gives spans to another process: an ExportTraceServiceRequest as it is, the tenant in the metadata. What a distributor has checked is
 * scanned once more, for where spans are; malformed ones are to be dropped, so that a sender that is no distributor harms nobody. `take` borrows both
 * until it resolves, with the answer.
 */
export function pushMethod(path: string, take: (tenant: TenantId, bytes: Uint8Array, scan: ScanResult) => Promise<Uint8Array>, logger: Logger): RpcMethod {
  const idle: ScanResult[] = [];
  return {
    path,
    borrowsRequest: true,
    async handle({ request, tenant, send }) {
      const scan = idle.pop() ?? new ScanResult();
      try {
        if (tenantsOf(tenant).length > 1) throw new AppError('invalid_argument', `spans belong to one tenant, not to ${tenant}`);
        scanExport(request, PASSED, scan);
        await send(await take(tenant, request, scan));
        return { code: 0, details: '' };
      } catch (reason) {
        const error = AppError.from(reason);
        if (error.code === 'internal') logger.error('push failed', { path, tenant, err: reason });
        return rpcStatus(error);
      } finally {
        if (idle.length < MAX_IDLE_SCANS) idle.push(scan);
      }
    },
  };
}
