// Metrics of the queue that the parts of queries wait in, under Tempo's names.
import type { Counter, Family, Histogram, MetricsRegistry, TenantId } from '@vivace/base';

export function discardedRequests(metrics: MetricsRegistry): Family<'user', Counter> {
  return metrics.counter('tempo_query_frontend_discarded_requests_total', 'Parts of queries refused because the tenant had too many.', ['user']);
}

/** In seconds. */
export function queueDuration(metrics: MetricsRegistry): Histogram {
  return metrics.histogram('tempo_query_frontend_queue_duration_seconds', 'How long parts of queries waited for somebody to do them.', []);
}

/** Shows what `lengths` says at every scrape. A tenant that has gone is shown with 0 once, and then no more. */
export function showQueueLengths(metrics: MetricsRegistry, lengths: () => Iterable<readonly [TenantId, number]>): void {
  const family = metrics.gauge('tempo_query_frontend_queue_length', 'Parts of queries that wait for somebody to do them.', ['user']);
  let shown: ReadonlyMap<TenantId, number> = new Map();
  metrics.onCollect(() => {
    const now = new Map(lengths());
    for (const [user, length] of shown) {
      if (now.has(user)) continue;
      if (length > 0) now.set(user, 0);
      else family.remove({ user });
    }
    for (const [user, length] of now) family.with({ user }).set(length);
    shown = now;
  });
}
