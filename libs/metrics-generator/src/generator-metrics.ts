import type { Counter, Family, Gauge, MetricsRegistry } from '@vivace/base';

export interface GeneratorMetrics {
  readonly receivedSpans: Family<'tenant', Counter>;
  readonly receivedBytes: Family<'tenant', Counter>;
  readonly discardedSpans: Family<'tenant' | 'reason' | 'processor', Counter>;
  readonly activeProcessors: Family<'tenant' | 'processor', Gauge>;
  readonly queueLength: Family<'tenant', Gauge>;
}

/** Of spans that no processor gets. */
export const ALL_PROCESSORS = 'all';

export function createGeneratorMetrics(metrics: MetricsRegistry): GeneratorMetrics {
  return {
    receivedSpans: metrics.counter('tempo_metrics_generator_spans_received_total', 'Spans received, discarded ones too.', ['tenant']),
    receivedBytes: metrics.counter('tempo_metrics_generator_bytes_received_total', 'Bytes of OTLP received.', ['tenant']),
    discardedSpans: metrics.counter('tempo_metrics_generator_spans_discarded_total', 'Spans received that a processor, or all, did not get.', [
      'tenant',
      'reason',
      'processor',
    ]),
    activeProcessors: metrics.gauge('tempo_metrics_generator_active_processors', 'Whether a processor is at work for a tenant.', ['tenant', 'processor']),
    queueLength: metrics.gauge('vivace_metrics_generator_queue_length', 'Requests of a tenant that wait for its processors.', ['tenant']),
  };
}
