import type { AttrScope } from '@vivace/trace';
import { Batch } from './batch.ts';
import { batchesInRange } from './batches-in-range.ts';
import { NeedsBuilder } from './field.ts';
import { MaskPool } from './mask.ts';
import type { QueryOptions, TagScope, TagsRequest, TagsResponse } from './model.ts';
import type { Batches } from './load-ahead.ts';
import { planSelection, selectedRows } from './span-selection.ts';
import type { SpanSelection } from './span-selection.ts';

/** As the API lists them; nested-set numbers are deliberately not offered (contract 1.4). */
const INTRINSIC_TAGS = [
  'duration',
  'event:name',
  'event:timeSinceStart',
  'instrumentation:name',
  'instrumentation:version',
  'kind',
  'link:spanID',
  'link:traceID',
  'name',
  'rootName',
  'rootServiceName',
  'span:duration',
  'span:id',
  'span:kind',
  'span:name',
  'span:parentID',
  'span:status',
  'span:statusMessage',
  'status',
  'statusMessage',
  'trace:duration',
  'trace:id',
  'trace:rootName',
  'trace:rootService',
  'traceDuration',
] as const;

const ATTR_SCOPES: readonly (readonly [TagScope, AttrScope])[] = [
  ['resource', 'resource'],
  ['span', 'span'],
  ['event', 'event'],
  ['link', 'link'],
  ['instrumentation', 'scope'],
];

/**
 * The attribute names in `batches` by scope, sorted, at most `limit` a scope (0: all). Without a query they come from dictionaries;
 * with one, a name counts when a selected span in the range has it. Partial answers are merged by `mergeTagNames`.
 */
export async function tagNames(batches: Batches, request: TagsRequest, options: QueryOptions = {}): Promise<TagsResponse> {
  const wanted = ATTR_SCOPES.filter(([scope]) => request.scope === undefined || request.scope === scope);
  const names = new Map<TagScope, Set<string>>(wanted.map(([scope]) => [scope, new Set()]));
  const masks = new MaskPool();
  let inspectedBytes = 0;
  if (wanted.length > 0) {
    for await (const columns of request.range ? batchesInRange(batches, request.range, options.signal) : batches) {
      options.signal?.throwIfAborted();
      const before = columns.inspectedBytes;
      const batch = new Batch(columns, masks, options.signal);
      for (const [scope, attrScope] of wanted) {
        const keys = await columns.attrKeys(attrScope, options.signal);
        const found = names.get(scope)!;
        const unseen = keys.filter((key) => !found.has(key));
        if (unseen.length === 0) continue;
        const needs = new NeedsBuilder();
        const selection = planSelection(request.query, request.range, needs);
        for (const key of unseen) needs.addAttr(attrScope, key);
        if (selection) await columns.load(needs, options.signal);
        for (const key of selection ? usedKeys(unseen, attrScope, selection, batch) : unseen) found.add(key);
      }
      inspectedBytes += columns.inspectedBytes - before;
    }
  }
  const scopes = [...names].map(([name, tags]) => ({ name, tags: [...tags] }));
  return mergeTagNames([{ scopes, inspectedBytes }], request);
}

/** One answer of several, or of none: names united, sorted, cut to `limit` a scope; scopes without names are left out. Intrinsics are always there. */
export function mergeTagNames(parts: readonly TagsResponse[], { limit, scope }: Pick<TagsRequest, 'limit' | 'scope'>): TagsResponse {
  const names = new Map<TagScope, Set<string>>();
  if (scope === undefined || scope === 'intrinsic') names.set('intrinsic', new Set(INTRINSIC_TAGS));
  for (const { scopes } of parts) {
    for (const { name, tags } of scopes) {
      const known = names.get(name) ?? new Set();
      names.set(name, known);
      for (const tag of tags) known.add(tag);
    }
  }
  const scopes = [...names]
    .filter(([, tags]) => tags.size > 0)
    .map(([name, tags]) => ({ name, tags: cut([...tags].sort(), limit) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  return { scopes, inspectedBytes: parts.reduce((sum, part) => sum + part.inspectedBytes, 0) };
}

function cut<T>(values: readonly T[], limit: number): readonly T[] {
  return limit > 0 ? values.slice(0, limit) : values;
}

function usedKeys(keys: readonly string[], scope: AttrScope, selection: SpanSelection, batch: Batch): readonly string[] {
  const { mask, of } = selectedRows(selection, scope, batch);
  const used = keys.filter((key) =>
    batch.columns.attr(scope, key).some(({ rows, count }) => {
      for (let i = 0; i < count; i++) if (mask.bytes[of ? of[rows[i]] : rows[i]] !== 0) return true;
      return false;
    }),
  );
  batch.masks.give(mask);
  return used;
}
