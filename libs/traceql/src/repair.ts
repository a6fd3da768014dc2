// "Did you mean": the usual slips of people who come from SQL, PromQL, LogQL or another tracing system.
import { fixPipeline } from './repair-pipeline.ts';
import { fixWords } from './repair-words.ts';

/** Literals and comments, which no rule looks into. Single and typographic quotes become double ones. */
const LITERALS = /"(?:[^"\\\n]|\\.)*"|`[^`]*`|'([^'\n]*)'|[“”„]([^“”\n]*)[“”]|[‘’]([^‘’\n]*)[‘’]|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;
const MASK = /\u0002(\d+)\u0003/g;

/** What the text may have been meant to be, best first. They need not be queries. */
export function* repairs(text: string): Generator<string, void> {
  if (/[\u0002\u0003]/.test(text)) return;
  const id = /^(?:[0-9a-f]{16}){1,2}$/i.exec(text.trim())?.[0].toLowerCase();
  if (id !== undefined) yield id.length === 32 ? `{ trace:id = "${id}" }` : `{ span:id = "${id}" }`;
  const literals: string[] = [];
  const mask = (literal: string): string => `\u0002${literals.push(literal) - 1}\u0003`;
  const unmask = (masked: string): string => masked.replace(MASK, (_, n: string) => literals[Number(n)]);
  const masked = text.trim().replace(LITERALS, (literal, ...quoted: unknown[]) => {
    const inner = quoted.slice(0, 3).find((part) => typeof part === 'string');
    return mask(inner === undefined ? literal : JSON.stringify(inner));
  });
  const words = fixWords(masked, { read: (m) => unmask(m).slice(1, -1), make: (value) => mask(JSON.stringify(value)) });
  for (const whole of [words, fixPipeline(words)]) {
    for (const candidate of [whole, closeString(whole), joinConditions(whole), balance(whole), wrapFirst(whole)]) yield unmask(candidate);
    yield unmask(joinConditions(balance(wrapFirst(whole))));
  }
}

/** A string left open ends before the brace. */
function closeString(text: string): string {
  return text.replace(/"([^"\u0002]*?)(\s*\}|$)/, '"$1"$2');
}

/** Adds the closing brackets that lack and drops those too many. A pipe ends a filter left open; a brace closed begins with the text. */
function balance(text: string): string {
  const open: string[] = [];
  let out = '';
  const close = (until?: string): void => {
    while (open.length > 0 && open.at(-1) !== until) out = `${out.trimEnd()}${open.pop() === '{' ? ' }' : ')'}`;
  };
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '{' || c === '(') open.push(c);
    else if (c === '}' || c === ')') {
      const partner = c === '}' ? '{' : '(';
      if (!open.includes(partner)) {
        if (c === '}' && !out.includes('{')) out = `{ ${out.trim()} }`;
        continue;
      }
      close(partner);
      open.pop();
      if (c === '}') out = `${out.trimEnd()} `;
    } else if (c === '|' && open.includes('{') && text[i - 1] !== '|' && text[i + 1] !== '|') {
      close();
      out += ' ';
    }
    out += c;
  }
  close();
  return out.trim();
}

/** Commas, single `&` and single `|` between the conditions of a filter. */
function joinConditions(text: string): string {
  return text.replace(/\{[^{}]*\}/g, (filter) =>
    filter
      .replace(/,\s*\}/, ' }')
      .replace(/\s*(?:,|(?<!&)&(?!&))\s*/g, ' && ')
      .replace(/\s*(?<!\|)\|(?!\|)\s*/g, ' || '),
  );
}

/** Braces around what stands before the first pipe. */
function wrapFirst(text: string): string {
  const pipe = /(?<!\|)\|(?!\|)/.exec(text)?.index ?? text.length;
  const first = text.slice(0, pipe).trim();
  return first === '' || first.includes('{') ? text : `{ ${first} } ${text.slice(pipe)}`.trimEnd();
}
