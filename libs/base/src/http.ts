import type { AppError, ErrorCode } from './app-error.ts';
import type { TenantId } from './ids.ts';

/** A request as components see it, whatever server carries it. */
export interface HttpRequest {
  /** Still percent-encoded, without the query string and without the configured prefix: `/api/traces/0af7`. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Or several: see `tenantsOf`. */
  readonly tenant: TenantId;
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal;
}

export interface HttpResponse {
  readonly status: number;
  readonly contentType: string;
  readonly body: Uint8Array | string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** 499 is nginx's "client closed request", which Tempo uses too. Source: docs/compat/api.md. */
const STATUS: Readonly<Record<ErrorCode, number>> = {
  canceled: 499,
  invalid_argument: 400,
  deadline_exceeded: 504,
  not_found: 404,
  already_exists: 409,
  permission_denied: 403,
  resource_exhausted: 429,
  failed_precondition: 412,
  aborted: 409,
  unimplemented: 501,
  internal: 500,
  unavailable: 503,
  data_loss: 500,
  unauthenticated: 401,
};

/** The one mapping of error codes to HTTP. */
export function httpStatus(code: ErrorCode): number {
  return STATUS[code];
}

/** What a caller is told about an error: its text as `text/plain`, with `Retry-After` in whole seconds where the error has one. */
export function errorResponse(error: AppError): HttpResponse {
  const retryAfter = error.retryAfterMs === undefined ? {} : { 'retry-after': String(Math.max(1, Math.ceil(error.retryAfterMs / 1_000))) };
  return {
    status: httpStatus(error.code),
    contentType: 'text/plain; charset=utf-8',
    body: error.publicMessage,
    headers: { 'x-content-type-options': 'nosniff', ...retryAfter },
  };
}

export interface HttpRoute {
  /** Label of the request metrics: `api_traces_traceid`. */
  readonly label: string;
  /** False where the answer does not depend on a tenant; such a route is open even when multi-tenancy is on. */
  readonly needsTenant: boolean;
  /** Never rejects: errors are answers. */
  handle(request: HttpRequest): Promise<HttpResponse>;
}

export interface HttpRouter {
  /** For people: `/api/traces/{traceID}`. */
  readonly paths: readonly string[];
  /** `path` as in HttpRequest; undefined when nothing lives there. */
  find(path: string): HttpRoute | undefined;
}
