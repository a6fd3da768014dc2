import { fromBinary, toJsonString } from '@bufbuild/protobuf';
import type { DescMessage, DescMethodServerStreaming, MessageShape } from '@bufbuild/protobuf';
import { AppError, httpStatus, rpcStatus } from '@vivace/base';
import type { Logger, MetricsRegistry, RpcCall, RpcMethod, RpcStatus } from '@vivace/base';
import { StreamingQuerier } from '@vivace/proto';
import { clientError } from './client-error.ts';
import { createObserver, LOGGED_QUERY_CHARS } from './observe-query.ts';
import type { QueryOp } from './observe-query.ts';
import { metricsQueryInstant, metricsQueryRange, search, searchTags, searchTagsV2, searchTagValues, searchTagValuesV2 } from './streaming-methods.ts';
import type { StreamDeps } from './streaming-methods.ts';
import { metricsUrl, searchUrl, tagsUrl, tagValuesUrl } from './streaming-urls.ts';
import type { UrlParts } from './streaming-urls.ts';
import { createUrlDenial } from './url-denial.ts';

export interface StreamingApiDeps extends StreamDeps {
  readonly metrics: MetricsRegistry;
  readonly logger: Logger;
}

/** The gRPC query API, `tempopb.StreamingQuerier` (docs/compat/api.md), without the server. */
export function createStreamingApi(deps: StreamingApiDeps): readonly RpcMethod[] {
  const observe = createObserver(deps);
  const deny = createUrlDenial(deps.config.deniedUrls);
  const { method } = StreamingQuerier;

  /** `stream` answers a call and gives the bytes inspected; `urlOf` is what would ask the same of HTTP. */
  function serve<I extends DescMessage>(
    { input, name }: DescMethodServerStreaming<I>,
    op: QueryOp,
    urlOf: (asked: MessageShape<I>) => UrlParts,
    stream: (deps: StreamDeps, asked: MessageShape<I>, call: RpcCall) => Promise<number>,
  ): RpcMethod {
    const path = `/${StreamingQuerier.typeName}/${name}`;

    async function handle(call: RpcCall): Promise<RpcStatus> {
      const startedMs = deps.clock.now();
      const signal = limited(call.signal, deps.config.apiTimeoutMs);
      let query = '';
      let inspectedBytes = 0;
      let outcome: RpcStatus = { code: 0, details: '' };
      let status = 200;
      let error: AppError | undefined;
      try {
        const asked = decode(input, call.request);
        query = toJsonString(input, asked);
        deny(...urlOf(asked));
        inspectedBytes = await stream(deps, asked, { ...call, signal, send: (message) => unlessAborted(call.send(message), signal) });
      } catch (reason) {
        error = clientError(reason, signal, (err) =>
          deps.logger.error('query failed', { path, tenant: call.tenant, query: query.slice(0, LOGGED_QUERY_CHARS), err }),
        );
        outcome = statusOf(op, error);
        status = httpStatus(error.code);
      }
      const { tenant, header = () => undefined } = call;
      const durationMs = deps.clock.now() - startedMs;
      observe({ op, tenant, path, query, header, status, inspectedBytes, durationMs, outcome: { code: outcome.code }, error });
      return outcome;
    }

    return { path, handle };
  }

  return [
    serve(method.search, 'search', searchUrl, search),
    serve(method.searchTags, 'metadata', tagsUrl('/api/search/tags'), searchTags),
    serve(method.searchTagsV2, 'metadata', tagsUrl('/api/v2/search/tags'), searchTagsV2),
    serve(method.searchTagValues, 'metadata', tagValuesUrl('/api/search/tag'), searchTagValues),
    serve(method.searchTagValuesV2, 'metadata', tagValuesUrl('/api/v2/search/tag'), searchTagValuesV2),
    serve(method.metricsQueryRange, 'metrics', metricsUrl('/api/metrics/query_range'), metricsQueryRange),
    serve(method.metricsQueryInstant, 'metrics', metricsUrl('/api/metrics/query'), metricsQueryInstant),
  ];
}

function limited(signal: AbortSignal, timeoutMs: number): AbortSignal {
  return timeoutMs > 0 ? AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]) : signal;
}

function decode<I extends DescMessage>(schema: I, bytes: Uint8Array): MessageShape<I> {
  try {
    return fromBinary(schema, bytes);
  } catch (reason) {
    throw new AppError('invalid_argument', `request is not a ${schema.typeName}: ${AppError.from(reason).message}`, { cause: reason });
  }
}

/** A client that does not read must not keep a query longer than its time. */
async function unlessAborted(sending: Promise<void>, signal: AbortSignal): Promise<void> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(AppError.from(signal.reason));
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort);
  try {
    await Promise.race([sending, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** google.rpc.Code UNKNOWN, which Tempo answers to a metrics query that does not parse. */
const UNKNOWN = 2;

function statusOf(op: QueryOp, error: AppError): RpcStatus {
  return op === 'metrics' && error.message.startsWith('parse error at ') ? { code: UNKNOWN, details: error.message } : rpcStatus(error);
}
