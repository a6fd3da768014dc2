import { rpcCode } from '@vivace/base';
import type { AppError } from '@vivace/base';
import { ProtoWriter } from '@vivace/otlp';

const RETRY_INFO = 'type.googleapis.com/google.rpc.RetryInfo';

/** google.rpc.Status, with a RetryInfo when the error says when to come back: https://opentelemetry.io/docs/specs/otlp/#otlpgrpc-throttling */
export function rpcStatusProto(error: AppError): Uint8Array {
  const w = new ProtoWriter(256);
  w.uint(0x08, rpcCode(error.code));
  w.text(0x12, error.message);
  if (error.retryAfterMs !== undefined) {
    const any = w.begin(0x1a);
    w.text(0x0a, RETRY_INFO);
    const retryInfo = w.begin(0x12);
    const duration = w.begin(0x0a);
    w.uint(0x08, Math.floor(error.retryAfterMs / 1000));
    w.uint(0x10, Math.floor(error.retryAfterMs % 1000) * 1_000_000);
    w.end(duration);
    w.end(retryInfo);
    w.end(any);
  }
  return w.result();
}

/** The same in protobuf-JSON. */
export function rpcStatusJson(error: AppError): string {
  const details = error.retryAfterMs === undefined ? {} : { details: [{ '@type': RETRY_INFO, retryDelay: `${error.retryAfterMs / 1000}s` }] };
  return JSON.stringify({ code: rpcCode(error.code), message: error.message, ...details });
}
