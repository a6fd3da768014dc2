import type { AttrRef, AttrScope, ColumnName } from '@vivace/trace';
import type { Attribute, AttributeScope, FieldRef, IntrinsicName } from '@vivace/traceql';

/** Where the values of a field lie: one row per trace, resource, instrumentation scope, span, event or link. */
export type Level = 'trace' | 'resource' | 'scope' | 'span' | 'event' | 'link';

/** A field reference resolved to storage. `key` is the name shown in answers: bare, without scope (traceql.md 5.3). */
export type Field =
  | {
      readonly kind: 'attr';
      readonly level: Level;
      readonly scope: AttrScope;
      readonly key: string;
      /** `resource.service.name` always exists: missing reads as "" (traceql.md 4.1). */
      readonly emptyWhenMissing: boolean;
    }
  /** `.x`: the span's value when the key exists there, else the resource's. */
  | { readonly kind: 'unscoped'; readonly level: 'span'; readonly key: string; readonly emptyWhenMissing: boolean }
  /** `parent.x`, and `parent` for its id: the field of the parent span; without value when there is no such span. */
  | { readonly kind: 'parent'; readonly level: 'span'; readonly key: string; readonly of: Exclude<Field, { readonly kind: 'parent' }> }
  | { readonly kind: 'intrinsic'; readonly level: Level; readonly name: IntrinsicName; readonly key: string };

const ATTR_LEVEL = { resource: 'resource', instrumentation: 'scope', span: 'span', event: 'event', link: 'link' } as const satisfies Record<
  Exclude<AttributeScope, 'none'>,
  AttrScope
>;

const INTRINSIC: Record<Exclude<IntrinsicName, 'parent'>, { readonly level: Level; readonly columns: readonly ColumnName[] }> = {
  name: { level: 'span', columns: ['name'] },
  duration: { level: 'span', columns: ['duration'] },
  status: { level: 'span', columns: ['status'] },
  statusMessage: { level: 'span', columns: ['statusMessage'] },
  kind: { level: 'span', columns: ['kind'] },
  rootName: { level: 'trace', columns: ['roots'] },
  rootServiceName: { level: 'trace', columns: ['roots'] },
  traceDuration: { level: 'trace', columns: ['traceTimes'] },
  nestedSetLeft: { level: 'span', columns: ['nestedSets'] },
  nestedSetRight: { level: 'span', columns: ['nestedSets'] },
  nestedSetParent: { level: 'span', columns: ['nestedSets'] },
  'trace:id': { level: 'trace', columns: ['traceId'] },
  'span:id': { level: 'span', columns: ['spanId'] },
  'span:parentID': { level: 'span', columns: ['parentId'] },
  'span:childCount': { level: 'span', columns: ['spanId', 'parentId', 'kind'] },
  'event:name': { level: 'event', columns: ['events', 'eventName'] },
  'event:timeSinceStart': { level: 'event', columns: ['events', 'eventOffset'] },
  'link:spanID': { level: 'link', columns: ['links', 'linkSpanId'] },
  'link:traceID': { level: 'link', columns: ['links', 'linkTraceId'] },
  'instrumentation:name': { level: 'scope', columns: ['scope', 'scopeName'] },
  'instrumentation:version': { level: 'scope', columns: ['scope', 'scopeVersion'] },
};

const PARENT: Field = { kind: 'parent', level: 'span', key: 'parent', of: { kind: 'intrinsic', level: 'span', name: 'span:id', key: 'span:id' } };

export function resolveField(ref: FieldRef): Field {
  if (ref.kind === 'intrinsic') {
    if (ref.name === 'parent') return PARENT;
    return { kind: 'intrinsic', level: INTRINSIC[ref.name].level, name: ref.name, key: ref.name };
  }
  const of = resolveAttribute(ref);
  return ref.parent ? { kind: 'parent', level: 'span', key: `parent.${of.key}`, of } : of;
}

function resolveAttribute(ref: Attribute): Exclude<Field, { readonly kind: 'parent' | 'intrinsic' }> {
  const isServiceName = ref.name === 'service.name';
  if (ref.scope === 'none') return { kind: 'unscoped', level: 'span', key: ref.name, emptyWhenMissing: isServiceName };
  const scope = ATTR_LEVEL[ref.scope];
  return { kind: 'attr', level: scope, scope, key: ref.name, emptyWhenMissing: isServiceName && scope === 'resource' };
}

/** The columns and attributes a query must have loaded, collected while planning. */
export class NeedsBuilder {
  readonly columns = new Set<ColumnName>();
  readonly #attrs = new Map<string, AttrRef>();

  get attrs(): readonly AttrRef[] {
    return [...this.#attrs.values()];
  }

  addColumns(...names: readonly ColumnName[]): void {
    for (const name of names) this.columns.add(name);
  }

  addAttr(scope: AttrScope, key: string): void {
    this.#attrs.set(`${scope} ${key}`, { scope, key });
    if (scope === 'resource') this.columns.add('resource');
    else if (scope === 'scope') this.columns.add('scope');
    else if (scope === 'event') this.columns.add('events');
    else if (scope === 'link') this.columns.add('links');
  }

  addField(field: Field): void {
    if (field.kind === 'attr') this.addAttr(field.scope, field.key);
    else if (field.kind === 'parent') {
      this.addColumns('spanId', 'parentId', 'kind');
      this.addField(field.of);
    } else if (field.kind === 'unscoped') {
      this.addAttr('span', field.key);
      this.addAttr('resource', field.key);
    } else this.addColumns(...INTRINSIC[field.name as keyof typeof INTRINSIC].columns);
  }
}

/** Identity of a field: two references with the same id read the same values. */
export function fieldId(field: Field): string {
  switch (field.kind) {
    case 'attr':
      return `${field.scope}.${field.key}`;
    case 'unscoped':
      return `.${field.key}`;
    case 'parent':
      return `parent ${fieldId(field.of)}`;
    case 'intrinsic':
      return field.name;
  }
}
