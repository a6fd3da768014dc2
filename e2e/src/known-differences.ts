import { expect } from 'vitest';
import type { Case } from './conformance-kit.ts';

/** A recorded answer that is a defect of Tempo (docs/compat/deviations.md), and what holds instead. */
export interface KnownDifference {
  readonly why: string;
  /** Whether it goes away where a real Tempo stored the spans. */
  readonly byStorage: boolean;
  readonly applies: (c: Case) => boolean;
  readonly check: (answer: unknown, recorded: unknown) => void;
}

export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [
  {
    why: 'which spans are shown where more match than fit: the first of the trace as it is stored, in Tempo an accident of how it was cut',
    byStorage: true,
    applies: (c) => c.kind === 'search' && c.spss !== undefined,
    check: (answer, recorded) => expect(withoutShownSpans(answer)).toEqual(withoutShownSpans(recorded)),
  },
  {
    why: 'values of a tag under a query: Tempo lists 18 of the 26 names that spans of the service have',
    byStorage: false,
    applies: (c) => c.kind === 'values' && c.tag === 'name' && c.q === '{ resource.service.name = "cart" }',
    check: (answer, recorded) => {
      expect(answer).toEqual(expect.arrayContaining(recorded as unknown[]));
      expect(answer).toHaveLength(26);
    },
  },
];

function withoutShownSpans(answer: unknown): unknown {
  const traces = answer as readonly { readonly spanSets: readonly { readonly spans: readonly unknown[] }[] }[];
  return traces.map((trace) => ({ ...trace, spanSets: trace.spanSets.map((set) => ({ ...set, spans: set.spans.length })) }));
}

/** Queries of the corpus that Tempo 2.10 refuses and we answer (docs/traceql.md, "Differences from Tempo"). */
export const ACCEPTED_BEYOND_TEMPO: ReadonlySet<string> = new Set([
  '{ parent.tier = "gold" }',
  '{ parent.span.tier = "gold" }',
  '{ parent.event.retry = true }',
  '{} | by(parent.a)',
  '{} | select(parent.a)',
  '{} | count() > 1 + 1',
  '{} | count() + 1 > 2',
  '{} | 3 < count()',
  '{} | avg_over_time(span.bytes) by (name, kind, status, span.a, span.b)',
  '{} | rate() > 5',
  '{} | rate() | topk(3) | bottomk(1)',
  '{ parent = nil }',
  '{ parent != nil }',
  '({} | count()) > 3',
]);

/** Queries of the corpus whose meaning in Tempo is not that of the language, and what the language says. */
export const DIFFERENT_MEANING: Readonly<Record<string, string>> = {
  '{ span.v != 1.0 }': 'numbers compare across int and double',
  '{ span.v > 0.5 }': 'numbers compare across int and double',
  '{ span.v < 2 }': 'numbers compare across int and double',
  '{ span.v <= 1.5 }': 'numbers compare across int and double',
  '{ 1 = span.v }': 'numbers compare across int and double',
  '{ link:traceID = "00000000000000000000000000001001" }': 'ids compare as all their digits',
};
