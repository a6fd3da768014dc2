// What a process says of its copies, for another that decides which of them count.
import { tableToProto } from '@vivace/otlp';
import type { TimeRange } from '@vivace/query';
import { SpanTable } from '@vivace/trace';
import type { SpanColumns } from '@vivace/trace';
import type { TaskContext } from '@vivace/workers';
import type { ChooseJob, DigestsJob, RangeJob, SpansJob } from '../jobs.ts';
import { withRecent } from '../open-sources.ts';
import type { BlockReaders } from '../open-sources.ts';
import { chooseCopies } from './choose-copies.ts';
import type { Choice } from './choose-copies.ts';
import { ID_BYTES, rowsInRange } from './id-range.ts';
import type { IdRange } from './id-range.ts';
import { blockPieces, openPieces, rangeOf } from './pieces.ts';
import { DIGEST_WORDS, digestTraces } from './trace-digests.ts';
import type { TraceDigests } from './trace-digests.ts';

const TIMES = { columns: new Set(['traceTimes'] as const), attrs: [], tracesOnly: true };
const SPANS = { columns: new Set(['traceId', 'spanId', 'kind'] as const), attrs: [] };

export function copyTasks(readers: BlockReaders) {
  return {
    digests: ({ sources }: DigestsJob, { signal }: TaskContext): Promise<TraceDigests> =>
      withRecent(sources, readers, async ({ batches }) => {
        const found: TraceDigests[] = [];
        for (const columns of batches) {
          if (sources.longAgo && !(await hasTraceIn(columns, sources.longAgo, signal))) continue;
          await columns.load(SPANS, signal);
          const [from, to] = rowsInRange(columns.traceIds(), sources.range ?? {});
          if (from < to) found.push(digestTraces(columns, from, to));
        }
        return concat(found);
      }),
    spans: ({ sources }: SpansJob, { signal }: TaskContext): Promise<Uint8Array> =>
      withRecent(sources, readers, (recent) => {
        const ids = sources.only ?? new Uint8Array(0);
        const joined = new SpanTable();
        for (let at = 0; at < ids.length; at += ID_BYTES) recent.append(ids.subarray(at, at + ID_BYTES), joined);
        signal.throwIfAborted();
        return Promise.resolve(tableToProto(joined));
      }),
    choose: async ({ sources, holders }: ChooseJob, { signal }: TaskContext): Promise<Choice[]> => {
      const range = await rangeOf(sources, readers, signal);
      return chooseCopies(holders, await openPieces(await blockPieces(sources, readers, range, signal), range, signal));
    },
    idRange: ({ sources }: RangeJob, { signal }: TaskContext): Promise<IdRange> => rangeOf(sources, readers, signal),
  };
}

/** A copy without the spans in question begins and ends near them: what it has is wanted too. */
const NEAR_NS = 300 * 1e9;

/** Whether any trace overlaps the range or is near it. */
async function hasTraceIn(columns: SpanColumns, { startSec, endSec }: TimeRange, signal: AbortSignal): Promise<boolean> {
  await columns.load(TIMES, signal);
  const start = columns.traceStart();
  const duration = columns.traceDuration();
  // Rounded to less than a microsecond.
  const [from, to] = [startSec * 1e9 - NEAR_NS, endSec * 1e9 + NEAR_NS];
  for (let t = 0; t < columns.traceCount; t++) {
    const at = start[2 * t + 1] * 2 ** 32 + start[2 * t];
    if (at <= to && at + duration[t] >= from) return true;
  }
  return false;
}

function concat(parts: readonly TraceDigests[]): TraceDigests {
  const traces = parts.reduce((n, { ids }) => n + ids.length / ID_BYTES, 0);
  const ids = new Uint8Array(traces * ID_BYTES);
  const words = new Uint32Array(traces * DIGEST_WORDS);
  let at = 0;
  for (const part of parts) {
    ids.set(part.ids, at * ID_BYTES);
    words.set(part.words, at * DIGEST_WORDS);
    at += part.ids.length / ID_BYTES;
  }
  return { ids, words };
}
