/** What the two ends of a worker thread say to each other. */
import { AppError } from '@vivace/base';
import type { ErrorCode, ErrorReason } from '@vivace/base';
import type { MetricDelta } from './thread-metrics.ts';

export interface RunMessage {
  readonly kind: 'run';
  readonly id: number;
  readonly task: string;
  readonly input: unknown;
}

export interface AbortMessage {
  readonly kind: 'abort';
  readonly id: number;
}

export type ToWorker = RunMessage | AbortMessage;

export type FromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'metrics'; readonly deltas: readonly MetricDelta[] }
  | { readonly kind: 'done'; readonly id: number; readonly output: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly error: ErrorMessage };

export interface ErrorMessage {
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryAfterMs: number | undefined;
  readonly reason: ErrorReason | undefined;
  /** Where it was thrown, for logs. */
  readonly stack: string | undefined;
}

/** What a worker is started with: the caller's data, and the cell that tells a busy worker which task was aborted. */
export interface WorkerStart {
  readonly abortedId: Int32Array;
  readonly data: unknown;
}

export function encodeError(reason: unknown): ErrorMessage {
  const error = AppError.from(reason);
  const stack = reason instanceof Error ? reason.stack : undefined;
  return { code: error.code, message: error.message, retryAfterMs: error.retryAfterMs, reason: error.reason, stack };
}

export function decodeError({ code, message, retryAfterMs, reason, stack }: ErrorMessage): AppError {
  const cause = new Error(message);
  if (stack !== undefined) cause.stack = stack;
  return new AppError(code, message, { cause, reason, ...(retryAfterMs !== undefined && { retryAfterMs }) });
}
