// Repairs between stages: functions without a pipe or parentheses, and the shapes of PromQL and LogQL.
import { apply, fieldOf } from './repair-words.ts';
import type { Rule } from './repair-words.ts';

const NAMES = '[\\w.:]+(?:\\s*,\\s*[\\w.:]+)*';
const METRICS = '(?:rate|count_over_time|(?:min|max|avg|sum|histogram|quantile)_over_time)';
const STAGES = `(?:${METRICS}|count|avg|min|max|sum|by|select|coalesce|compare|topk|bottomk)`;

const percent = (digits: string): string => String(Number(digits) / 10 ** digits.length);

const RULES: readonly Rule[] = [
  // sum by (a) (rate({ … }[5m])), rate({ … }[5m]), topk(5, rate({ … }))
  [/\[\w+(?::\w*)?\]/g, ''],
  [/^(topk|bottomk)\s*\(\s*(\d+)\s*,\s*(.*)\)$/s, (_, fn, k, inner) => `${fixPipeline(inner)} | ${fn}(${k})`],
  [
    new RegExp(
      `^(?:sum|avg|max|min|count)(?:\\s+by\\s*\\((${NAMES})\\))?\\s*\\(\\s*(\\w+)\\s*\\(\\s*(\\{.*\\})\\s*\\)\\s*\\)(?:\\s*by\\s*\\((${NAMES})\\))?`,
      's',
    ),
    promql,
  ],
  [new RegExp(`^(rate|count_over_time)\\s*\\(\\s*(\\{.*\\})\\s*\\)`, 's'), '$2 | $1()'],
  // { count() > 2 }
  [/\{\s*((?:count|avg|min|max|sum)\s*\([^()]*\)\s*[<>=!][^{}]*?)\s*\}/g, '{ } | $1'],
  // { … } |= "text"
  [/\|[=~]\s*(\u0002\d+\u0003)/g, '| { name =~ $1 }'],
  // { … } rate(), rate() topk(5)
  [new RegExp(`([})])\\s*(?=${STAGES.replace('|by|', '|')}\\b)`, 'g'), '$1 | '],
  [/\}\s*(?=by\s*\()/g, '} | '],
  [/\}\s*(?=\{)/g, '} && '],
  [/\}\s*-+>\s*(?=\{)/g, '} > '],
  [/\|\s*where\s+/gi, '| '],
  [/\bgroup\s+by\b/gi, 'by'],
  [new RegExp(`\\bby\\s+(${NAMES})`, 'g'), 'by($1)'],
  [new RegExp(`\\bselect\\s+(${NAMES})`, 'g'), 'select($1)'],
  [/\bwith\s+(\w+\s*=\s*[\w.]+)/g, 'with($1)'],
  [/\|\s*(?:p|percentile|quantile)_?(\d\d+)\s*\(\s*([\w.:]+)\s*\)/g, (_, digits, field) => `| quantile_over_time(${field}, ${percent(digits)})`],
  [/\b(?:quantile|percentile|quantile_over_time)\s*\(\s*([\d.]+)\s*,\s*([\w.:]+)\s*\)/g, (_, q, field) => `quantile_over_time(${field}, ${q})`],
  [/(quantile_over_time\(\s*[\w.:]+\s*,\s*)(\d\d)(?:\.\d*)?\s*\)/g, (_, before, digits) => `${before}${percent(digits)})`],
  [/\b(histogram|min|max|avg|sum)_over_time\s*\(\s*\)/g, '$1_over_time(duration)'],
  [/(\|\s*)(rate|count_over_time|count|coalesce)\b(?!\s*\()/g, '$1$2()'],
  [/\b(rate|count_over_time|count)\s*\(\s*[^()\s][^()]*\)/g, '$1()'],
  // rate() | by(a)
  [new RegExp(`(\\|\\s*${METRICS}\\s*\\([^()]*\\))\\s*\\|\\s*by\\s*\\(`, 'g'), '$1 by('],
  // avg(duration) by(a) [> 1s], avg(duration) at the end
  [new RegExp(`(count|avg|min|max|sum)\\s*(\\([^()]*\\))\\s*by\\s*(\\(${NAMES}\\))\\s*(?=[<>=!])`, 'g'), 'by$3 | $1$2 '],
  [new RegExp(`\\|\\s*(count|avg|min|max|sum)\\s*(\\([^()]*\\))((?:\\s*by\\s*\\(${NAMES}\\))?)$`), '| $1_over_time$2$3'],
  // by(service)
  [/\b(by|select)\s*\(([^()]*)\)/g, (_, fn, list) => `${fn}(${list.replace(/(?<![\w.:"])\w+(?![\w.:"])/g, fieldOf)})`],
  // | by(a, b)
  [
    /(\|\s*)by\s*\(([^()]*,[^()]*)\)/g,
    (_, pipe, list) =>
      list
        .split(',')
        .map((field) => `${pipe}by(${field.trim()})`)
        .join(' '),
  ],
];

/** `text` with its strings masked. */
export function fixPipeline(text: string): string {
  let out = apply(RULES, text);
  if (/\|\s*(?:topk|bottomk)\s*\(/.test(out) && !new RegExp(`\\|\\s*${METRICS}`).test(out)) out = out.replace(/\|\s*(?=(?:topk|bottomk)\s*\()/, '| rate() | ');
  return out.replace(/ {2,}/g, ' ');
}

function promql(_: string, before: string | undefined, fn: string, filter: string, after: string | undefined): string {
  const by = before ?? after;
  return `${filter} | ${fn}()${by === undefined ? '' : ` by(${by})`}`;
}
