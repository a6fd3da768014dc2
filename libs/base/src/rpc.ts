import type { AppError, ErrorCode } from './app-error.ts';
import type { TenantId } from './ids.ts';

/** A call of a server-streaming gRPC method as components see it, whatever server carries it. */
export interface RpcCall {
  /** The one message of the client. */
  readonly request: Uint8Array;
  /** Or several: see `tenantsOf`. */
  readonly tenant: TenantId;
  /** Aborts when the client cancels or goes away. */
  readonly signal: AbortSignal;
  /** By its name in lower case. Absent where a call has none. */
  readonly header?: (name: string) => string | undefined;
  /** Resolves when the connection takes more, so never once `signal` has aborted. The bytes belong to the callee. */
  send(message: Uint8Array): Promise<void>;
}

/** How a call ends. */
export interface RpcStatus {
  /** google.rpc.Code; 0 is good. */
  readonly code: number;
  readonly details: string;
}

export interface RpcMethod {
  /** `/package.Service/Method`. */
  readonly path: string;
  /** `request` is not looked at once `handle` has resolved: its memory may be used again. */
  readonly borrowsRequest?: boolean;
  /** Never rejects: errors are answers. */
  handle(call: RpcCall): Promise<RpcStatus>;
}

/** google.rpc.Code. */
const CODES: Readonly<Record<ErrorCode, number>> = {
  canceled: 1,
  invalid_argument: 3,
  deadline_exceeded: 4,
  not_found: 5,
  already_exists: 6,
  permission_denied: 7,
  resource_exhausted: 8,
  failed_precondition: 9,
  aborted: 10,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  data_loss: 15,
  unauthenticated: 16,
};

/** The one mapping of error codes to gRPC. */
export function rpcCode(code: ErrorCode): number {
  return CODES[code];
}

const ERRORS = new Map(Object.entries(CODES).map(([error, code]) => [code, error as ErrorCode]));

/** The way back. What is unknown is `internal`. */
export function errorCodeOf(code: number): ErrorCode {
  return ERRORS.get(code) ?? 'internal';
}

/** What a caller is told about an error. */
export function rpcStatus(error: AppError): RpcStatus {
  return { code: CODES[error.code], details: error.publicMessage };
}
