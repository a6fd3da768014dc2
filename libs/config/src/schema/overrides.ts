import { bool, bytes, duration, float, group, ignored, int, list, mapOf, on, oneOf, optional, string, strings } from './node.ts';
import { dimensionMappings, filterPolicies } from './generator.ts';
import { dedicatedColumns, headers } from './shared.ts';
import { azure, gcs, s3 } from './storage.ts';

const buckets = () => list(float(0, 'Upper bounds in seconds.'), [], 'Upper bounds in seconds.');

/** An absent boolean differs from false: the processor's own setting counts then. */
const maybe = (doc: string) => optional(doc, bool(false, doc));

/**
 * The limits of a tenant. `filled` gives the built-in defaults of `overrides.defaults`; without it every field is zero, which is what an entry of the
 * per-tenant file has for fields it does not write: it replaces the defaults as a whole.
 */
const limitFields = (filled: boolean) => ({
  ingestion: group('Writing.', {
    rate_strategy: oneOf(
      ['', 'local', 'global'],
      filled ? 'local' : '',
      'Whether the rate holds for each distributor or for all together; for all tenants alike.',
      {
        ...on,
        ...(filled ? {} : { works: ['', 'local'] }),
        flags: ['distributor.rate-limit-strategy'],
      },
    ),
    rate_limit_bytes: bytes(filled ? 15_000_000 : 0, 'Bytes a second.', { ...on, flags: ['distributor.ingestion-rate-limit-bytes'] }),
    burst_size_bytes: bytes(filled ? 20_000_000 : 0, 'Bytes at once.', { ...on, flags: ['distributor.ingestion-burst-size-bytes'] }),
    max_traces_per_user: int(filled ? 10_000 : 0, 'Live traces of an ingester; 0 is no limit.', { ...on, flags: ['ingester.max-traces-per-user'] }),
    max_global_traces_per_user: int(0, 'Live traces of all ingesters, each of which takes its share; the lesser of the two limits holds. 0 is no limit.', {
      ...on,
      flags: ['ingester.max-global-traces-per-user'],
    }),
    tenant_shard_size: int(0, 'Ingesters a tenant is spread over, at least as many as there are copies; 0 is all.', { ...on, min: 0 }),
    max_attribute_bytes: bytes(0, 'Longest attribute; 0 is distributor.max_attribute_bytes.', on),
    artificial_delay: duration('0s', 'Time that an answer takes at least, give or take 10 %; 0 is distributor.artificial_delay.', on),
    retry_info_enabled: bool(filled, 'Tell refused clients when to try again.', on),
  }),
  read: group('Reading.', {
    max_bytes_per_tag_values_query: bytes(filled ? 1_000_000 : 0, 'Most bytes of an answer to a tag query; 0 is no limit.', {
      ...on,
      flags: ['querier.max-bytes-per-tag-values-query'],
    }),
    max_blocks_per_tag_values_query: int(0, 'Most blocks read for tag values, the newest ones; 0 is no limit.', {
      ...on,
      flags: ['querier.max-blocks-per-tag-values-query'],
    }),
    max_search_duration: duration('0s', 'Longest time range of a search; 0 is query_frontend.search.max_duration.', on),
    max_metrics_duration: duration('0s', 'Longest time range of TraceQL metrics; 0 is query_frontend.metrics.max_duration.', on),
    unsafe_query_hints: bool(false, 'Not needed: no hint changes how a query runs.', ignored),
  }),
  compaction: group('Merging and deleting.', {
    block_retention: duration('0s', 'How long blocks are kept; 0 is compactor.compaction.block_retention.', on),
    compaction_window: duration('0s', 'Blocks of one window are merged; 0 is compactor.compaction.compaction_window.', on),
    compaction_disabled: bool(false, 'Do not merge blocks of this tenant.', on),
  }),
  metrics_generator: group('Metrics made from spans.', {
    ring_size: int(0, 'Generators a tenant is spread over; 0 is all.', on),
    processors: strings(
      [],
      'service-graphs, span-metrics (or -latency, -count, -size), local-blocks, host-info. None works yet: with any, spans are sent to the generators and counted.',
      { ...on, works: [] },
    ),
    max_active_series: int(0, 'Most series; 0 is no limit.'),
    max_active_entities: int(0, 'Most entities; 0 is no limit.'),
    collection_interval: duration('0s', 'How often series are written; 0 is metrics_generator.registry.collection_interval.'),
    disable_collection: bool(false, 'Do not write series.'),
    generate_native_histograms: oneOf(['', 'classic', 'native', 'both'], filled ? 'classic' : '', 'Kind of histograms.'),
    trace_id_label_name: string('', 'Label of the trace id in exemplars.'),
    remote_write_headers: headers('Headers sent with series.'),
    ingestion_time_range_slack: duration('0s', 'Spans that ended longer ago are left out; 0 is metrics_generator.metrics_ingestion_time_range_slack.', on),
    native_histogram_bucket_factor: float(filled ? 1.1 : 0, 'Growth of native buckets.', { flags: ['metrics-generator.native-histogram-bucket-factor'] }),
    native_histogram_max_bucket_number: int(filled ? 100 : 0, 'Most native buckets.', { flags: ['metrics-generator.native-histogram-max-bucket-number'] }),
    native_histogram_min_reset_duration: duration(filled ? '15m' : '0s', 'Least time between resets of native histograms.', {
      flags: ['metrics-generator.native-histogram-min-reset-duration'],
    }),
    forwarder: group('The queue to the generators.', {
      queue_size: int(0, 'Batches waiting; 0 is 100.', on),
      workers: int(0, 'Workers; 0 is 2.', on),
    }),
    processor: group('Settings of the processors.', {
      service_graphs: group('Edges between services.', {
        histogram_buckets: buckets(),
        dimensions: strings([], 'Attributes that become labels.'),
        peer_attributes: strings([], 'Attributes that name a peer without spans.'),
        enable_client_server_prefix: maybe('Labels with client_ and server_ before the attribute.'),
        enable_messaging_system_latency_histogram: maybe('Time between sending and receiving a message.'),
        enable_virtual_node_label: maybe('Label virtual_node.'),
      }),
      span_metrics: group('Rate, errors and duration of spans.', {
        histogram_buckets: buckets(),
        dimensions: strings([], 'Attributes that become labels.'),
        intrinsic_dimensions: mapOf(bool(false, 'Labels from span fields.'), 'Labels from span fields.'),
        filter_policies: filterPolicies(),
        dimension_mappings: dimensionMappings(),
        enable_target_info: maybe('Write traces_target_info.'),
        target_info_excluded_dimensions: strings([], 'Attributes left out of traces_target_info.'),
        enable_instance_label: maybe('Label instance.'),
      }),
      local_blocks: group('Recent spans for TraceQL metrics.', {
        max_live_traces: int(0, 'Most live traces.'),
        max_block_duration: duration('0s', 'A head block older than this is cut.'),
        max_block_bytes: bytes(0, 'A head block larger than this is cut.'),
        flush_check_period: duration('0s', 'How often traces and blocks are looked at for cutting.'),
        trace_idle_period: duration('0s', 'A trace without new spans for this time is cut.'),
        complete_block_timeout: duration('0s', 'How long finished blocks are kept.'),
      }),
      host_info: group('One series a host.', {
        host_identifiers: strings([], 'Attributes that name a host.'),
        metric_name: string('', 'Name of the metric.'),
      }),
    }),
  }),
  forwarders: strings([], 'Names of forwarders that get a copy.'),
  global: group('Everywhere.', {
    max_bytes_per_trace: bytes(filled ? 5_000_000 : 0, 'Largest trace; 0 is no limit.', { ...on, flags: ['ingester.max-bytes-per-trace'] }),
  }),
  storage: group('Blocks.', {
    parquet_dedicated_columns: dedicatedColumns([], 'Attributes with a column of their own; empty is storage.trace.block.parquet_dedicated_columns.', on),
  }),
  cost_attribution: group('Accounting.', {
    dimensions: mapOf(string('', 'Label by attribute.'), 'Label by attribute.'),
    max_cardinality: int(0, 'Most combinations; 0 is distributor.usage.cost_attribution.max_cardinality.'),
  }),
});

const generatorKeys = [
  'ring_size',
  'processors',
  'max_active_series',
  'max_active_entities',
  'collection_interval',
  'disable_collection',
  'generate_native_histograms',
  'trace_id_label_name',
  'remote_write_headers',
  'ingestion_time_range_slack',
  'native_histogram_bucket_factor',
  'native_histogram_max_bucket_number',
  'native_histogram_min_reset_duration',
];

/** The flat keys of before Tempo 2.3. */
const flat = (): Record<string, string> => {
  const names: Record<string, string> = {
    ingestion_rate_strategy: 'ingestion.rate_strategy',
    ingestion_rate_limit_bytes: 'ingestion.rate_limit_bytes',
    ingestion_burst_size_bytes: 'ingestion.burst_size_bytes',
    ingestion_tenant_shard_size: 'ingestion.tenant_shard_size',
    ingestion_max_attribute_bytes: 'ingestion.max_attribute_bytes',
    ingestion_artificial_delay: 'ingestion.artificial_delay',
    ingestion_retry_info_enabled: 'ingestion.retry_info_enabled',
    max_traces_per_user: 'ingestion.max_traces_per_user',
    max_global_traces_per_user: 'ingestion.max_global_traces_per_user',
    max_bytes_per_tag_values_query: 'read.max_bytes_per_tag_values_query',
    max_blocks_per_tag_values_query: 'read.max_blocks_per_tag_values_query',
    max_search_duration: 'read.max_search_duration',
    max_metrics_duration: 'read.max_metrics_duration',
    unsafe_query_hints: 'read.unsafe_query_hints',
    block_retention: 'compaction.block_retention',
    compaction_window: 'compaction.compaction_window',
    compaction_disabled: 'compaction.compaction_disabled',
    max_bytes_per_trace: 'global.max_bytes_per_trace',
    parquet_dedicated_columns: 'storage.parquet_dedicated_columns',
    metrics_generator_forwarder_queue_size: 'metrics_generator.forwarder.queue_size',
    metrics_generator_forwarder_workers: 'metrics_generator.forwarder.workers',
  };
  for (const key of generatorKeys) names[`metrics_generator_${key}`] = `metrics_generator.${key}`;
  const { service_graphs, span_metrics, local_blocks, host_info } = limitFields(false).metrics_generator.fields.processor.fields;
  for (const [processor, { fields }] of Object.entries({ service_graphs, span_metrics, local_blocks, host_info }))
    for (const key of Object.keys(fields)) names[`metrics_generator_processor_${processor}_${key}`] = `metrics_generator.processor.${processor}.${key}`;
  return names;
};

/** One entry of the per-tenant file, new or flat. */
export const tenantEntry = group('Limits of one tenant; they replace overrides.defaults as a whole.', limitFields(false), flat());

/** The file that `overrides.per_tenant_override_config` names. */
export const overridesFile = group('Limits of tenants.', {
  overrides: mapOf(tenantEntry, 'Limits by tenant; "*" holds for tenants without an entry.', on),
});

export const overrides = group(
  'Limits of tenants.',
  {
    defaults: group('Limits of tenants without an entry.', limitFields(true)),
    per_tenant_override_config: string('', 'File with limits by tenant, read again when it changes.', { ...on, flags: ['config.per-user-override-config'] }),
    per_tenant_override_period: duration('10s', 'How often that file is looked at.', { ...on, flags: ['config.per-user-override-period'], min: 1 }),
    user_configurable_overrides: group('Limits that tenants set themselves.', {
      enabled: bool(false, 'Serve /api/overrides.'),
      poll_interval: duration('1m', 'How often they are read.'),
      client: group('Where they are kept.', {
        backend: string('', 'local, gcs, s3 or azure.'),
        confirm_versioning: bool(true, 'Check that the bucket keeps versions.'),
        local: group('In a folder.', { path: string('', 'The folder.') }),
        gcs: gcs(),
        s3: s3(),
        azure: azure(),
      }),
      api: group('The API.', { check_for_conflicting_runtime_overrides: bool(false, 'Refuse what the per-tenant file also sets.') }),
    }),
  },
  Object.fromEntries(Object.entries(flat()).map(([old, path]) => [old, `defaults.${path}`])),
);
