import { describe, expect, it } from 'vitest';
import { cutTagNames, cutTagValues } from './cut-tags.ts';

describe('cutTagNames', () => {
  const answer = {
    scopes: [
      { name: 'resource', tags: ['ab', 'é'] },
      { name: 'span', tags: ['c', 'de'] },
    ],
    inspectedBytes: 3,
  } as const;

  it('keeps the first that fit, over all scopes', () => {
    expect(cutTagNames(answer, 7)).toBe(answer);
    expect(cutTagNames(answer, 6)).toEqual({ ...answer, scopes: [answer.scopes[0], { name: 'span', tags: ['c'] }] });
    expect(cutTagNames(answer, 3)).toEqual({
      ...answer,
      scopes: [
        { name: 'resource', tags: ['ab'] },
        { name: 'span', tags: [] },
      ],
    });
  });
});

describe('cutTagValues', () => {
  it('counts type and value', () => {
    const answer = {
      values: [
        { type: 'int', value: '12' },
        { type: 'string', value: 'x' },
      ],
      inspectedBytes: 0,
    } as const;
    expect(cutTagValues(answer, 12)).toBe(answer);
    expect(cutTagValues(answer, 11)).toEqual({ values: [answer.values[0]], inspectedBytes: 0 });
    expect(cutTagValues(answer, 4)).toEqual({ values: [], inspectedBytes: 0 });
  });
});
