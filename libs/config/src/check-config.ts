import type { Config } from './config.ts';
import type { Warning } from './problem.ts';

/** Settings that are allowed each on its own but bad together; after Tempo's own start-up warnings. */
export function checkConfig(config: Config, warnings: Warning[]): void {
  const { values, storage } = config;
  const warn = (path: string, message: string, explain: string): void => {
    warnings.push({ where: '', path, message, explain });
  };
  if (values.compactor.compaction.block_retention < storage.blocklist.pollMs)
    warn('compactor.compaction.block_retention', 'is shorter than storage.trace.blocklist_poll', 'blocks may be deleted before queriers have seen them');
  if (values.compactor.compaction.retention_concurrency === 0) warn('compactor.compaction.retention_concurrency', 'is 0', 'retention needs at least 1');
  const { ingester_client, metrics_generator_client, querier } = values;
  for (const [section, client] of [
    ['ingester_client', ingester_client.grpc_client_config],
    ['metrics_generator_client', metrics_generator_client.grpc_client_config],
    ['querier.frontend_worker', querier.frontend_worker.grpc_client_config],
  ] as const) {
    if (!client.tls_enabled && [client.tls_ca_path, client.tls_cert_path, client.tls_key_path].some((file) => file !== ''))
      warn(`${section}.grpc_client_config.tls_enabled`, 'is false beside files for TLS', 'calls are in the clear and the files are not read');
  }
  const localPath = storage.localPath.replace(/\/+$/, '');
  if (storage.backend === 'local' && localPath === storage.wal.path.replace(/\/+$/, ''))
    warn('storage.trace.wal.path', 'is the folder of the blocks as well', 'the log would look like a tenant; give each a folder of its own');
  for (const scope of ['resource', 'span', 'event'] as const) {
    for (const [type, most] of [
      ['string', 10],
      ['int', 5],
    ] as const) {
      const columns = storage.block.dedicatedColumns.filter((column) => column.scope === scope && column.type === type);
      if (columns.length > most)
        warn(
          'storage.trace.block.parquet_dedicated_columns',
          `has ${columns.length} ${type} columns of scope ${scope}, vParquet4 has ${most}`,
          'the ones after that are kept as ordinary attributes',
        );
    }
  }
}
