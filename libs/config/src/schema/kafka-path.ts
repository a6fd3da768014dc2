import { bytes, duration, float, group, int, mapOf, string } from './node.ts';
import { blockFields, partitionRing, walFields, zonedRing } from './shared.ts';

/** The components of Tempo that read spans from Kafka. */

export const blockBuilder = group('Building blocks from Kafka.', {
  instance_id: string('', 'Name of this instance; empty is the host name.'),
  assigned_partitions: mapOf(string('', 'Partitions.'), 'Partitions by instance.'),
  partitions_per_instance: int(0, 'Partitions of an instance; 0 is by assigned_partitions.'),
  consume_cycle_duration: duration('5m', 'Time between two rounds.'),
  max_consuming_bytes: bytes(5_000_000_000, 'Most bytes read in a round.'),
  block: group('How blocks are written.', { max_block_bytes: bytes(20_971_520, 'Largest block.'), ...blockFields('vParquet4') }),
  wal: group('The log.', walFields('/var/tempo/block-builder/traces', 'none', 'vParquet4')),
});

export const liveStore = group('Recent spans from Kafka.', {
  ring: zonedRing('live stores', 'memberlist', '1m'),
  partition_ring: partitionRing(),
  metrics: group('TraceQL metrics.', {
    time_overlap_cutoff: float(0.2, 'Blocks that overlap the query less than this fraction are filtered by time.', { max: 1 }),
  }),
  commit_interval: duration('5s', 'How often offsets are committed.'),
  wal: group('The log.', walFields('/var/tempo/live-store/traces', 'none', 'vParquet4')),
  query_block_concurrency: int(10, 'Blocks read at a time.'),
  complete_block_timeout: duration('1h', 'How long finished blocks are kept.'),
  complete_block_concurrency: int(2, 'Blocks finished at a time.'),
  shutdown_marker_dir: string('/var/tempo/live-store/shutdown-marker', 'Folder of the shutdown marker.'),
  flush_check_period: duration('10s', 'How often traces and blocks are looked at for cutting.'),
  flush_op_timeout: duration('5m', 'Longest time to finish a block.'),
  max_trace_live: duration('30s', 'A trace older than this is cut.'),
  max_trace_idle: duration('5s', 'A trace without new spans for this time is cut.'),
  max_live_traces_bytes: bytes(250_000_000, 'Most bytes of live traces of a tenant.'),
  max_block_duration: duration('30m', 'A head block older than this is cut.'),
  max_block_bytes: bytes(104_857_600, 'A head block larger than this is cut.'),
  block_config: group('How blocks are written.', blockFields('')),
});
