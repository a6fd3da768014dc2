import { bool, bytes, duration, flagged, free, group, int, list, on, string } from './node.ts';
import { receivers } from './receivers.ts';
import { kafka, ring } from './shared.ts';

const spanLog = (which: string, flag: string) =>
  group(`Log every ${which} span.`, {
    enabled: bool(false, 'Log them.'),
    include_all_attributes: bool(false, 'With all attributes.', { flags: [`distributor.${flag}.include-attributes`] }),
    filter_by_status_error: bool(false, 'Only those with an error.'),
  });

export const distributor = group('Receiving spans.', {
  ring: ring('distributors', 'memberlist', '5m', on, { ...on, works: ['memberlist', 'inmemory'] }),
  receivers,
  override_ring_key: string('distributor', 'Key of the ring.'),
  forwarders: list(
    group('Where spans are copied to.', {
      name: string('', 'Name, for the forwarders of a tenant.'),
      backend: string('', 'otlpgrpc.'),
      otlpgrpc: free('Endpoints and TLS.'),
      filter: free('Spans that are not copied, in OTTL.'),
    }),
    [],
    'Best-effort copies of the stream.',
  ),
  usage: group('Accounting.', {
    cost_attribution: group('Bytes received by attribute.', {
      enabled: bool(false, 'Count them.'),
      max_cardinality: int(10_000, 'Most combinations of a tenant.'),
      stale_duration: duration('15m', 'When a silent combination is forgotten.'),
    }),
  }),
  ingester_write_path_enabled: bool(true, 'Write to ingesters.'),
  kafka_write_path_enabled: bool(false, 'Write to Kafka.'),
  kafka_config: group('Unused: a copy of ingest.kafka.', kafka()),
  extend_writes: bool(true, 'Write to another ingester when one is not active; otherwise such a span has a copy less.', on),
  tenant_shard_size_delay: duration(
    '2m',
    'How long after a change of ingestion.tenant_shard_size spans still go to the ingesters of before: by then queriers have read it, too. (Not in Tempo.)',
    on,
  ),
  retry_after_on_resource_exhausted: duration('0s', 'How long refused clients are told to wait; 0 is what the rate limit needs.', on),
  max_attribute_bytes: bytes(2048, 'Longest key or string value of an attribute; longer ones are cut; 0 is no limit.', on),
  max_negative_duration: duration('1h', 'A span that ends earlier than this before its start is refused; otherwise its duration is 0. (Not in Tempo.)', on),
  max_pending_bytes: bytes(
    256 * 1024 * 1024,
    'Most bytes of requests that are received and not answered yet; beyond it, clients are told to come back. One request is always taken. (Not in Tempo.)',
    { ...on, min: 1 },
  ),
  artificial_delay: duration('0s', 'Time that an answer takes at least, give or take 10 %, for tests.', on),
  log_received_spans: spanLog('received', 'log-received-spans'),
  log_discarded_spans: spanLog('refused', 'log-discarded-spans'),
  metric_received_spans: group('Count received spans by name and service.', {
    enabled: bool(false, 'Count them.'),
    root_only: bool(false, 'Only root spans.'),
  }),
});

export const ingest = group('Writing through Kafka.', {
  enabled: bool(false, 'Use Kafka.'),
  kafka: group('The Kafka client.', flagged('ingest', kafka({ filled: true }))),
});
