/** Error codes are the gRPC names, so that mapping to a protocol is a table (google.rpc.Code). */
export type ErrorCode =
  | 'canceled'
  | 'invalid_argument'
  | 'deadline_exceeded'
  | 'not_found'
  | 'already_exists'
  | 'permission_denied'
  | 'resource_exhausted'
  | 'failed_precondition'
  | 'aborted'
  | 'unimplemented'
  | 'internal'
  | 'unavailable'
  | 'data_loss'
  | 'unauthenticated';

/** `store_away`: the object store does not answer. A query may do with what ingesters still hold. */
export type ErrorReason = 'store_away';

export interface AppErrorOptions {
  readonly cause?: unknown;
  /** How long the caller should wait before it tries again, for `resource_exhausted` and `unavailable`. */
  readonly retryAfterMs?: number;
  /** For callers that act on more than the code. It reaches those in other threads and processes. */
  readonly reason?: ErrorReason | undefined;
}

/** All that a caller is told of an `internal` error: its text was not written for callers and may tell of what lies inside. */
const INTERNAL_TEXT = 'internal error: see the log of the server';

/**
 * The one error a caller may act on. `message` is what the caller is told: lower case, subject first, with the
 * value, the limit and the key to change. `cause` is for logs and never leaves the process.
 */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly retryAfterMs: number | undefined;
  readonly reason: ErrorReason | undefined;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
    this.reason = options.reason;
  }

  /** What a caller is told, whatever the protocol. */
  get publicMessage(): string {
    return this.code === 'internal' ? INTERNAL_TEXT : this.message;
  }

  /** Every `catch (unknown)` goes through here: an AppError is returned as it is, an abort becomes `canceled`. */
  static from(reason: unknown, fallback: ErrorCode = 'internal'): AppError {
    if (reason instanceof AppError) return reason;
    if (reason instanceof Error) {
      const code = reason.name === 'AbortError' ? 'canceled' : reason.name === 'TimeoutError' ? 'deadline_exceeded' : fallback;
      return new AppError(code, reason.message, { cause: reason });
    }
    return new AppError(fallback, String(reason), { cause: reason });
  }
}
