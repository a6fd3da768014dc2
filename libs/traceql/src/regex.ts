// Regular expressions of TraceQL: RE2 syntax and linear time, anchored at both ends, dot matches newline (docs/traceql.md).
import { AppError } from '@vivace/base';
import { RE2JS } from 're2js';

export type TextPredicate = (text: string) => boolean;

const CACHE_SIZE = 256;
const cache = new Map<string, TextPredicate>();
const META = /[\\.+*?()|[\]{}^$]/;

/**
 * A test for whole texts. Results are cached, so compiling the same pattern again is a map look-up.
 * @throws AppError invalid_argument when the pattern is not RE2.
 */
export function compileRegex(pattern: string): TextPredicate {
  const known = cache.get(pattern);
  if (known !== undefined) return known;
  const test = literalTest(pattern) ?? re2Test(pattern);
  const oldest = cache.size >= CACHE_SIZE ? cache.keys().next().value : undefined;
  if (oldest !== undefined) cache.delete(oldest);
  cache.set(pattern, test);
  return test;
}

/** What re2js answers, without the short cut. Exported for the test of the short cut. */
export function re2Test(pattern: string): TextPredicate {
  try {
    const compiled = RE2JS.compile(pattern, RE2JS.DOTALL);
    return (text) => compiled.testExact(text);
  } catch (error) {
    throw new AppError('invalid_argument', `invalid regex: \`${pattern}\``, { cause: error });
  }
}

/**
 * `lit`, `lit.*`, `.*lit`, `.*lit.*` without any other meta character need no automaton: `.*` matches every text, newlines included.
 * Lone surrogates stay with re2js, which decodes code points.
 */
function literalTest(pattern: string): TextPredicate | undefined {
  const open = pattern.startsWith('.*');
  const rest = open ? pattern.slice(2) : pattern;
  const close = rest.endsWith('.*');
  const literal = close ? rest.slice(0, -2) : rest;
  if (META.test(literal) || !literal.isWellFormed()) return undefined;
  if (open && (close || pattern === '.*')) return (text) => text.includes(literal);
  if (open) return (text) => text.endsWith(literal);
  if (close) return (text) => text.startsWith(literal);
  return (text) => text === literal;
}
