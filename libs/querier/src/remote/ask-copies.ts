import type { RingMember } from '@vivace/ring';
import type { Choice } from '../copies/choose-copies.ts';
import type { TraceDigests } from '../copies/trace-digests.ts';
import { noSources } from '../jobs.ts';
import type { JobSources, MetricsJob, SearchJob } from '../jobs.ts';
import type { TaskOptions, TaskRunner } from '../task-runner.ts';
import type { AskedIngesters } from './asked-ingesters.ts';
import { tablesOf } from './spans-of.ts';
import { anyTask } from './wire.ts';

/**
 * Does a job over blocks and what ingesters hold, in which each span counts once though several have it. Ingesters say which traces of the range they hold and a digest of the spans of each (28 bytes a
 * trace). A trace whose copies are alike is evaluated where one of them lies; the spans of the others, few, come here and are put together with those in blocks.
 *
 * What arrives meanwhile cannot count twice: every trace known when the question is asked is evaluated in one place only, whatever it grows to there. When an ingester fails, its
 * traces are given to others that have them.
 */
export async function askCopies(
  task: 'search' | 'metrics',
  job: SearchJob | MetricsJob,
  ingesters: AskedIngesters,
  local: TaskRunner,
  options: TaskOptions,
): Promise<unknown[]> {
  const { tenant, blocks, covered = [], share, longAgo } = job.sources;
  const nothing = noSources(tenant);
  const range = await local.run('idRange', { sources: { ...nothing, blocks, ...(share && { share }) } }, options);
  const here: JobSources = { ...nothing, blocks, range };
  const elsewhere: JobSources = { ...nothing, covered, range };
  const asked = rotated(ingesters.members, share?.part ?? 0);
  const digests = await ingesters.ask<TraceDigests>('digests', asked, () => ({ sources: { ...elsewhere, ...(longAgo && { longAgo }) } }));
  for (;;) {
    const alive = ingesters.members;
    const holders: { readonly member: RingMember; readonly digests: TraceDigests }[] = [];
    asked.forEach((member, i) => {
      const own = digests[i];
      if (own && own.ids.length > 0 && alive.includes(member)) holders.push({ member, digests: own });
    });
    const choices = holders.length === 0 ? [] : await local.run('choose', { sources: here, holders: holders.map((holder) => holder.digests) }, options);
    const members = holders.map(({ member }) => member);
    const [partials, fetched] = await Promise.all([
      ingesters.ask(task, members, (i) => onlyOf(choices[i].evaluate, (only) => ({ ...job, sources: { ...elsewhere, only } }))),
      ingesters.ask<Uint8Array>('spans', members, (i) => onlyOf(choices[i].fetch, (only) => ({ sources: { ...elsewhere, only } }))),
    ]);
    if (ingesters.members.length < alive.length) continue;
    const tables = tablesOf(fetched);
    const isEmpty = blocks.length + tables.length === 0;
    const own = isEmpty ? undefined : await anyTask(local)(task, { ...job, sources: { ...here, tables } }, options);
    return [...partials, own].filter((partial) => partial !== undefined);
  }
}

function onlyOf<T>(ids: Choice['evaluate'], jobOf: (only: Uint8Array) => T): T | undefined {
  return ids.length === 0 ? undefined : jobOf(ids);
}

/** The first does most of the work: another in each part of a query. */
function rotated<T>(items: readonly T[], by: number): readonly T[] {
  return items.map((_, i) => items[(i + by) % items.length]);
}
