import { bool, bytes, duration, float, free, group, int, list, mapOf, on, oneOf, string, strings } from './node.ts';
import { blockFields, blockSearch, walFields, zonedRing } from './shared.ts';

const numbers = (value: readonly number[], doc: string) => list(float(0, doc), value, doc);

const mapping = group('A label made from attributes.', {
  name: string('', 'Name of the label.'),
  source_labels: strings([], 'Attributes.'),
  join: string('', 'Text between their values.'),
});

const intrinsicDimensions = {
  service: bool(true, 'Label service.'),
  span_name: bool(true, 'Label span_name.'),
  span_kind: bool(true, 'Label span_kind.'),
  status_code: bool(true, 'Label status_code.'),
  status_message: bool(false, 'Label status_message.'),
};

export const filterPolicies = () => list(free('One policy: include and exclude, with match_type strict or regex.'), [], 'Which spans are counted.');
export const dimensionMappings = () => list(mapping, [], 'Labels made from several attributes.');

const serviceGraphs = group('Edges between services.', {
  wait: duration('10s', 'How long an edge waits for its other end.'),
  max_items: int(10_000, 'Most edges waiting.'),
  workers: int(10, 'Workers.'),
  histogram_buckets: numbers([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8], 'Upper bounds in seconds.'),
  dimensions: strings([], 'Attributes that become labels.'),
  enable_client_server_prefix: bool(false, 'Labels with client_ and server_ before the attribute.'),
  enable_messaging_system_latency_histogram: bool(false, 'Time between sending and receiving a message.'),
  peer_attributes: strings(['peer.service', 'db.name', 'db.system'], 'Attributes that name a peer without spans.'),
  span_multiplier_key: string('', 'Attribute with the sampling ratio.'),
  enable_virtual_node_label: bool(false, 'Label virtual_node.'),
  database_name_attributes: strings(['db.namespace', 'db.name', 'db.system'], 'Attributes that name a database.'),
});

const spanMetrics = group('Rate, errors and duration of spans.', {
  histogram_buckets: numbers(
    Array.from({ length: 14 }, (_, i) => (2 * 2 ** i) / 1000),
    'Upper bounds in seconds.',
  ),
  intrinsic_dimensions: group('Labels from span fields.', intrinsicDimensions),
  dimensions: strings([], 'Attributes that become labels.'),
  dimension_mappings: dimensionMappings(),
  enable_target_info: bool(false, 'Write traces_target_info.'),
  span_multiplier_key: string('', 'Attribute with the sampling ratio.'),
  subprocessors: group('Which series are written, by number.', {
    0: bool(true, 'Latency.'),
    1: bool(true, 'Count.'),
    2: bool(true, 'Size.'),
  }),
  filter_policies: filterPolicies(),
  target_info_excluded_dimensions: strings([], 'Attributes left out of traces_target_info.'),
  enable_instance_label: bool(true, 'Label instance.'),
});

const localBlocks = group('Recent spans for TraceQL metrics.', {
  block: group('How blocks are written.', blockFields('vParquet4')),
  search: blockSearch(),
  flush_check_period: duration('10s', 'How often traces and blocks are looked at for cutting.'),
  trace_idle_period: duration('5s', 'A trace without new spans for this time is cut.'),
  trace_live_period: duration('30s', 'A trace older than this is cut.'),
  max_block_duration: duration('1m', 'A head block older than this is cut.'),
  max_block_bytes: bytes(500_000_000, 'A head block larger than this is cut.'),
  concurrency: int(4, 'Blocks written at a time.'),
  complete_block_timeout: duration('1h', 'How long finished blocks are kept.'),
  max_live_traces: int(0, 'Most live traces; 0 is no limit.'),
  max_live_traces_bytes: bytes(250_000_000, 'Most bytes of live traces.'),
  filter_server_spans: bool(true, 'Keep only server spans.'),
  flush_to_storage: bool(false, 'Store blocks in the object store.'),
  concurrent_blocks: int(10, 'Blocks read at a time.'),
  time_overlap_cutoff: float(0.2, 'Blocks that overlap the query less than this fraction are filtered by time.', { max: 1 }),
});

export const metricsGenerator = group('Metrics made from spans.', {
  ring: zonedRing('metrics generators', 'memberlist', '1m', on, { ...on, works: ['memberlist', 'inmemory'] }),
  processor: group('What is made.', {
    service_graphs: serviceGraphs,
    span_metrics: spanMetrics,
    local_blocks: localBlocks,
    host_info: group('One series a host.', {
      host_identifiers: strings(['k8s.node.name', 'host.id'], 'Attributes that name a host.'),
      metric_name: string('traces_host_info', 'Name of the metric.'),
    }),
  }),
  registry: group('The series.', {
    collection_interval: duration('15s', 'How often they are written.'),
    stale_duration: duration('15m', 'When a silent series ends.'),
    external_labels: mapOf(string('', 'Labels of all series.'), 'Labels of all series.'),
    inject_tenant_id_as: string('', 'Label with the tenant.'),
    max_label_name_length: int(1024, 'Longest label name.'),
    max_label_value_length: int(2048, 'Longest label value.'),
  }),
  storage: group('Sending series to a Prometheus.', {
    path: string('', 'Folder of the log.'),
    wal: group('The log.', {
      wal_segment_size: bytes(134_217_728, 'Size of a segment.'),
      wal_compression: string('none', 'none, snappy or zstd.'),
      stripe_size: int(16_384, 'Unused here: lock stripes.', { status: 'ignored' }),
      truncate_frequency: duration('2h', 'How often it is shortened.'),
      min_wal_time: int(300_000, 'Least time kept, milliseconds.'),
      max_wal_time: int(14_400_000, 'Longest time kept, milliseconds.'),
      no_lockfile: bool(false, 'Do not lock the folder.'),
    }),
    remote_write: list(free('A Prometheus remote_write section.'), [], 'Where series are sent.'),
    remote_write_flush_deadline: duration('1m', 'Longest time to send the rest when stopping.'),
    remote_write_add_org_id_header: bool(true, 'Send the tenant in X-Scope-OrgID.'),
  }),
  traces_storage: group('The log of local blocks.', walFields('', 'none', 'vParquet4')),
  traces_query_storage: group('The log of local blocks, for queries.', walFields('', 'none', 'vParquet4')),
  metrics_ingestion_time_range_slack: duration('30s', 'Spans that ended longer ago are left out.', on),
  max_pending_bytes: bytes(268_435_456, 'Spans received that wait for processors; what is beyond is refused, and counted. (Not in Tempo.)', { ...on, min: 1 }),
  query_timeout: duration('30s', 'Longest time of a query.'),
  override_ring_key: string('metrics-generator', 'Key of the ring.'),
  codec: oneOf(['push-bytes', 'otlp'], 'push-bytes', 'How spans come in from Kafka.'),
  disable_local_blocks: bool(false, 'No local blocks.'),
  disable_grpc: bool(false, 'No gRPC server.'),
  limiter_type: oneOf(['series', 'entity'], 'series', 'What is limited.'),
  ingest_concurrency: int(16, 'Records worked on at a time.'),
  instance_id: string('', 'Name of this instance; empty is the host name.'),
});
