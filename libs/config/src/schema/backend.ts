import { bool, duration, group, int, on, string } from './node.ts';
import { backoff, compaction, grpcClient, stableRing } from './shared.ts';

/** Everything that works on stored blocks: the compactor of Tempo 2 and its successors. */

export const compactor = group('Merging and deleting blocks.', {
  disabled: bool(false, 'Neither merge nor delete.', on),
  ring: stableRing('compactors', on, { ...on, works: ['', 'memberlist', 'inmemory'] }),
  compaction: group('What is merged and deleted, and when.', compaction(on, true)),
  override_ring_key: string('compactor', 'Key of the ring.'),
});

export const backendScheduler = group('Giving out work on blocks.', {
  work: group('Jobs.', {
    prune_age: duration('1h', 'When finished jobs are forgotten.'),
    dead_job_timeout: duration('24h', 'When a job counts as lost.'),
  }),
  maintenance_interval: duration('1m', 'How often jobs are looked after.'),
  backend_flush_interval: duration('1m', 'How often jobs are saved in the bucket.'),
  provider: group('Where jobs come from.', {
    retention: group('Deleting.', { interval: duration('1h', 'How often.') }),
    compaction: group('Merging.', {
      measure_interval: duration('1m', 'How often tenants are measured.'),
      compaction: group('What is merged.', compaction()),
      max_jobs_per_tenant: int(1000, 'Jobs before the next tenant.'),
      min_input_blocks: int(2, 'Least blocks of a job.'),
      max_input_blocks: int(4, 'Most blocks of a job.'),
      max_compaction_level: int(0, 'Greatest level merged; 0 is any.'),
      min_cycle_interval: duration('30s', 'Least time between two rounds.'),
    }),
  }),
  job_timeout: duration('15s', 'Longest wait for a job.'),
  local_work_path: string('/var/tempo', 'Folder for saved jobs.'),
});

export const backendSchedulerClient = group('How the scheduler is called.', { grpc_client_config: grpcClient(false) });

export const backendWorker = group('Doing work on blocks.', {
  backend_scheduler_addr: string('', 'Address of the scheduler.'),
  backoff: backoff('100ms', '1m', 0),
  compaction: group('How blocks are merged.', compaction()),
  override_ring_key: string('backend-worker', 'Key of the ring.'),
  ring: stableRing('backend workers'),
  finish_on_shutdown_timeout: duration('30s', 'Longest time for an open job when stopping.'),
});
