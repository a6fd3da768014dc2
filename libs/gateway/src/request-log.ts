import type { Clock, Logger, MetricsRegistry } from '@vivace/base';
import type { GatewayConfig } from '@vivace/config';

export interface RequestLogOptions {
  readonly accessLog: GatewayConfig['accessLog'];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: MetricsRegistry;
}

/** What is known of a request at its end. Never the query, which may hold data, nor anything of the credentials. */
export interface RequestRecord {
  readonly method: string;
  readonly path: string;
  readonly client: string;
  /** Label of the route; `other` where there is none. */
  route: string;
  user: string;
  tenant: string;
  /** HTTP: the status. gRPC: the code, in `grpcCode`. */
  status: number;
  /** Undefined for HTTP. */
  grpcCode: number | undefined;
  /** Why it was refused or failed. */
  reason: string | undefined;
}

const BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 1.5, 2.5, 5, 10, 25, 50, 100];
/** nginx's "client closed request", which Tempo uses too. */
export const CLIENT_GONE = 499;
const GRPC_CANCELED = 1;

/** Times requests as `tempo_request_duration_seconds`, in the labels of the other components, and writes the access log. */
export function createRequestLog({ accessLog, clock, logger, metrics }: RequestLogOptions): (record: RequestRecord) => () => void {
  const labels = ['method', 'route', 'status_code', 'ws'] as const;
  const duration = metrics.histogram('tempo_request_duration_seconds', 'Time spent answering HTTP requests.', labels, { buckets: BUCKETS });
  const inFlight = metrics.gauge('vivace_gateway_requests_in_flight', 'Requests that are being passed on.');
  return (record) => {
    const fromMs = clock.now();
    inFlight.add(1);
    return () => {
      inFlight.add(-1);
      const { method, path, client, route, user, tenant, status, grpcCode, reason } = record;
      const durationMs = clock.now() - fromMs;
      const outcome = grpcCode === undefined ? String(status) : grpcCode === 0 ? 'success' : grpcCode === GRPC_CANCELED ? 'cancel' : 'error';
      duration.with({ method: grpcCode === undefined ? method : 'gRPC', route, status_code: outcome, ws: 'false' }).observe(durationMs / 1_000);
      const isError = grpcCode === undefined ? status >= 400 : grpcCode !== 0;
      if (accessLog === 'off' || (accessLog === 'errors' && !isError)) return;
      logger.info('request', { method, path, route, ...(grpcCode === undefined ? { status } : { grpcCode }), durationMs, client, user, tenant, reason });
    };
  };
}
