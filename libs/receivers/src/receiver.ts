/** Which receiver a push came through: labels of its metrics. */
export interface PushInfo {
  /** `otlp/otlp_receiver` */
  readonly receiver: string;
  readonly transport: 'grpc' | 'http';
}

export interface PushOutcome {
  readonly rejectedSpans: number;
  /** For the sender; empty when nothing was rejected. */
  readonly message: string;
}

/**
 * Takes the bytes of an ExportTraceServiceRequest (owned by the callee from then on). Rejects with an AppError when nothing was kept;
 * with `retryAfterMs` the sender is told to come back.
 */
export type Push = (tenantHeader: string | undefined, bytes: Uint8Array, info: PushInfo) => Promise<PushOutcome>;

export interface Receiver {
  readonly host: string;
  /** The real one where 0 was configured. */
  readonly port: number;
  /** Takes no new requests, lets open ones finish for at most `timeoutMs`, then cuts them off. */
  stop(timeoutMs: number): Promise<void>;
}

export const RECEIVER_NAME = 'otlp/otlp_receiver';
