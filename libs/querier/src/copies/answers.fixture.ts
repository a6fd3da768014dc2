// Data and answers that can be compared though spans come from several places.
import { finishRange, mergeMetrics, metricsBatches, planMetrics } from '@vivace/query';
import type { MetricsRequest } from '@vivace/query';
import { plainOf, tableOf } from '@vivace/testkit';
import type { PlainTrace } from '@vivace/testkit';
import { parseQuery, validateQuery } from '@vivace/traceql';
import type { Query } from '@vivace/traceql';
import { TableColumns } from '@vivace/trace';
import { expect } from 'vitest';
import { TENANT } from './cluster.fixture.ts';
import type { Cluster } from './cluster.fixture.ts';

/** The block format has no place for an empty service name. */
const isStorable = ({ spans }: PlainTrace): boolean => spans.every(({ resource }) => resource.every(([key, value]) => key !== 'service.name' || value !== ''));

/** Of two spans with one id, whose child is whose, and of two roots, which one names the trace, depends on the order in which they are stored. */
function unambiguous({ traceId, spans }: PlainTrace): PlainTrace {
  const root = spans.find(({ parentId }) => parentId === '');
  const distinct = [...new Map(spans.map((span) => [span.spanId, span])).values()];
  return { traceId, spans: distinct.map((span) => (span.parentId === '' && span !== root ? { ...span, parentId: '00000000000000ff' } : span)) };
}

export function comparable(traces: readonly PlainTrace[]): PlainTrace[] {
  return plainOf(tableOf(traces.filter(isStorable).map(unambiguous)));
}

export function parsed(text: string): Query {
  const query = parseQuery(text);
  validateQuery(query);
  return query;
}

const IN_ANY_ORDER = new Set(['attributes', 'spans', 'spanSets']);

/** Attributes and spans in one order, sums to nine digits: they come from several places. */
export function canonical(answer: unknown, key = ''): unknown {
  if (typeof answer === 'number') return answer.toPrecision(9);
  if (typeof answer !== 'object' || answer === null) return answer;
  if (!Array.isArray(answer)) return Object.fromEntries(Object.entries(answer).flatMap(([k, value]) => (k === 'spanSet' ? [] : [[k, canonical(value, k)]])));
  const items = answer.map((item) => canonical(item));
  return IN_ANY_ORDER.has(key) ? items.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : items;
}

/** Answers metrics queries over five seconds as from one table of all the traces. */
export async function metricsAgree({ querier }: Cluster, traces: readonly PlainTrace[], startNs: bigint, texts: readonly string[]): Promise<void> {
  for (const text of texts) {
    const request: MetricsRequest = {
      query: parsed(text),
      startNs,
      endNs: startNs + 5_000_000_000n,
      stepNs: 1_000_000_000n,
      exemplars: 0,
      maxSeries: 0,
    };
    const { metrics: _, ...answer } = await querier.queryRange(TENANT, request);
    const plan = planMetrics(request, 'range');
    const want = finishRange(mergeMetrics([await metricsBatches(plan, [new TableColumns(tableOf(traces))], { maxSeries: 1_000 })], plan, 1_000), plan, 0);
    expect(canonical(answer)).toEqual(canonical(want));
  }
}
