import type { AppError, Logger, LogFields, MetricsRegistry, TenantId } from '@vivace/base';

/** The `op` label of `tempo_query_frontend_queries_total`. */
export type QueryOp = 'traces' | 'search' | 'metadata' | 'metrics';

/** `duration_slo` and `throughput_bytes_slo`: one of the two is enough; 0 is none. */
export interface QueryObjective {
  readonly durationMs: number;
  readonly bytesPerSecond: number;
}

export interface ObserverConfig {
  readonly objectives: Readonly<Record<QueryOp, QueryObjective>>;
  /** `query_frontend.log_query_request_headers`, in lower case. */
  readonly loggedHeaders: readonly string[];
}

export interface ObservedQuery {
  readonly op: QueryOp;
  readonly tenant: TenantId;
  /** Of HTTP or gRPC. */
  readonly path: string;
  /** What was asked, as text. */
  readonly query: string;
  readonly header: (name: string) => string | undefined;
  /** As of HTTP. */
  readonly status: number;
  readonly inspectedBytes: number;
  readonly durationMs: number;
  /** How it ended, for the log. */
  readonly outcome: LogFields;
  /** Why it failed; for the log. */
  readonly error: AppError | undefined;
}

export const LOGGED_QUERY_CHARS = 2_000;

const CLIENT_CLOSED_REQUEST = 499;

/** Counts and logs every query, whichever door it came through; one that failed through no fault of the client is a warning. */
export function createObserver({
  metrics,
  logger,
  config: { objectives, loggedHeaders },
}: {
  readonly metrics: MetricsRegistry;
  readonly logger: Logger;
  readonly config: ObserverConfig;
}): (query: ObservedQuery) => void {
  const queries = metrics.counter('tempo_query_frontend_queries_total', 'Queries answered, by outcome.', ['tenant', 'op', 'result']);
  const within = metrics.counter('tempo_query_frontend_queries_within_slo_total', 'Queries answered within their objective.', ['tenant', 'op', 'result']);
  const inspected = metrics.counter('tempo_query_frontend_bytes_inspected_total', 'Bytes read to answer queries.', ['tenant', 'op']);
  return (observed) => {
    const { op, tenant, path, query, header, status, inspectedBytes, durationMs, outcome, error } = observed;
    const result = status === CLIENT_CLOSED_REQUEST ? 'canceled' : 'completed';
    queries.with({ tenant, op, result }).inc();
    if (isWithin(objectives[op], observed)) within.with({ tenant, op, result }).inc();
    inspected.with({ tenant, op }).inc(inspectedBytes);
    const headers = Object.fromEntries(loggedHeaders.map((name) => [`header_${name.replaceAll('-', '_')}`, header(name)]));
    const why = error === undefined ? {} : { err: error };
    const fields = { op, tenant, path, query: query.slice(0, LOGGED_QUERY_CHARS), ...headers, ...outcome, durationMs, inspectedBytes, ...why };
    logger[status >= 500 ? 'warn' : 'info']('query', fields);
  };
}

/** What a client asked wrongly, or too often, does not count against the objective, as in Tempo. */
function isWithin({ durationMs, bytesPerSecond }: QueryObjective, query: ObservedQuery): boolean {
  if (query.status >= 500) return false;
  if (durationMs === 0 && bytesPerSecond === 0) return true;
  if (query.durationMs < durationMs) return true;
  return bytesPerSecond > 0 && query.inspectedBytes * 1_000 > bytesPerSecond * query.durationMs;
}
