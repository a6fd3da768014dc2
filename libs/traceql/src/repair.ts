// "Did you mean": the usual slips of people who come from SQL, PromQL or an older Tempo.

/**
 * Strings and comments are matched to be kept. The groups: single-quoted text, a SQL operator, a number and its unit apart, a name before
 * a comparison, a constant in capitals or of another language.
 */
const PIECES = new RegExp(
  [
    /"(?:[^"\\\n]|\\.)*"|`[^`]*`|\/\/[^\n]*/,
    /'([^'\n]*)'/,
    /==|<>/,
    /(?<![\w.:])(and|or|not)(?![\w.:])/,
    /\b(\d+(?:\.\d+)?) (ns|us|µs|ms|s|m|h|d)\b/,
    /(?<![\w.:])(\w+)(?=\s*(?:=|!=|!~|[<>])[=~]?\s*['"`\w.-])/,
    /(?<![\w.:])(true|false|nil|null|none|ok|error|unset|unspecified|server|client|internal|producer|consumer)(?![\w.:])/,
  ]
    .map(({ source }) => source)
    .join('|'),
  'gi',
);
const KNOWN =
  /^(?:name|duration|status|statusMessage|kind|rootName|rootServiceName|traceDuration|count|by|select|nestedSet(?:Left|Right|Parent)|true|false|nil|\d.*)$/;

/** The query probably meant, if `parses` says it is one. */
export function repair(text: string, parses: (candidate: string) => boolean): string | undefined {
  const fixed = fixWords(text.trim());
  for (const candidate of [fixed, closeBrace(fixed), addParentheses(fixed), `{ ${fixed} }`]) {
    if (candidate !== text && candidate !== '{  }' && parses(candidate)) return candidate;
  }
  return undefined;
}

function fixWords(text: string): string {
  return text.replace(PIECES, (piece, single?: string, logical?: string, digits?: string, unit?: string, name?: string, constant?: string) => {
    if (single !== undefined) return JSON.stringify(single);
    if (logical !== undefined) return { and: '&&', or: '||', not: '!' }[logical.toLowerCase()]!;
    if (digits !== undefined) return digits + unit!;
    if (name !== undefined) return KNOWN.test(name) ? name : `.${name}`;
    if (constant !== undefined) return /^(?:null|none)$/i.test(constant) ? 'nil' : constant.toLowerCase();
    return { '==': '=', '<>': '!=' }[piece] ?? piece;
  });
}

function closeBrace(text: string): string {
  return text.startsWith('{') && !text.includes('}') ? `${text} }` : text;
}

/** `| rate` and `| count > 3` lack their parentheses. */
function addParentheses(text: string): string {
  return text.replace(/(\|\s*)(rate|count_over_time|count|coalesce)\b(?!\s*\()/g, '$1$2()');
}
