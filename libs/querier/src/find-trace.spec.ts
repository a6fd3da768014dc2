import type { TenantId } from '@vivace/base';
import { tableOf } from '@vivace/testkit';
import type { PlainSpan } from '@vivace/testkit';
import { SpanTable } from '@vivace/trace';
import { describe, expect, it } from 'vitest';
import { findTrace, joinTrace } from './find-trace.ts';
import { noSources } from './jobs.ts';
import type { FindTraceJob } from './jobs.ts';
import type { BlockReaders } from './open-sources.ts';

const TRACE = '0123456789abcdef'.repeat(2);
const NO_BLOCKS = {} as BlockReaders;

/** Spans of some 1,100 bytes each. */
function piece(...spanIds: readonly number[]) {
  const spans = spanIds.map(
    (id): PlainSpan => ({
      spanId: id.toString(16).padStart(16, '0'),
      parentId: '',
      name: 'x',
      kind: 1,
      startNs: 1_700_000_000_000_000_000n + BigInt(id),
      endNs: 1_700_000_000_000_000_009n,
      status: 0,
      attrs: [['text', 'y'.repeat(1_000)]],
      events: [],
      links: [],
      resource: [['service.name', 's']],
      scope: { name: '', version: '', attrs: [] },
    }),
  );
  return tableOf([{ traceId: TRACE, spans }]).handle();
}

function find(tables: FindTraceJob['sources']['tables'], maxBytes?: number) {
  const job = { sources: { ...noSources('t' as TenantId), tables }, traceId: Uint8Array.from(Buffer.from(TRACE, 'hex')) };
  return findTrace(maxBytes === undefined ? job : { ...job, maxBytes }, NO_BLOCKS, new AbortController().signal);
}

const spansOf = ({ trace }: { readonly trace: Parameters<typeof joinTrace>[0][number] | undefined }) => (trace ? new SpanTable({}, trace).spanCount : 0);

describe('a trace by id', () => {
  it('has the spans that fit, and tells so', async () => {
    const found = await find([piece(1, 2), piece(3, 4)], 3_500);
    expect([spansOf(found), found.isCut]).toEqual([3, true]);
    const joined = joinTrace([piece(1, 2), piece(3, 4)], 2_500);
    expect([spansOf(joined), joined.isCut]).toEqual([2, true]);
  });

  it.each([undefined, 0, 5_000])('is whole within %s bytes', async (maxBytes) => {
    const found = await find([piece(1, 2), piece(2, 3, 4)], maxBytes);
    expect([spansOf(found), found.isCut]).toEqual([4, undefined]);
  });

  it('keeps a span that is too large by itself', async () => {
    const found = await find([piece(1), piece(2)], 10);
    expect([spansOf(found), found.isCut]).toEqual([1, true]);
  });
});
