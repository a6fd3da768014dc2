// Asks the engine and the oracle the same, and brings both answers to one form.
import { evaluateNaively, plainOf, tableOf } from '@vivace/testkit';
import type { NaiveValues, PlainTrace } from '@vivace/testkit';
import { TableColumns } from '@vivace/trace';
import { parseQuery, validateQuery } from '@vivace/traceql';
import { cellToJson } from './cell-json.ts';
import { Cell, setLiteral } from './cell.ts';
import { mergeSearch } from './merge-search.ts';
import type { AnyValueJson } from './model.ts';
import { planSearch } from './plan-search.ts';
import { searchBatches } from './search.ts';
import { strict } from './strict-columns.fixture.ts';

/** Trace id, then its span sets: attributes and span ids, sorted. Equal when the answers are. */
export type Answer = Readonly<Record<string, readonly string[]>>;

const ALL = { limit: 1_000, spansPerSpanSet: 1_000, legacy: false };

/** `undefined`: refused, e.g. a structural operator after `by`. */
export async function askEngine(text: string, traces: readonly PlainTrace[]): Promise<Answer> {
  const query = parseQuery(text);
  validateQuery(query);
  const partial = await searchBatches(planSearch(query), [strict(new TableColumns(tableOf(traces)))], ALL);
  const entries = mergeSearch([partial], ALL).map(({ traceID, spanSets }) => {
    const sets = (spanSets ?? []).map(({ attributes, spans }) =>
      print(
        attributes?.map(({ key, value }) => [key, value]) ?? [],
        spans.map((s) => s.spanID),
      ),
    );
    return [traceID, sets.sort()] as const;
  });
  return Object.fromEntries(entries);
}

/** The oracle sees the spans as the table orders them, without duplicates. */
export function askOracle(text: string, traces: readonly PlainTrace[]): Answer {
  const query = parseQuery(text);
  const entries = evaluateNaively(query, plainOf(tableOf(traces))).map(({ traceId, spansets }) => {
    const sets = spansets.map(({ attributes, spans }) =>
      print(
        attributes.map(([key, values]) => [key, toJson(values)]),
        spans.map((s) => s.spanId),
      ),
    );
    return [traceId, sets.sort()] as const;
  });
  return Object.fromEntries(entries);
}

function print(attributes: readonly (readonly [string, AnyValueJson])[], spanIds: readonly string[]): string {
  return `${JSON.stringify(attributes)} ${[...new Set(spanIds)].sort().join(' ')}`;
}

function toJson(values: NaiveValues): AnyValueJson {
  if (values.length > 1) return { arrayValue: { values: values.map((value) => toJson([value])) } };
  const cell = new Cell();
  if (values.length > 0) setLiteral(cell, values[0]);
  return cellToJson(cell);
}
