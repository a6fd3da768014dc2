import type { AttrRef, AttrScope, SpanColumns, ValueSummary } from '@vivace/trace';
import type { Stage } from '@vivace/traceql';
import { EQUAL, GREATER, LESS, UNORDERED } from './condition.ts';
import type { Condition } from './condition.ts';
import type { OwnField, Predicate } from './predicate.ts';
import type { PlannedFilters } from './plan-search.ts';

/**
 * What a batch must hold for any of its traces to have a result: attributes with values that a condition accepts. `true`: nothing that could be told
 * without reading the values.
 */
export type Requirement =
  | boolean
  | { readonly kind: 'all' | 'any'; readonly parts: readonly Requirement[] }
  | { readonly kind: 'value'; readonly attr: AttrRef; readonly condition: Condition };

/** The requirement of stages one after the other. Pure. */
export function requirementOf({ stages, filters }: { readonly stages: readonly Stage[]; readonly filters: PlannedFilters }): Requirement {
  return join(
    'all',
    stages.map((stage) => ofStage(stage, filters)),
  );
}

/** Whether the batch may meet the requirement, by dictionaries and bounds; reads little or nothing. */
export async function mayMatch(requirement: Requirement, columns: SpanColumns, signal?: AbortSignal): Promise<boolean> {
  if (typeof requirement === 'boolean' || !columns.summarise) return requirement !== false;
  if (requirement.kind === 'value') return mayHold(requirement.condition, await columns.summarise(requirement.attr, signal));
  const isAll = requirement.kind === 'all';
  for (const part of requirement.parts) if ((await mayMatch(part, columns, signal)) !== isAll) return !isAll;
  return isAll;
}

function ofStage(stage: Stage, filters: PlannedFilters): Requirement {
  switch (stage.kind) {
    case 'filter':
      return ofPredicate(filters.of(stage));
    case 'pipeline':
      return requirementOf({ stages: stage.stages, filters });
    case 'spansetOperation': {
      const right = ofStage(stage.right, filters);
      if (stage.op === '||') return join('any', [ofStage(stage.left, filters), right]);
      // A negated operator asks for spans on the right that have none on the left.
      return stage.op.startsWith('!') ? right : stage.op.startsWith('&!') ? true : join('all', [ofStage(stage.left, filters), right]);
    }
    default:
      return true;
  }
}

function ofPredicate(predicate: Predicate): Requirement {
  switch (predicate.kind) {
    case 'const':
      return predicate.value;
    case 'and':
    case 'or':
      return join(predicate.kind === 'and' ? 'all' : 'any', predicate.parts.map(ofPredicate));
    case 'any':
      return ofPredicate(predicate.part);
    case 'test':
      return ofTest(predicate.field, predicate.condition);
    default:
      return true;
  }
}

function ofTest(field: OwnField, condition: Condition): Requirement {
  if (field.kind === 'intrinsic' || (condition.kind !== 'text' && condition.kind !== 'number')) return true;
  if (field.emptyWhenMissing && condition.kind === 'text' && condition.matches('')) return true;
  const value = (scope: AttrScope): Requirement => ({ kind: 'value', attr: { scope, key: field.key }, condition });
  return field.kind === 'attr' ? value(field.scope) : { kind: 'any', parts: [value('resource'), value('span')] };
}

function join(kind: 'all' | 'any', parts: readonly Requirement[]): Requirement {
  const decisive = kind === 'any';
  if (parts.includes(decisive)) return decisive;
  const open = parts.filter((part) => typeof part !== 'boolean');
  return open.length === 0 ? !decisive : open.length === 1 ? open[0] : { kind, parts: open };
}

function mayHold(condition: Condition, { strings, numbers, isLoaded }: ValueSummary): boolean {
  if (condition.kind === 'text') {
    if (strings === undefined) return true;
    const { equals } = condition;
    if (equals !== undefined) return strings.some((dict) => dict.find(equals) >= 0);
    // Every string is asked again when the values are judged.
    if (isLoaded) return true;
    for (const dict of strings) for (let id = 0; id < dict.size; id++) if (condition.matches(dict.get(id))) return true;
    return false;
  }
  // A literal beyond 2^53 is not compared in doubles.
  if (condition.kind !== 'number' || numbers === undefined || (condition.exact && !Number.isSafeInteger(condition.value))) return true;
  const { accept, value } = condition;
  const { min, max } = numbers;
  if ((accept & UNORDERED) !== 0) return true;
  return ((accept & LESS) !== 0 && min < value) || ((accept & GREATER) !== 0 && max > value) || ((accept & EQUAL) !== 0 && min <= value && value <= max);
}
