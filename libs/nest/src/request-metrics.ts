import { httpStatus } from '@vivace/base';
import type { Clock, Family, Histogram, Logger, MetricsRegistry } from '@vivace/base';
import type { RequestLogConfig } from '@vivace/config';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { createRequestDetails } from './request-log.ts';

export interface RequestMetricsDeps {
  readonly metrics: MetricsRegistry;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly log: RequestLogConfig;
}

const BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 1.5, 2.5, 5, 10, 25, 50, 100];

/** Of HTTP and gRPC. */
export function requestDuration(metrics: MetricsRegistry): Family<'method' | 'route' | 'status_code' | 'ws', Histogram> {
  const labels = ['method', 'route', 'status_code', 'ws'] as const;
  return metrics.histogram('tempo_request_duration_seconds', 'Time spent answering HTTP requests.', labels, { buckets: BUCKETS });
}

/** Times and logs every request. Routes found by a router of ours name their label with `setRouteLabel`; others get their path. */
export function observeRequests(server: FastifyInstance, { metrics, logger, clock, log }: RequestMetricsDeps): void {
  const duration = requestDuration(metrics);
  const detailsOf = createRequestDetails(log);
  const level = log.atInfo ? 'info' : 'debug';
  const observe = (request: FastifyRequest, status: number, elapsedMs: number): void => {
    const route = LABELS.get(request) ?? labelOf(request);
    duration.with({ method: request.method, route, status_code: String(status), ws: 'false' }).observe(elapsedMs / 1_000);
    const details = detailsOf({ headers: request.headers, remoteAddress: request.socket.remoteAddress });
    logger[level]('request', { method: request.method, path: request.originalUrl, status, durationMs: elapsedMs, ...details });
  };
  server.addHook('onRequest', (request, reply, done) => {
    const fromMs = clock.now();
    let finished = false;
    reply.raw.once('finish', () => {
      finished = true;
      observe(request, reply.statusCode, clock.now() - fromMs);
    });
    // Fastify's own hook does not run for a client that left; it saw no status at all.
    reply.raw.once('close', () => {
      if (!finished) observe(request, httpStatus('canceled'), clock.now() - fromMs);
    });
    done();
  });
}

const LABELS = new WeakMap<FastifyRequest, string>();

export function setRouteLabel(request: FastifyRequest, label: string): void {
  LABELS.set(request, label);
}

/** `/status/config` is `status_config`; what no route serves is `other`, so that a scanner cannot make labels. */
function labelOf(request: FastifyRequest): string {
  const url = request.routeOptions.url;
  if (url === undefined || url.includes('*')) return 'other';
  return url === '/' ? 'root' : url.replace(/^\//, '').replace(/[^a-zA-Z0-9]+/g, '_');
}
