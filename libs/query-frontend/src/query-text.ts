import { AppError } from '@vivace/base';
import type { Query } from '@vivace/traceql';
import { parseQuery, validateQuery } from '@vivace/traceql';

/** Parses and checks a search query; errors carry the prefix clients look for. A metrics stage is checked, then dropped: search ignores it. */
export function parseSearchQuery(text: string, maxBytes: number): Query {
  try {
    const { metrics: _, ...query } = parseChecked(text, maxBytes);
    return { ...query, second: [] };
  } catch (reason) {
    throw prefixed(reason, 'invalid TraceQL query: ');
  }
}

/** Syntax errors are worded bare, everything that is wrong with a query that parses gets `compiling query: `. */
export function parseMetricsQuery(text: string, maxBytes: number): Query {
  const query = parse(text, maxBytes);
  try {
    validateQuery(query);
  } catch (reason) {
    throw prefixed(reason, 'compiling query: ');
  }
  if (query.metrics === undefined) throw new AppError('invalid_argument', 'not a metrics query');
  return query;
}

/**
 * The filter of a tag query. Grafana sends what the user has typed so far: of a filter that does not parse the conditions that do count, if
 * nothing but `&&` joins them. What is more than one spanset filter counts as no filter.
 */
export function parseTagFilter(text: string | undefined, maxBytes: number): Query | undefined {
  if (text === undefined) return undefined;
  const query = tryParse(text, maxBytes) ?? tryParse(finishedConditions(text, maxBytes), maxBytes);
  return query?.stages.length === 1 && query.stages[0].kind === 'filter' && query.metrics === undefined ? query : undefined;
}

/** Strings, the last of which may be without an end; what joins conditions, or makes this more than a filter; anything else. */
const TAG_FILTER_TOKEN = /"(?:[^"\\]|\\.)*"?|`[^`]*`?|&&|\|\||[{}()|]|[^"`&|{}()]+|&/gs;

function finishedConditions(text: string, maxBytes: number): string {
  const filter = text.trim();
  if (!filter.startsWith('{')) return '';
  const conditions = [''];
  for (const [token] of filter.slice(1, filter.endsWith('}') ? -1 : undefined).matchAll(TAG_FILTER_TOKEN)) {
    if (token === '&&') conditions.push('');
    else if (/^[{}()|]/.test(token)) return '';
    else conditions[conditions.length - 1] += token;
  }
  const finished = conditions.filter((condition) => condition.trim() !== '' && tryParse(`{${condition}}`, maxBytes));
  return finished.length === 0 ? '' : `{${finished.join('&&')}}`;
}

function tryParse(text: string, maxBytes: number): Query | undefined {
  try {
    return parseChecked(text, maxBytes);
  } catch (reason) {
    if (reason instanceof AppError) return undefined;
    throw reason;
  }
}

function parseChecked(text: string, maxBytes: number): Query {
  const query = parse(text, maxBytes);
  validateQuery(query);
  return query;
}

/** `maxBytes` of 0 is no limit. */
function parse(text: string, maxBytes: number): Query {
  return parseQuery(text, { maxBytes: maxBytes > 0 ? maxBytes : Number.MAX_SAFE_INTEGER });
}

function prefixed(reason: unknown, prefix: string): unknown {
  return reason instanceof AppError ? new AppError(reason.code, prefix + reason.message, { cause: reason }) : reason;
}
