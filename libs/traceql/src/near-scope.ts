// Scopes that are a slip away: `spans.x` read as an attribute would match nothing, silently.

const SCOPES = ['span', 'resource', 'event', 'link', 'instrumentation', 'parent'] as const;
/** What other systems call the attributes. */
const ELSEWHERE = /^(?:scope|attributes?|attrs?|tags?|labels?|fields?)$/i;

/** The scope probably meant by `word` before a dot; empty for no scope, undefined when the word is just a word. */
export function nearScope(word: string): string | undefined {
  if (ELSEWHERE.test(word)) return '';
  const lower = word.toLowerCase();
  // Of the short names one letter makes another word: `line`, `spin`.
  return SCOPES.find((scope) => isSlip(lower, scope) && (scope.length > 4 || lower === scope || !isExchange(lower, scope)));
}

/** Whether two words differ by no more than one letter too many, too few or wrong, or by two in each other's place. */
export function isSlip(a: string, b: string): boolean {
  let i = 0;
  while (i < a.length && i < b.length && a[i] === b[i]) i++;
  const [restA, restB] = [a.slice(i), b.slice(i)];
  if (restA.slice(1) === restB.slice(1) || restA.slice(1) === restB || restA === restB.slice(1)) return true;
  return restA[0] === restB[1] && restA[1] === restB[0] && restA.slice(2) === restB.slice(2);
}

/** Whether one letter stands for another. */
function isExchange(a: string, b: string): boolean {
  return a.length === b.length && [...a].filter((letter, i) => letter !== b[i]).length === 1;
}
