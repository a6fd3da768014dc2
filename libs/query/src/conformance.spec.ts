import { readFileSync } from 'node:fs';
import { tableOf } from '@vivace/testkit';
import { TableColumns } from '@vivace/trace';
import { parseField, parseQuery, validateQuery } from '@vivace/traceql';
import { describe, expect, it } from 'vitest';
import { conformanceTraces } from './conformance-data.fixture.ts';
import { legacyQuery } from './legacy-query.ts';
import { mergeSearch } from './merge-search.ts';
import type { KeyValueJson, TagScope, TagValue, TraceSearchMetadata } from './model.ts';
import { planSearch } from './plan-search.ts';
import { searchBatches } from './search.ts';
import { strict } from './strict-columns.fixture.ts';
import { tagNames } from './tag-names.ts';
import { tagValues } from './tag-values.ts';

interface Case {
  readonly kind: 'search' | 'legacy' | 'tags' | 'values';
  readonly q?: string;
  readonly tag?: string;
  readonly scope?: TagScope;
  readonly params?: { readonly tags?: string; readonly minDuration?: string; readonly maxDuration?: string };
  readonly limit?: number;
  readonly spss?: number;
  readonly from?: number;
  readonly to?: number;
  readonly expect: { readonly status: number; readonly answer?: unknown };
}

const BASE_SEC = 1_795_000_000;
const BASE_NS = BigInt(BASE_SEC) * 1_000_000_000n;
const cases = readFileSync(new URL('../../../testdata/conformance/cases.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Case);
const traces = conformanceTraces(BASE_NS);
const table = new TableColumns(tableOf(traces));

async function search(c: Case): Promise<readonly TraceSearchMetadata[]> {
  const legacy = c.kind === 'legacy';
  const query = legacy ? legacyQuery(new Map(parseTags(c.params?.tags ?? '')), nsOf(c.params?.minDuration), nsOf(c.params?.maxDuration)) : parseQuery(c.q!);
  validateQuery(query);
  const options = { limit: c.limit ?? 1000, spansPerSpanSet: c.spss ?? 100, legacy };
  const range = { startNs: BASE_NS + BigInt(c.from ?? 0) * 1_000_000_000n, endNs: BASE_NS + BigInt(c.to ?? 300) * 1_000_000_000n };
  return mergeSearch([await searchBatches(planSearch(query, { legacy }), [strict(table)], { ...options, ...range })], options);
}

function parseTags(text: string): [string, string][] {
  return text
    .split(' ')
    .filter((pair) => pair !== '')
    .map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]);
}

function nsOf(text: string | undefined): bigint | undefined {
  return text === undefined ? undefined : BigInt(Number.parseInt(text, 10)) * 1_000_000_000n;
}

interface NormalTrace {
  readonly traceID: string;
  readonly rootServiceName: string;
  readonly rootTraceName: string;
  readonly spanSets: readonly { readonly matched: number; readonly spans: readonly unknown[] }[];
}

/** Which of its two roots names this trace is an accident of arrival in the recording, and the store's affair. */
function withoutRoot(trace: NormalTrace): unknown {
  return trace.traceID === 'c0ffee00000000000000000000000003' ? { ...trace, rootServiceName: '', rootTraceName: '' } : trace;
}

/** Which spans come first depends on arrival too; how many there are does not. */
function withoutSpans(trace: NormalTrace): unknown {
  return { ...trace, spanSets: trace.spanSets.map((set) => ({ ...set, spans: set.spans.length })) };
}

/** The recorded form: free of order, times relative to the base. */
function normalise(found: readonly TraceSearchMetadata[]): readonly NormalTrace[] {
  const relative = (ns: string): string => (BigInt(ns) - BASE_NS).toString();
  const sorted = (attributes: readonly KeyValueJson[] | undefined): readonly KeyValueJson[] =>
    [...(attributes ?? [])].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  return found
    .map((t) => ({
      traceID: t.traceID,
      rootServiceName: t.rootServiceName ?? '',
      rootTraceName: t.rootTraceName ?? '',
      start: relative(t.startTimeUnixNano),
      durationMs: t.durationMs ?? 0,
      spanSets: (t.spanSets ?? [])
        .map((s) => ({
          matched: s.matched,
          attributes: sorted(s.attributes),
          spans: s.spans
            .map((p) => ({
              spanID: p.spanID,
              ...(p.name ? { name: p.name } : {}),
              start: relative(p.startTimeUnixNano),
              durationNanos: p.durationNanos ?? '0',
              attributes: sorted(p.attributes),
            }))
            .sort((a, b) => (a.spanID < b.spanID ? -1 : 1)),
        }))
        .sort((a, b) => (JSON.stringify(a.attributes) + a.spans[0]?.spanID < JSON.stringify(b.attributes) + b.spans[0]?.spanID ? -1 : 1)),
    }))
    .sort((a, b) => (a.traceID < b.traceID ? -1 : 1));
}

describe('recorded answers of the search API', () => {
  for (const c of cases) {
    if (c.kind !== 'search' && c.kind !== 'legacy') continue;
    const title = c.q ?? JSON.stringify(c.params);
    if (c.expect.status === 200) {
      // Without a query the API falls back to tag search; that is the edge's affair.
      if (c.q === '') continue;
      it(c.spss ? `${title} cut to ${c.spss} spans` : title, async () => {
        const found = normalise(await search(c));
        const recorded = c.expect.answer as readonly NormalTrace[];
        if (c.spss) expect(found.map(withoutSpans)).toEqual(recorded.map(withoutSpans));
        else expect(found.map(withoutRoot)).toEqual(recorded.map(withoutRoot));
      });
    } else {
      it(`refuses ${title}`, async () => expect(search(c)).rejects.toMatchObject({ code: 'invalid_argument' }));
    }
  }
});

describe('recorded answers of the tag API', () => {
  const queryOf = (c: Case) => (c.q === undefined ? undefined : parseQuery(c.q));
  for (const c of cases) {
    if (c.kind === 'tags') {
      it(`names of ${c.scope}`, async () => {
        const { scopes } = await tagNames([strict(table)], { scope: c.scope, query: queryOf(c), range: undefined, limit: 0 });
        expect(scopes).toEqual(c.expect.answer);
      });
    } else if (c.kind === 'values') {
      it(`values of ${c.tag} ${c.q ?? ''}`, async () => {
        const { values } = await tagValues([strict(table)], { tag: parseField(c.tag!), query: queryOf(c), range: undefined, limit: 0 });
        const asText = (value: TagValue): string => JSON.stringify(value);
        const isStable = ({ value }: TagValue): boolean => value !== 'root-one' && value !== 'root-two';
        const recorded = c.expect.answer as readonly TagValue[];
        const found = values.filter(isStable).map(asText).sort();
        // With a query Tempo offers a value only where it met it first; the recording is a part of the right answer.
        if (c.q) expect(found).toEqual(expect.arrayContaining(recorded.map(asText)));
        else expect(found).toEqual(recorded.filter(isStable).map(asText).sort());
      });
    }
  }
});
