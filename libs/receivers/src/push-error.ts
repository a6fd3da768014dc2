import { AppError } from '@vivace/base';
import type { Logger } from '@vivace/base';

/** What the sender is told about a failed push; what it cannot act on is logged and goes out without its details. */
export function pushError(reason: unknown, logger: Logger, transport: string): AppError {
  const error = AppError.from(reason);
  if (error.code !== 'internal') return error;
  logger.error('push failed', { transport, err: reason });
  return new AppError('internal', 'internal error: see the log of the server');
}
