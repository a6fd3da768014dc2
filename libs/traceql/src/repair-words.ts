// Repairs inside conditions: operators, names, values and units as other languages write them.
import { isSlip, nearScope } from './near-scope.ts';

/** A text whose strings are masked, and what they hold. */
export interface Masks {
  /** The content of a masked string. */
  read(mask: string): string;
  /** A mask for a string of that content. */
  make(value: string): string;
}

/** The replacement gets the parts of the match: the whole, then its groups. */
export type Rule = readonly [pattern: RegExp, replacement: string | ((...parts: string[]) => string)];

const MASK = '\\u0002\\d+\\u0003';
const NAME = '[\\w.][\\w.-]*';
const COMPARISON = '(?:[<>]=?|!=|!~|=~|=)';
/** Not inside another word or behind a scope. */
const ALONE = '(?<![\\w.:-])';
const pattern = (...parts: readonly string[]): RegExp => new RegExp(parts.join(''), 'gi');

const OPERATORS: Readonly<Record<string, string>> = { '==': '=', '===': '=', '<>': '!=', '!==': '!=', '=<': '<=', '=>': '>=', '~=': '=~', '!=~': '!~' };
const UNITS: Readonly<Record<string, string>> = { mil: 'ms', mse: 'ms', sec: 's', min: 'm', hou: 'h', hr: 'h', hrs: 'h', day: 'd' };
const STATUS = ['unset', 'ok', 'error'];
const CONSTANT = /^(?:true|false|nil|error|ok|unset|unspecified|internal|client|server|producer|consumer)$/;
const FUNCTION = /^(?:by|select|coalesce|count|avg|min|max|sum|with|rate|compare|topk|bottomk|minInt|maxInt|\w+_over_time)$/;
const INTRINSICS = 'name duration status statusMessage kind rootName rootServiceName traceDuration nestedSetLeft nestedSetRight nestedSetParent parent'.split(
  ' ',
);
/** Names other systems have for fields, in lower case and without underscores. */
const FIELDS: Readonly<Record<string, string>> = {
  service: 'resource.service.name',
  servicename: 'resource.service.name',
  svc: 'resource.service.name',
  operation: 'name',
  operationname: 'name',
  op: 'name',
  spanname: 'name',
  latency: 'duration',
  elapsed: 'duration',
  spanduration: 'duration',
  durationms: 'duration',
  spankind: 'kind',
  spanstatus: 'status',
  rootspan: 'rootName',
  rootspanname: 'rootName',
  rootservice: 'rootServiceName',
  traceid: 'trace:id',
  spanid: 'span:id',
  parentid: 'span:parentID',
  parentspanid: 'span:parentID',
  eventname: 'event:name',
};

/** Before names and values are looked at. */
const SYNTAX: readonly Rule[] = [
  [/^select\b.*?\bwhere\b|^select\b.*?\bfrom\s+\w+|^where\b/is, ''],
  [/\b(?:order\s+by|limit)\s+[\w.\s]+;?$|;$/i, ''],
  [/!==?~?|={2,3}|<>|=<|=>(?!=)|~=/g, (op) => OPERATORS[op] ?? op],
  [/\s+is\s+not\s+(?:null|nil|none)\b/gi, ' != nil'],
  [/\s+is\s+(?:null|nil|none)\b/gi, ' = nil'],
  [pattern('\\b(?:exists|has)\\s*\\(\\s*(', NAME, ')\\s*\\)'), '$1 != nil'],
  [pattern('(', NAME, ')\\s+exists(?![\\w.:(])'), '$1 != nil'],
  [pattern('(', NAME, ')\\s*~\\s*(?=', MASK, ')'), '$1 =~ '],
];
const LOGIC: readonly Rule[] = [
  [pattern(ALONE, 'not\\s+(', NAME, '\\s*', COMPARISON, '\\s*(?:', MASK, '|', NAME, '))'), '!($1)'],
  [pattern(ALONE, 'not\\s+'), '!'],
  [pattern(ALONE, 'and(?![\\w.:-])'), '&&'],
  [pattern(ALONE, 'or(?![\\w.:-])'), '||'],
  [/(\d)\s*(millis|milliseconds?|msecs?|seconds?|secs?|minutes?|mins?|hours?|hrs?|days?)\b/gi, (_, digit, unit) => digit + unitOf(unit.toLowerCase())],
  [/(\d) (ns|us|µs|ms|s|m|h|d)\b/g, '$1$2'],
  [/-9223372036854775808\b/g, 'minInt'],
  [/(?<![\w.:])(span|resource|event|link|instrumentation|parent)(?:\s*\.\s+|\s+\.)(?=[\w"])/g, '$1.'],
  [/(?<![\w.:])(\w+)\.(?=[\w"])/g, (whole, word) => scopeOf(word) ?? whole],
  [/(?<![\w.:])trace\.(id|duration|rootName|rootService)\b/g, 'trace:$1'],
];
/** After names and values have been mended. */
const FIELD_RULES: readonly Rule[] = [
  [/(status\s*!?=\s*)([012])(?!\d)/g, (_, before, code) => before + STATUS[Number(code)]],
  [/(?<![\w.:])status(?=\s*[<>!]?=?\s*\d{3}\b)/g, 'span.http.status_code'],
  [/(?<![\w.:]|=\s*)error\s*(!?=)\s*(?:true|\u0002\d+\u0003)/g, 'status $1 error'],
  [/(?<![\w.:]|=\s*)error\s*=\s*false/g, 'status != error'],
  [/\{\s*(error|ok|unset)\s*\}/g, '{ status = $1 }'],
  [/\{\s*(server|client|producer|consumer|internal)\s*\}/g, '{ kind = $1 }'],
  [/span:parentID\s*=\s*nil/g, 'nestedSetParent < 0'],
  [/(?<![\w.:])(name|statusMessage|rootName|rootServiceName|resource\.service\.name|event:name)\s*=\s*nil/g, '$1 = ""'],
  [/([\w"])\s*:\s*(?=\u0002)/g, '$1 = '],
];

export function fixWords(text: string, masks: Masks): string {
  const literal = (mask: string): string => masks.read(mask).replace(/[\\.+*?()|[\]{}^$]/g, '\\$&');
  const matching = (not: string | undefined, regex: string): string => ` ${not ? '!~' : '=~'} ${masks.make(regex)}`;
  const values: readonly Rule[] = [
    [
      pattern('\\s+(not\\s+)?in\\s*[([]\\s*(', MASK, '(?:\\s*,\\s*', MASK, ')*)\\s*[)\\]]'),
      (_, not, list) =>
        matching(
          not,
          list
            .split(',')
            .map((mask) => literal(mask.trim()))
            .join('|'),
        ),
    ],
    [pattern('\\s+(not\\s+)?like\\s+(', MASK, ')'), (_, not, mask) => matching(not, literal(mask).replaceAll('%', '.*'))],
    [pattern('\\s+(not\\s+)?contains\\s+(', MASK, ')'), (_, not, mask) => matching(not, `.*${literal(mask)}.*`)],
  ];
  const names: readonly Rule[] = [
    // name:value, as Lucene writes it
    [
      pattern(ALONE, '(?!(?:span|trace|event|link|instrumentation):)([a-z_][\\w.-]*):([a-z_][\\w-]*)(?![\\w:(.])'),
      (_, name, value) => `${fieldOf(name)} = ${masks.make(value)}`,
    ],
    [pattern('(?<=[{(&|]\\s*)(', MASK, ')(?=\\s*', COMPARISON, ')'), (mask) => (/^[\w.:-]+$/.test(masks.read(mask)) ? fieldOf(masks.read(mask)) : mask)],
    [pattern('(?<![\\w.:]|\\bwith[\\s(]+)(\\w+)(?=\\s*', COMPARISON, ')'), fieldOf],
    [pattern('(', COMPARISON, '\\s*)([a-z_][\\w-]*)(?![\\w.:(])'), (_, op, word) => op + valueOf(word, masks)],
    [
      /((?:status|kind)\s*!?=\s*)(\u0002\d+\u0003)/g,
      (_, before, mask) =>
        before +
        masks
          .read(mask)
          .toLowerCase()
          .replace(/^(?:status_code_|span_kind_)/, ''),
    ],
    [/(uration\s*(?:[<>]=?|!?=)\s*)(\u0002\d+\u0003)/g, (_, before, mask) => before + masks.read(mask)],
  ];
  return apply([...SYNTAX, ...values, ...LOGIC, ...names, ...FIELD_RULES], text).trim();
}

export function apply(rules: readonly Rule[], text: string): string {
  return rules.reduce((out, [from, to]) => (typeof to === 'string' ? out.replace(from, to) : out.replace(from, to)), text);
}

/** The field a bare word stands for, an unscoped attribute if it is no known name. */
export function fieldOf(word: string): string {
  if (INTRINSICS.includes(word) || CONSTANT.test(word) || FUNCTION.test(word) || !/^[a-z_]\w*$/i.test(word)) return word;
  const plain = word.toLowerCase().replaceAll('_', '');
  const intrinsic = INTRINSICS.find((name) => name.toLowerCase() === plain || (name.length > 4 && isSlip(plain, name.toLowerCase())));
  return intrinsic ?? (Object.hasOwn(FIELDS, plain) ? FIELDS[plain] : `.${word}`);
}

/** A bare word on the right of a comparison: a constant spelled otherwise, else a string without quotes. */
function valueOf(word: string, masks: Masks): string {
  if (/^(?:null|none|undefined)$/i.test(word)) return 'nil';
  if (CONSTANT.test(word.toLowerCase())) return word.toLowerCase();
  return INTRINSICS.includes(word) || FUNCTION.test(word) ? word : masks.make(word);
}

function scopeOf(word: string): string | undefined {
  const scope = nearScope(word);
  return scope === undefined ? undefined : `${scope}.`;
}

function unitOf(word: string): string {
  return UNITS[word.slice(0, 3)] ?? UNITS[word.slice(0, 2)];
}
