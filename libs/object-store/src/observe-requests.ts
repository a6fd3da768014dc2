import type { MetricsRegistry } from '@vivace/base';
import type { RequestObserver } from './request-observer.ts';

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Counts requests to a remote store under Tempo's names. */
export function observeRequests(metrics: MetricsRegistry): RequestObserver {
  const seconds = metrics.histogram(
    'tempodb_backend_request_duration_seconds',
    'Time from a request to the object store to the beginning of its answer, by HTTP method and status.',
    ['operation', 'status_code'],
    { buckets: SECONDS },
  );
  const hedged = metrics.counter('tempodb_backend_hedged_roundtrips_total', 'Further requests to the object store because an answer took long.');
  return {
    request: (operation, status_code, took) => seconds.with({ operation, status_code }).observe(took),
    hedged: () => hedged.inc(),
  };
}
