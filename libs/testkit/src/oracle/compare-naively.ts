// The oracle of compare(): docs/traceql.md, "Metrics".
import type { AttributeScope, Compare, FieldRef, Static } from '@vivace/traceql';
import type { NaiveSeries } from './evaluate-metrics-naively.ts';
import { keyOf } from './evaluate-naively.ts';
import { shownAs } from './label-value.ts';
import { matches, single, valuesOf } from './naive-expr.ts';
import type { NaiveSpan } from './naive-spans.ts';

const INTRINSICS = ['name', 'kind', 'status', 'statusMessage', 'rootName', 'rootServiceName', 'instrumentation:name', 'instrumentation:version'] as const;
const NIL: Static = { type: 'string', value: 'nil' };

/** All values, however many: `topN` is not its affair. */
export function compareNaively({ selection, start, end }: Compare, inBucket: readonly (readonly NaiveSpan[])[]): readonly NaiveSeries[] {
  const series = new Map<string, { readonly labels: NaiveSeries['labels']; readonly values: number[] }>();
  const count = (bucket: number, type: string, attribute: string, value: Static): void => {
    const labels = [
      ['__meta_type', { type: 'string', value: type }],
      [attribute, value],
    ] as const;
    const known = series.get(keyOf(labels)) ?? { labels, values: inBucket.map(() => 0) };
    series.set(keyOf(labels), known);
    known.values[bucket]++;
  };
  inBucket.forEach((spans, bucket) => {
    for (const span of spans) {
      const isSelected = matches(selection.expr, span) && (end <= start || (span.startNs > start && span.startNs <= end));
      const side = isSelected ? 'selection' : 'baseline';
      for (const [label, field] of fieldsOf(span)) {
        const value = single(valuesOf(field, span));
        count(bucket, `${side}_total`, label, NIL);
        count(bucket, side, label, value ? shownAs(value) : NIL);
      }
    }
  });
  return [...series.values()];
}

/** What the span has, whatever its value. */
function fieldsOf(span: NaiveSpan): readonly (readonly [string, FieldRef])[] {
  const loc = { from: 0, to: 0 };
  const attribute = (scope: AttributeScope, name: string) => [`${scope}.${name}`, { kind: 'attribute', scope, name, parent: false, loc }] as const;
  const names = (attrs: readonly (readonly [string, unknown])[], ...more: readonly string[]) => new Set([...attrs.map(([key]) => key), ...more]);
  return [
    ...INTRINSICS.map((name) => [name, { kind: 'intrinsic', name, loc }] as const),
    ...[...names(span.resource, 'service.name')].map((name) => attribute('resource', name)),
    ...[...names(span.attrs)].map((name) => attribute('span', name)),
    ...[...names(span.scope.attrs)].map((name) => attribute('instrumentation', name)),
  ];
}
