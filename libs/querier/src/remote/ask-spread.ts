import { noSources } from '../jobs.ts';
import type { JobSources, MetricsJob, SearchJob, SpreadJob } from '../jobs.ts';
import type { TaskOptions, TaskRunner } from '../task-runner.ts';
import type { AskedIngesters } from './asked-ingesters.ts';
import { tablesOf } from './spans-of.ts';
import { anyTask } from './wire.ts';

/** Which traces lie in several places, blocks and ingesters: these send ids. */
export async function askSpread(job: SpreadJob, ingesters: AskedIngesters, local: TaskRunner, options: TaskOptions): Promise<Uint8Array[]> {
  const { tenant, blocks, covered = [], share } = job.sources;
  const nothing = noSources(tenant);
  const range = share && (await local.run('idRange', { sources: { ...nothing, blocks, share } }, options));
  const asked: JobSources = { ...nothing, covered, ...(range && { range }), ...(job.traces && { only: job.traces.ids }) };
  const holders = await ingesters.ask<Uint8Array>('heldIds', ingesters.members, () => ({ sources: asked }));
  const sources: JobSources = { ...nothing, blocks, ...(range && { range }) };
  return [await local.run('spread', { ...job, sources, holders: holders.filter((ids) => ids !== undefined) }, options)];
}

/** Does a job about some traces, each put together from blocks and what ingesters send of it. */
export async function askUnited(
  task: 'search' | 'metrics',
  job: SearchJob | MetricsJob,
  ingesters: AskedIngesters,
  local: TaskRunner,
  options: TaskOptions,
): Promise<unknown[]> {
  const { tenant, blocks, covered = [], united } = job.sources;
  const nothing = noSources(tenant);
  const fetched = await ingesters.ask<Uint8Array>('spans', ingesters.members, () => ({ sources: { ...nothing, covered, ...(united && { only: united }) } }));
  return [await anyTask(local)(task, { ...job, sources: { ...nothing, tables: tablesOf(fetched), blocks, ...(united && { united }) } }, options)];
}
