import { AppError, errorResponse } from '@vivace/base';
import type { HttpResponse, HttpRouter, TenantId } from '@vivace/base';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { setRouteLabel } from './request-metrics.ts';
import { requestSignal } from './request-signal.ts';
import { sendResponse } from './send-response.ts';
import type { Tenancy } from './tenant.ts';
import { resolveTenant } from './tenant.ts';

export interface MountOptions {
  /** Where the router's paths begin: `http_api_prefix`, without a slash at its end. */
  readonly prefix: string;
  readonly tenancy: Tenancy;
}

/** Serves `router` below `<prefix>/api/`. Methods are not told apart, as in Tempo. */
export function mountRouter(server: FastifyInstance, router: HttpRouter, { prefix, tenancy }: MountOptions): void {
  server.all(`${prefix}/api/*`, async (request, reply) => {
    await sendResponse(reply, await answer(router, request, prefix, tenancy));
    return reply;
  });
}

const NOT_FOUND: HttpResponse = { status: 404, contentType: 'text/plain; charset=utf-8', body: '404 page not found\n' };
const NO_TENANT = '' as TenantId; // only for routes that say they need none

async function answer(router: HttpRouter, request: FastifyRequest, prefix: string, tenancy: Tenancy): Promise<HttpResponse> {
  const [path, queryText] = splitUrl(request.raw.url ?? '/', prefix);
  const route = router.find(path);
  if (route === undefined) return NOT_FOUND;
  setRouteLabel(request, route.label);
  const headers = request.headers as Readonly<Record<string, string | undefined>>; // only set-cookie is ever a list
  let tenant = NO_TENANT;
  if (route.needsTenant) {
    try {
      tenant = resolveTenant(headers['x-scope-orgid'], tenancy);
    } catch (reason) {
      const response = errorResponse(AppError.from(reason));
      return { ...response, body: `${response.body}\n` };
    }
  }
  return route.handle({ path, query: new URLSearchParams(queryText), headers, tenant, signal: requestSignal(request) });
}

function splitUrl(url: string, prefix: string): [path: string, query: string] {
  const at = url.indexOf('?');
  const path = (at < 0 ? url : url.slice(0, at)).slice(prefix.length);
  return [path, at < 0 ? '' : url.slice(at + 1)];
}
