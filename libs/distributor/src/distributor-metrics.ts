import type { Counter, Histogram, MetricsRegistry, TenantId } from '@vivace/base';

/** Counters of one tenant, looked up once. */
export interface TenantMetrics {
  readonly ingressBytes: Counter;
  readonly receivedBytes: Counter;
  readonly receivedSpans: Counter;
  readonly truncatedAttributes: Counter;
  discarded(reason: string, spans: number): void;
  addedLatency(seconds: number): void;
}

export interface ReceiverMetrics {
  readonly accepted: Counter;
  readonly refused: Counter;
}

export interface DistributorMetrics {
  readonly pushSeconds: Histogram;
  readonly tracesPerBatch: Histogram;
  tenant(tenant: TenantId): TenantMetrics;
  receiver(receiver: string, transport: string): ReceiverMetrics;
}

const BATCH_BUCKETS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000];
const MAX_CACHED_TENANTS = 10_000;

/** Tempo's names and labels, so that its dashboards and alerts fit. */
export function createDistributorMetrics(registry: MetricsRegistry): DistributorMetrics {
  const ingress = registry.counter('tempo_distributor_ingress_bytes_total', 'Bytes of OTLP received, before limits.', ['tenant']);
  const bytes = registry.counter('tempo_distributor_bytes_received_total', 'Bytes of OTLP accepted, after limits.', ['tenant']);
  const spans = registry.counter('tempo_distributor_spans_received_total', 'Spans received in accepted requests.', ['tenant']);
  const truncated = registry.counter('tempo_distributor_attributes_truncated_total', 'Attribute keys and values cut at max_attribute_bytes.', ['tenant']);
  const discarded = registry.counter('tempo_discarded_spans_total', 'Spans refused.', ['reason', 'tenant']);
  const accepted = registry.counter('tempo_receiver_accepted_spans', 'Spans accepted by a receiver.', ['receiver', 'transport']);
  const refused = registry.counter('tempo_receiver_refused_spans', 'Spans refused by a receiver.', ['receiver', 'transport']);
  const latency = registry.histogram('tempo_distributor_added_latency_seconds', 'Artificial delay of pushes.', ['tenant'], { buckets: [0.01, 0.1, 1, 10] });
  const tenants = new Map<TenantId, TenantMetrics>();
  const receivers = new Map<string, ReceiverMetrics>();
  return {
    pushSeconds: registry.histogram('tempo_distributor_push_duration_seconds', 'Time to take a push.', [], {
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    }),
    tracesPerBatch: registry.histogram('tempo_distributor_traces_per_batch', 'Traces in one push.', [], { buckets: BATCH_BUCKETS }),
    tenant(tenant) {
      let found = tenants.get(tenant);
      if (!found) {
        if (tenants.size >= MAX_CACHED_TENANTS) tenants.clear();
        const label = { tenant };
        found = {
          ingressBytes: ingress.with(label),
          receivedBytes: bytes.with(label),
          receivedSpans: spans.with(label),
          truncatedAttributes: truncated.with(label),
          addedLatency: (seconds) => latency.with(label).observe(seconds),
          discarded: (reason, n) => discarded.with({ reason, tenant }).inc(n),
        };
        tenants.set(tenant, found);
      }
      return found;
    },
    receiver(receiver, transport) {
      const key = `${receiver}|${transport}`;
      let found = receivers.get(key);
      if (!found) {
        found = { accepted: accepted.with({ receiver, transport }), refused: refused.with({ receiver, transport }) };
        receivers.set(key, found);
      }
      return found;
    },
  };
}
