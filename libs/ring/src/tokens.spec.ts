import { describe, expect, it } from 'vitest';
import { seeded } from './ring.fixture.ts';
import { formatTokens, generateTokens, parseTokens } from './tokens.ts';

describe('generateTokens', () => {
  it('gives distinct tokens that nobody has, ascending', () => {
    const taken = new Set([1, 2, 3]);
    let i = 0;
    const tokens = generateTokens(4, taken, () => [3, 9, 1, 9, 5, 2, 7, 4][i++]);
    expect([...tokens]).toEqual([4, 5, 7, 9]);
  });
});

describe('the tokens file', () => {
  it('is read as it was written', () => {
    const tokens = generateTokens(128, new Set(), seeded(3));
    expect(parseTokens(formatTokens(tokens))).toEqual(tokens);
    expect(formatTokens(Uint32Array.of(1, 4294967295))).toBe('{"tokens":[1,4294967295]}\n');
  });

  it.each(['', '{', '[]', 'null', '{"tokens":1}', '{"tokens":[-1]}', '{"tokens":[4294967296]}', '{"tokens":["1"]}'])('refuses %s', (text) => {
    expect(() => parseTokens(text)).toThrow('tokens file: is not {"tokens": [...]} with numbers below 2^32');
  });
});
