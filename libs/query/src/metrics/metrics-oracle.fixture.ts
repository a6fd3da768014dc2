// Asks the engine and the oracle the same, and brings both answers to one form.
import { evaluateMetricsNaively, plainOf, tableOf } from '@vivace/testkit';
import type { NaiveTimes, PlainTrace } from '@vivace/testkit';
import { TableColumns } from '@vivace/trace';
import type { SpanColumns } from '@vivace/trace';
import { parseQuery, validateQuery } from '@vivace/traceql';
import { cellToJson } from '../cell-json.ts';
import { Cell, setLiteral } from '../cell.ts';
import type { KeyValueJson, MetricsRequest } from '../model.ts';
import { strict } from '../strict-columns.fixture.ts';
import { finishInstant, finishRange } from './finish-metrics.ts';
import { mergeMetrics } from './merge-metrics.ts';
import { metricsBatches } from './metrics-batches.ts';
import { planMetrics } from './plan-metrics.ts';

/** Labels, and the samples as text of nine digits, in the order of the answer. */
export type Answer = readonly (readonly [labels: string, ...samples: readonly string[]])[];

export interface Question extends NaiveTimes {
  readonly query: string;
}

/** `jobs`: each of several batches of whole traces. */
export async function askEngine({ query: text, startNs, endNs, stepNs }: Question, jobs: readonly (readonly SpanColumns[])[]): Promise<Answer> {
  const query = parseQuery(text);
  validateQuery(query);
  const request: MetricsRequest = { query, startNs, endNs, stepNs: stepNs ?? 1n, exemplars: 10, maxSeries: 0 };
  const plan = planMetrics(request, stepNs === undefined ? 'instant' : 'range');
  const partials = await Promise.all(jobs.map((batches) => metricsBatches(plan, batches, { maxSeries: 1_000 })));
  const merged = mergeMetrics(structuredClone(partials), plan, 1_000);
  if (stepNs === undefined) return finishInstant(merged, plan, 0).series.map(({ labels, value }) => [print(labels), digits(value ?? 0)]);
  const stampOf = (bucket: number) => ((plan.axis.fromNs + BigInt(bucket + 1) * stepNs) / 1_000_000n).toString();
  return finishRange(merged, plan, 0).series.map(({ labels, samples }) => {
    const values = new Map(samples.map(({ timestampMs, value }) => [timestampMs, digits(value ?? 0)]));
    return [print(labels), ...Array.from({ length: plan.axis.buckets }, (_, bucket) => values.get(stampOf(bucket)) ?? '-')];
  });
}

export function columnsOf(traces: readonly PlainTrace[]): SpanColumns {
  return strict(new TableColumns(tableOf(traces)));
}

/** The oracle sees the spans as the table orders them, without duplicates. */
export function askOracle({ query, ...times }: Question, traces: readonly PlainTrace[]): Answer {
  const cell = new Cell();
  return evaluateMetricsNaively(parseQuery(query), plainOf(tableOf(traces)), times).map(({ labels, values }) => [
    print(
      labels.map(([key, value]) => {
        setLiteral(cell, value);
        return { key, value: cellToJson(cell) };
      }),
    ),
    ...values.map((value) => (value === undefined ? '-' : digits(value))),
  ]);
}

function print(labels: readonly KeyValueJson[]): string {
  return JSON.stringify(labels);
}

function digits(value: number): string {
  return (value + 0).toPrecision(9);
}
