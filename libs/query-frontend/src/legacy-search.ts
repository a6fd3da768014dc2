/** What a tag search (before TraceQL) asks: every tag somewhere in the trace, and bounds on the duration of the trace. */
export interface LegacySearch {
  readonly tags: readonly (readonly [key: string, value: string])[];
  /** 0: no bound. */
  readonly minDurationNs: bigint;
  readonly maxDurationNs: bigint;
}

/**
 * The same question in TraceQL, so that there is one engine. Tags match text partially and without regard to case, numbers and booleans by
 * value, on any span of the trace or its resource: each is a spanset of its own, joined by `&&`.
 */
export function legacyToTraceQL(search: LegacySearch): string {
  const filters = search.tags.map(([key, value]) => `{ ${tagCondition(key, value)} }`);
  if (search.minDurationNs > 0n) filters.push(`{ traceDuration >= ${search.minDurationNs}ns }`);
  if (search.maxDurationNs > 0n) filters.push(`{ traceDuration <= ${search.maxDurationNs}ns }`);
  return filters.length === 0 ? '{ }' : filters.join(' && ');
}

const INTRINSICS: ReadonlyMap<string, string> = new Map([
  ['name', 'name'],
  ['root.name', 'rootName'],
  ['root.service.name', 'rootServiceName'],
]);
const STATUS = /^(error|ok|unset)$/;
const NUMBER = /^-?\d{1,18}(\.\d{1,18})?$/;
const BOOLEAN = /^(true|false)$/;

function tagCondition(key: string, value: string): string {
  if (key === 'status.code' && STATUS.test(value)) return `status = ${value}`;
  const pattern = JSON.stringify(`(?is).*${quoteRegex(value)}.*`);
  const intrinsic = INTRINSICS.get(key);
  if (intrinsic !== undefined) return `${intrinsic} =~ ${pattern}`;
  const attribute = JSON.stringify(key);
  const byText = `span.${attribute} =~ ${pattern} || resource.${attribute} =~ ${pattern}`;
  return NUMBER.test(value) || BOOLEAN.test(value) ? `${byText} || span.${attribute} = ${value} || resource.${attribute} = ${value}` : byText;
}

function quoteRegex(text: string): string {
  return text.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&');
}
