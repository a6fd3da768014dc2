import { parseQuery } from '@vivace/traceql';
import { describe, expect, it } from 'vitest';
import { NeedsBuilder } from './field.ts';
import { planPredicate } from './predicate.ts';
import type { Predicate } from './predicate.ts';

function plan(text: string): { readonly shape: string; readonly needs: NeedsBuilder } {
  const [stage] = parseQuery(text).stages;
  if (stage.kind !== 'filter') throw new Error('not a filter');
  const needs = new NeedsBuilder();
  return { shape: print(planPredicate(stage.expr, needs)), needs };
}

function print(predicate: Predicate): string {
  switch (predicate.kind) {
    case 'const':
      return String(predicate.value);
    case 'and':
    case 'or':
      return `${predicate.kind}@${predicate.level}(${predicate.parts.map(print).join(', ')})`;
    case 'not':
    case 'any':
      return `${predicate.kind}(${print(predicate.part)})`;
    case 'test':
    case 'exists':
      return `${predicate.kind}@${predicate.level}`;
    case 'compute':
    case 'some':
      return `${predicate.kind}@${predicate.level}`;
  }
}

describe('planPredicate', () => {
  for (const [text, shape] of [
    ['{ }', 'true'],
    ['{ duration > 1s }', 'test@span'],
    ['{ 1s < duration }', 'test@span'],
    ['{ resource.a = 1 && name = "x" && resource.b = 2 }', 'and@span(and@resource(test@resource, test@resource), test@span)'],
    ['{ trace:id = "1" || resource.a = 1 }', 'or@span(test@trace, test@resource)'],
    ['{ event.a = 1 && name = "x" && event.b = 2 }', 'and@span(test@span, any(and@event(test@event, test@event)))'],
    ['{ event.a = 1 || event.b = 2 }', 'or@span(any(test@event), any(test@event))'],
    ['{ event.a = 1 && link.b = 2 }', 'and@span(any(test@event), any(test@link))'],
    ['{ (event.a = 1 || event.b = 2) && event:name = "x" }', 'any(and@event(or@event(test@event, test@event), test@event))'],
    ['{ (event.a = 1 || name = "x") && event:name = "x" }', 'some@span'],
    ['{ event.a = nil && name = "x" }', 'and@span(test@span, some@span)'],
    ['{ event.a = link.a }', 'some@span'],
    ['{ event.a > span.a + 1 }', 'any(compute@event)'],
    ['{ !(resource.a = 1) }', 'not(test@resource)'],
    ['{ !span.a }', 'compute@span'],
    ['{ span.a }', 'compute@span'],
    ['{ parent.a = 1 && parent.b != nil && name = "x" }', 'and@span(test@span, compute@span, compute@span)'],
    ['{ span.a && name = "x" }', 'and@span(test@span, test@span)'],
    ['{ span.a + 1 = 2 && name = "x" }', 'and@span(test@span, compute@span)'],
  ] as const) {
    it(`plans ${text}`, () => expect(plan(text).shape).toBe(shape));
  }

  it('asks for the columns of what it reads, joins included', () => {
    const { needs } = plan('{ .a = 1 && event.b = 2 && instrumentation:name = "x" && kind = server }');
    expect([...needs.columns].sort()).toEqual(['events', 'kind', 'resource', 'scope', 'scopeName']);
    expect(needs.attrs).toEqual([
      { scope: 'span', key: 'a' },
      { scope: 'resource', key: 'a' },
      { scope: 'event', key: 'b' },
    ]);
  });
});
