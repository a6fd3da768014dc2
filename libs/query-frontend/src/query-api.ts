import { errorResponse } from '@vivace/base';
import type { AppError, HttpRequest, HttpResponse, HttpRouter, Logger, MetricsRegistry } from '@vivace/base';
import type { Answer } from './encode.ts';
import { clientError } from './client-error.ts';
import { compress } from './compress.ts';
import type { HandlerDeps } from './handler.ts';
import { createObserver, LOGGED_QUERY_CHARS } from './observe-query.ts';
import type { RouteSpec } from './routes.ts';
import { decodeStable, ROUTES } from './routes.ts';
import { createUrlDenial } from './url-denial.ts';
import type { UrlDenial } from './url-denial.ts';

export interface QueryApiDeps extends HandlerDeps {
  readonly metrics: MetricsRegistry;
  readonly logger: Logger;
}

/** The HTTP query API (docs/compat/api.md), without the server: a router whose handlers turn requests into answers and never reject. */
export function createQueryApi(deps: QueryApiDeps): HttpRouter {
  const observe = createObserver(deps);
  const deny = createUrlDenial(deps.config.deniedUrls);
  return {
    paths: ROUTES.map(({ path }) => path),
    find(path) {
      for (const route of ROUTES) {
        const match = route.pattern.exec(path);
        if (match === null) continue;
        const param = decodeStable(match[1] ?? '');
        return { label: route.label, needsTenant: route.op !== undefined, handle: (request) => run(deps, { observe, deny }, route, param, request) };
      }
      return undefined;
    },
  };
}

async function run(
  deps: QueryApiDeps,
  { observe, deny }: { readonly observe: ReturnType<typeof createObserver>; readonly deny: UrlDenial },
  route: RouteSpec,
  param: string,
  request: HttpRequest,
): Promise<HttpResponse> {
  const startedMs = deps.clock.now();
  const { answer, error } = await attempt(deps, deny, route, param, request);
  if (route.op !== undefined) {
    observe({
      op: route.op,
      tenant: request.tenant,
      path: request.path,
      query: request.query.toString(),
      header: (name) => request.headers[name],
      status: answer.status,
      inspectedBytes: answer.inspectedBytes ?? 0,
      durationMs: deps.clock.now() - startedMs,
      outcome: { status: answer.status },
      error,
    });
  }
  return compress(answer, request.headers['accept-encoding']);
}

interface Attempt {
  readonly answer: Answer;
  readonly error: AppError | undefined;
}

async function attempt(deps: QueryApiDeps, deny: UrlDenial, route: RouteSpec, param: string, request: HttpRequest): Promise<Attempt> {
  const { apiTimeoutMs } = deps.config;
  const signal = apiTimeoutMs > 0 ? AbortSignal.any([request.signal, AbortSignal.timeout(apiTimeoutMs)]) : request.signal;
  try {
    if (route.op !== undefined) deny(request.path, request.query);
    return { answer: await route.handler(deps, { ...request, signal }, param), error: undefined };
  } catch (reason) {
    const error = clientError(reason, signal, (err) => {
      const { tenant, query } = request;
      deps.logger.error('query failed', { route: route.label, tenant, query: query.toString().slice(0, LOGGED_QUERY_CHARS), err });
    });
    return { answer: errorResponse(error), error };
  }
}
