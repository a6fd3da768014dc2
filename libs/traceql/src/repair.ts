// "Did you mean": the usual slips of people who come from SQL, PromQL or an older Tempo.

/** Strings and comments are kept; single-quoted text becomes a string; the rest is repaired word by word. */
const PIECES =
  /"(?:[^"\\\n]|\\.)*"|`[^`]*`|\/\/[^\n]*|'([^'\n]*)'|==|<>|(?<![\w.:"])(and|or|not)(?![\w.:])|\b(\d+(?:\.\d+)?) (ns|us|µs|ms|s|m|h|d)\b|(?<![\w.:"])(\w+)(?=\s*(?:==|=~|!=|!~|[<>]=?|=)\s*['"`\w.-])/gi;
const KNOWN =
  /^(?:name|duration|status|statusMessage|kind|rootName|rootServiceName|traceDuration|count|by|select|nestedSet(?:Left|Right|Parent)|true|false|nil|\d.*)$/;
const LOWER =
  /(?<![\w.:"`])(TRUE|FALSE|NIL|NULL|None|null|OK|ERROR|UNSET|SERVER|CLIENT|INTERNAL|PRODUCER|CONSUMER|True|False|Nil|Ok|Error|Unset|Server|Client|Internal|Producer|Consumer)(?![\w.:"`])/g;

/** The query probably meant, if `parses` says it is one. */
export function repair(text: string, parses: (candidate: string) => boolean): string | undefined {
  const fixed = fixWords(text.trim());
  for (const candidate of [fixed, closeBrace(fixed), addParentheses(fixed), `{ ${fixed} }`]) {
    if (candidate !== text && candidate !== '{  }' && parses(candidate)) return candidate;
  }
  return undefined;
}

function fixWords(text: string): string {
  const words = text.replace(PIECES, (piece, single?: string, logical?: string, digits?: string, unit?: string, name?: string) => {
    if (single !== undefined) return JSON.stringify(single);
    if (piece === '==') return '=';
    if (piece === '<>') return '!=';
    if (logical !== undefined) return { and: '&&', or: '||', not: '!' }[logical.toLowerCase()]!;
    if (digits !== undefined) return digits + unit!;
    return name === undefined || KNOWN.test(name) ? piece : `.${name}`;
  });
  return words.replace(LOWER, (word) => (/^(?:null|none)$/i.test(word) ? 'nil' : word.toLowerCase()));
}

function closeBrace(text: string): string {
  return text.startsWith('{') && !text.includes('}') ? `${text} }` : text;
}

/** `| rate` and `| count > 3` lack their parentheses. */
function addParentheses(text: string): string {
  return text.replace(/(\|\s*)(rate|count_over_time|count|coalesce)\b(?!\s*\()/g, '$1$2()');
}
