// The call by which a distributor gives spans to an ingester in another process.
import { AppError } from '@vivace/base';
import type { Logger, RpcMethod } from '@vivace/base';
import { decode, encode } from '@vivace/rpc';
import type { IngesterPort, IngesterRefusals } from './ports.ts';
import { pushMethod } from './push-method.ts';

export const PUSH_PATH = '/vivace.v1.Ingester/Push';

const NOTHING_REFUSED: IngesterRefusals = { traceTooLarge: 0, tooManyLiveTraces: 0 };

/** The ingester's side. */
export function ingesterPushMethod(ingester: IngesterPort, logger: Logger): RpcMethod {
  return pushMethod(
    PUSH_PATH,
    async (tenant, bytes, scan) => {
      const refusals = scan.spanCount === 0 ? NOTHING_REFUSED : await ingester.push(tenant, bytes, scan);
      return encode([refusals.traceTooLarge, refusals.tooManyLiveTraces]);
    },
    logger,
  );
}

export function decodePushResponse(bytes: Uint8Array): IngesterRefusals {
  const value = decode(bytes);
  const [traceTooLarge, tooManyLiveTraces] = Array.isArray(value) ? (value as unknown[]) : [];
  if (typeof traceTooLarge !== 'number' || typeof tooManyLiveTraces !== 'number')
    throw new AppError('internal', 'ingester answered a push with something else');
  return { traceTooLarge, tooManyLiveTraces };
}
