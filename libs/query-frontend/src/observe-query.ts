import type { Logger, LogFields, MetricsRegistry, TenantId } from '@vivace/base';

/** The `op` label of `tempo_query_frontend_queries_total`. */
export type QueryOp = 'traces' | 'search' | 'metadata' | 'metrics';

export interface ObservedQuery {
  readonly op: QueryOp;
  readonly tenant: TenantId;
  /** Of HTTP or gRPC. */
  readonly path: string;
  /** What was asked, as text. */
  readonly query: string;
  readonly isCanceled: boolean;
  readonly inspectedBytes: number;
  readonly durationMs: number;
  /** How it ended, for the log. */
  readonly outcome: LogFields;
}

export const LOGGED_QUERY_CHARS = 2_000;

/** Counts and logs every query, whichever door it came through. */
export function createObserver({ metrics, logger }: { readonly metrics: MetricsRegistry; readonly logger: Logger }): (query: ObservedQuery) => void {
  const queries = metrics.counter('tempo_query_frontend_queries_total', 'Queries answered, by outcome.', ['tenant', 'op', 'result']);
  const inspected = metrics.counter('tempo_query_frontend_bytes_inspected_total', 'Bytes read to answer queries.', ['tenant', 'op']);
  return ({ op, tenant, path, query, isCanceled, inspectedBytes, durationMs, outcome }) => {
    queries.with({ tenant, op, result: isCanceled ? 'canceled' : 'completed' }).inc();
    inspected.with({ tenant, op }).inc(inspectedBytes);
    logger.info('query', { op, tenant, path, query: query.slice(0, LOGGED_QUERY_CHARS), ...outcome, durationMs, inspectedBytes });
  };
}
