import type { GatewayRight, UpstreamName } from '@vivace/config';

/** What it takes to use a route; `public` is nothing, not even a name. */
export type Access = GatewayRight | 'public';

export type Target =
  /** Answered here: 200 OK. */
  | { readonly kind: 'ok' }
  /** HTTP to one of the addresses. */
  | { readonly kind: 'http'; readonly upstream: UpstreamName }
  /** The same request to all addresses, or to the one that `instance` names; `mustName` where all at once would do harm. */
  | { readonly kind: 'each'; readonly upstream: UpstreamName; readonly mustName: boolean }
  | { readonly kind: 'grpc'; readonly upstream: UpstreamName };

export interface Route {
  /** Of the metrics. */
  readonly label: string;
  readonly access: Access;
  /** For other methods than GET and HEAD, where it differs. */
  readonly accessToChange?: Access;
  /** Other methods are refused; undefined is all. */
  readonly methods?: readonly string[];
  /** Served on the OTLP/gRPC port too. */
  readonly onOtlpPort?: true;
  readonly target: Target;
  /** The path at the upstream; undefined is the same. */
  readonly rewrite?: string;
}

export interface RouteOptions {
  /** `http_api_prefix` */
  readonly apiPrefix: string;
  readonly adminEnabled: boolean;
}

export interface Routes {
  /** `path` is still percent-encoded, without the query. */
  find(path: string, method: string, isGrpc: boolean): Route | undefined;
}

const EXPORT = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';
const STREAMING = '/tempopb.StreamingQuerier/';

const http = (upstream: UpstreamName): Target => ({ kind: 'http', upstream });
const admin = (label: string, upstream: UpstreamName): Route => ({ label, access: 'admin', target: http(upstream) });
const write = (label: string, upstream: UpstreamName, rewrite: string): Route => ({
  label,
  access: 'write',
  methods: ['POST', 'OPTIONS'],
  target: http(upstream),
  rewrite,
});

/** Exact paths. Standard Zipkin's `/api/v2/spans` lies below `/api`, where the query API has nothing of that name. */
const EXACT: Readonly<Record<string, Route>> = {
  '/': { label: 'root', access: 'public', target: { kind: 'ok' } },
  '/v1/traces': write('otlp_v1_traces', 'otlpHttp', '/v1/traces'),
  '/otlp/v1/traces': write('otlp_v1_traces', 'otlpHttp', '/v1/traces'),
  '/jaeger/api/traces': write('jaeger_api_traces', 'jaeger', '/api/traces'),
  '/zipkin/spans': write('zipkin_spans', 'zipkin', '/api/v2/spans'),
  '/zipkin/api/v2/spans': write('zipkin_spans', 'zipkin', '/api/v2/spans'),
  '/zipkin/api/v1/spans': write('zipkin_spans', 'zipkin', '/api/v1/spans'),
  '/api/v2/spans': write('zipkin_spans', 'zipkin', '/api/v2/spans'),
  '/api/v1/spans': write('zipkin_spans', 'zipkin', '/api/v1/spans'),
};

/** A page of a ring shows the state all members share, so anyone may answer. Stopping is for one ingester at a time, and by name. */
const ADMIN: Readonly<Record<string, Route>> = {
  '/distributor/ring': admin('distributor_ring', 'distributor'),
  '/ingester/ring': admin('ingester_ring', 'distributor'),
  '/metrics-generator/ring': admin('metrics_generator_ring', 'distributor'),
  '/compactor/ring': admin('compactor_ring', 'compactor'),
  '/memberlist': admin('memberlist', 'distributor'),
  '/flush': { label: 'flush', access: 'admin', methods: ['GET', 'POST'], target: { kind: 'each', upstream: 'ingester', mustName: false } },
  '/shutdown': { label: 'shutdown', access: 'admin', methods: ['GET', 'POST'], target: { kind: 'each', upstream: 'ingester', mustName: true } },
  '/status': admin('status', 'queryFrontend'),
};
const STATUS = ADMIN['/status'];

const GRPC_EXPORT: Route = {
  label: 'opentelemetry_proto_collector_trace_v1_traceservice_export',
  access: 'write',
  onOtlpPort: true,
  target: { kind: 'grpc', upstream: 'otlpGrpc' },
};
const GRPC_STREAMING: Route = { label: 'tempopb_streamingquerier', access: 'read', target: { kind: 'grpc', upstream: 'queryFrontendGrpc' } };

/** The routes of the chart's nginx (its gateway template), and the ones it lacks. */
export function createRoutes({ apiPrefix, adminEnabled }: RouteOptions): Routes {
  // Limits of tenants: reading them is reading, changing them is not.
  const overrides: Route = { ...API, label: 'api_overrides', accessToChange: 'admin' };
  const apiRoot = `${apiPrefix}/api`;
  return {
    find(path, method, isGrpc) {
      if (isGrpc) return path === EXPORT ? GRPC_EXPORT : path.startsWith(STREAMING) ? GRPC_STREAMING : undefined;
      const exact = Object.hasOwn(EXACT, path) ? EXACT[path] : undefined;
      // What a reader of the query API asks is not the Zipkin's.
      if (exact && !(path.startsWith('/api/') && !exact.methods!.includes(method))) return exact;
      if (path === apiRoot || path.startsWith(`${apiRoot}/`)) return path === `${apiRoot}/overrides` ? overrides : apiRoute(path.slice(apiPrefix.length));
      if (!adminEnabled) return undefined;
      return Object.hasOwn(ADMIN, path) ? ADMIN[path] : path.startsWith('/status/') ? STATUS : undefined;
    },
  };
}

const API: Route = { label: 'api', access: 'read', target: http('queryFrontend') };

/** By the labels the query-frontend gives the same requests, so that dashboards match both; a closed set. */
const API_ROUTES: readonly (readonly [RegExp, Route])[] = (
  [
    [/^\/api\/traces\/[^/]+$/, 'api_traces_traceid'],
    [/^\/api\/v2\/traces\/[^/]+$/, 'api_v2_traces_traceid'],
    [/^\/api\/search$/, 'api_search'],
    [/^\/api\/search\/tags$/, 'api_search_tags'],
    [/^\/api\/search\/tag\/.+\/values$/, 'api_search_tag_tagname_values'],
    [/^\/api\/v2\/search\/tags$/, 'api_v2_search_tags'],
    [/^\/api\/v2\/search\/tag\/.+\/values$/, 'api_v2_search_tag_tagname_values'],
    [/^\/api\/metrics\/query_range$/, 'api_metrics_query_range'],
    [/^\/api\/metrics\/query$/, 'api_metrics_query'],
    [/^\/api\/echo$/, 'api_echo'],
    [/^\/api\/status\/buildinfo$/, 'api_status_buildinfo'],
  ] as const
).map(([pattern, label]) => [pattern, { ...API, label }]);

function apiRoute(path: string): Route {
  return API_ROUTES.find(([pattern]) => pattern.test(path))?.[1] ?? API;
}
