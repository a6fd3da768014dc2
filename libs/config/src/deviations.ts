const RECONNECT = 'a process that is back is to be had at once; meanwhile calls fail';

/** Keys whose default differs from Tempo 2.10.8 on purpose, with the reason; everything else is equal. */
export const DEVIATIONS: Readonly<Record<string, string>> = {
  'ingester_client.grpc_client_config.connect_backoff_base_delay': RECONNECT,
  'ingester_client.grpc_client_config.connect_backoff_max_delay': RECONNECT,
  'metrics_generator_client.grpc_client_config.connect_backoff_base_delay': RECONNECT,
  'metrics_generator_client.grpc_client_config.connect_backoff_max_delay': RECONNECT,
  'query_frontend.rf1_after': 'the same moment, written as RFC 3339',
  'storage.trace.backend': 'local: a start without a configuration file works',
  'storage.trace.local.path': './data/blocks: the same',
  'storage.trace.wal.path': './data/wal: the same, and no root rights are needed',
  stream_over_http_enabled: 'true: Grafana asks gRPC of the port it asks everything of',
  'usage_report.reporting_enabled': 'false: there are no usage reports',
};
