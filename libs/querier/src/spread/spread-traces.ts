import type { TenantId } from '@vivace/base';
import { ID_BYTES, joinIds } from '../copies/id-range.ts';
import { hashOf, wholeSlices } from '../jobs.ts';
import type { SpreadJob } from '../jobs.ts';
import { hasRecent, recentSources } from '../plan-jobs.ts';
import type { RunPart, TenantData } from '../plan-jobs.ts';
import type { TaskRunner } from '../task-runner.ts';

/** How far from what is found of a trace the rest of it is looked for. */
export const AROUND_SEC = 600;

/** Ids that one job compares. */
const TRACES_OF_JOB = 4_000_000;

/** The traces of each tenant that lie in several places, 16 bytes each, ascending; none where there is only one place. */
export async function spreadTraces(data: readonly TenantData[], run: RunPart, pool: TaskRunner): Promise<ReadonlyMap<TenantId, Uint8Array>> {
  const found = await Promise.all(
    data.map(async (one) => {
      const { recent, around } = one;
      // Ingesters elsewhere are several.
      if (!recent.isElsewhere && around.length + (hasRecent(one) ? 1 : 0) < 2) return new Uint8Array(0);
      const of = Math.max(1, Math.ceil(around.reduce((n, { totalObjects }) => n + totalObjects, 0) / TRACES_OF_JOB));
      const sources = { ...recentSources(one), blocks: wholeSlices(around) };
      const parts = await Promise.all(
        Array.from({ length: of }, (_, part) => runSpread({ sources: { ...sources, ...(of > 1 && { share: { part, of } }) }, places: 2 }, part, run, pool)),
      );
      return joinIds(parts);
    }),
  );
  return new Map(data.map(({ tenant }, i) => [tenant, found[i]] as const).filter(([, ids]) => ids.length > 0));
}

/** Of more traces than these copies are compared by digests before they are put together: most will be alike, as while blocks and the block they were merged into are both asked. */
const MANY = 20_000;

export function areMany(spread: ReadonlyMap<TenantId, Uint8Array>): boolean {
  let bytes = 0;
  for (const { length } of spread.values()) bytes += length;
  return bytes > MANY * ID_BYTES;
}

/** Gives the job to a thread: the `turn`th of those for the tenant. */
export async function runSpread(job: SpreadJob, turn: number, run: RunPart, pool: TaskRunner): Promise<Uint8Array> {
  const { tenant, isElsewhere } = job.sources;
  const ids: unknown = await run((options) => pool.run('spread', job, { ...options, affinity: hashOf(tenant) + turn }));
  // See TaskRunner.
  return isElsewhere ? (ids as readonly Uint8Array[])[0] : (ids as Uint8Array);
}
