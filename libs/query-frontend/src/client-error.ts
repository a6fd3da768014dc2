import { AppError } from '@vivace/base';

/**
 * Why a query failed, as its caller may know it: the reason the signal was aborted for, if it was. `onInternal` is given what only the log may
 * have.
 */
export function clientError(reason: unknown, signal: AbortSignal, onInternal: (reason: unknown) => void): AppError {
  if (reason instanceof AppError && reason.code !== 'internal') return reason;
  const error = AppError.from(signal.aborted ? signal.reason : reason);
  if (error.code === 'internal') onInternal(reason);
  return error;
}
