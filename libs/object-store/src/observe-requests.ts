import type { MetricsRegistry } from '@vivace/base';
import type { RequestObserver } from './request-observer.ts';

/** Those of Tempo. */
const SECONDS = [0.005, 0.02, 0.08, 0.32, 1.28, 5.12];

/** Counts requests to a remote store under Tempo's names. */
export function observeRequests(metrics: MetricsRegistry): RequestObserver {
  const seconds = metrics.histogram(
    'tempodb_backend_request_duration_seconds',
    'Time from a request to the object store to the beginning of its answer, by HTTP method and status.',
    ['operation', 'status_code'],
    { buckets: SECONDS },
  );
  const hedged = metrics.counter('tempodb_backend_hedged_roundtrips_total', 'Further requests to the object store because an answer took long.');
  const refused = metrics.counter('vivace_backend_refused_reads_total', 'Reads of the object store that were refused or given up on because it was away.');
  return {
    request: (operation, status_code, took) => seconds.with({ operation, status_code }).observe(took),
    hedged: () => hedged.inc(),
    refused: () => refused.inc(),
  };
}
