import fc from 'fast-check';

// Query texts over the names and values of `plainTraces`, so that they hit. All pass validation.

const ATTRIBUTES = [
  'span.foo',
  '.foo',
  'span.http.method',
  '.http.status_code',
  'span.http.status_code',
  'span.http.url',
  'span.n',
  '.n',
  'resource.service.name',
  '.service.name',
  'resource.k8s.pod.name',
  '.zone',
  'resource.replicas',
  '.replicas',
  'event.level',
  'event.n',
  'link.relation',
  'instrumentation.team',
  'span.absent',
  'parent.foo',
  'parent.span.n',
  'parent.resource.zone',
  'parent.resource.service.name',
];
/** Attributes that one span has at most one of: for laws that events break. */
const SPAN_ATTRIBUTES = ATTRIBUTES.filter((name) => !name.startsWith('event.') && !name.startsWith('link.'));
const TEXTS = ['name', 'statusMessage', 'rootName', 'rootServiceName', 'instrumentation:name', 'instrumentation:version'];
const IDS = ['span:id', 'span:parentID', 'trace:id', 'parent'];
const EVENT_TEXTS = ['event:name', 'link:spanID', 'link:traceID'];
const NUMBERS = ['duration', 'traceDuration', 'span:childCount'];
const STRINGS = [
  '"GET"',
  '"POST"',
  '"x"',
  '""',
  '"a b"',
  '"ключ"',
  '"cart"',
  '"front"',
  '"lib"',
  '"2"',
  '"exception"',
  '"boom"',
  '"db.query"',
  '"GET /"',
  '"a"',
];
const ID_STRINGS = ['"0000000000000001"', '"000000000000000a"', '"0000000000000000"', '"a1b2c3d4e5f60718"', '"2a"', '"01000001"'];
const PATTERNS = ['"G.*"', '".*"', '"x|a b"', '"db\\\\.query"', '"(?i)get.*"', '"[a-f].*"', '".*t"', '"(?s).+"'];
const NUMERALS = ['0', '1', '3', '5', '-1', '200', '500', '0.5', '-1.25', '3.0', '1e300', 'minInt', 'maxInt'];
const DURATIONS = ['0s', '1ms', '500us', '1s', '2.5s', '1500000000', '1.5e9'];
const KINDS = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'];
const STATUSES = ['error', 'ok', 'unset'];
const ORDER = ['=', '!=', '<', '<=', '>', '>='];
const SPANSET_OPS = ['&&', '||', '>', '<', '>>', '<<', '~', '!>', '!<', '!>>', '!<<', '!~', '&>', '&<', '&>>', '&<<', '&~'];

const any = (...texts: readonly string[]): fc.Arbitrary<string> => fc.constantFrom(...texts);
const words = (...parts: readonly fc.Arbitrary<string>[]): fc.Arbitrary<string> => fc.tuple(...parts).map((texts) => texts.join(' '));

function conditions(attributes: readonly string[], texts: readonly string[], numbers: readonly string[]): fc.Arbitrary<string> {
  const attribute = any(...attributes);
  const number = any(...numbers, ...attributes);
  const sum = fc.tuple(number, any('+', '-', '*', '/', '%', '^'), fc.oneof(any(...NUMERALS), number)).map(([a, op, b]) => `(${a} ${op} ${b})`);
  return fc.oneof(
    { weight: 3, arbitrary: words(any(...texts, ...attributes), any(...ORDER), any(...STRINGS)) },
    { weight: 1, arbitrary: words(any(...texts, ...attributes), any('=~', '!~'), any(...PATTERNS)) },
    { weight: 1, arbitrary: words(any(...IDS, ...texts.filter((name) => name.startsWith('link:'))), any(...ORDER), any(...ID_STRINGS)) },
    { weight: 3, arbitrary: words(attribute, any(...ORDER), any(...NUMERALS)) },
    { weight: 1, arbitrary: words(any(...NUMERALS), any(...ORDER), number) },
    { weight: 2, arbitrary: words(any(...numbers), any(...ORDER), any(...DURATIONS)) },
    { weight: 1, arbitrary: words(sum, any(...ORDER), any(...NUMERALS)) },
    { weight: 1, arbitrary: words(attribute, any(...ORDER), attribute) },
    { weight: 1, arbitrary: words(any('kind'), any('=', '!='), any(...KINDS)) },
    { weight: 1, arbitrary: words(any('status'), any('=', '!='), any(...STATUSES)) },
    { weight: 1, arbitrary: words(attribute, any('=', '!='), any('true', 'false')) },
    { weight: 1, arbitrary: words(any(...attributes.filter((name) => name !== 'resource.service.name')), any('=', '!='), any('nil')) },
    { weight: 1, arbitrary: any('nestedSetParent < 0', 'nestedSetParent = 0', 'nestedSetLeft > 0', 'parent = nil', 'parent != nil', 'true', 'false') },
    { weight: 1, arbitrary: attribute },
  );
}

function compound(condition: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.letrec<{ expr: string; pair: string; not: string }>((tie) => ({
    expr: fc.oneof({ maxDepth: 3, depthSize: 'small' }, condition, tie('pair'), tie('not')),
    pair: fc.tuple(tie('expr'), any('&&', '||'), tie('expr')).map(([a, op, b]) => `(${a}) ${op} (${b})`),
    not: tie('expr').map((inner) => `!(${inner})`),
  })).expr;
}

/** A comparison, or another condition, on the span alone: no events, no links. */
export const spanConditions = conditions(SPAN_ATTRIBUTES, TEXTS, NUMBERS);

/** What stands between braces, events and links included. */
export const fieldExpressions = compound(conditions(ATTRIBUTES, [...TEXTS, ...EVENT_TEXTS], [...NUMBERS, 'event:timeSinceStart']));

/** Filters combined by `&&`, `||` and, with `structural`, every structural operator. */
export function spansetTexts(options: { readonly structural: boolean }): fc.Arbitrary<string> {
  const op = any(...(options.structural ? SPANSET_OPS : SPANSET_OPS.slice(0, 2)));
  return fc.letrec<{ spanset: string; pair: string }>((tie) => ({
    spanset: fc.oneof(
      { maxDepth: 2, depthSize: 'small' },
      fieldExpressions.map((expr) => `{ ${expr} }`),
      tie('pair'),
    ),
    pair: fc.tuple(tie('spanset'), op, tie('spanset')).map(([a, o, b]) => `(${a}) ${o} (${b})`),
  })).spanset;
}

/** Everything a search knows: pipelines of all stages, pipelines as operands, and comparisons of pipelines. */
export const searchTexts: fc.Arbitrary<string> = (() => {
  const spanset = fc.oneof(
    { weight: 3, arbitrary: spansetTexts({ structural: true }) },
    { weight: 1, arbitrary: any('{ }', '{ span.n != nil }', '{ } >> { }', '{ parent != nil }') },
  );
  const aggregate = fc.oneof(
    any('count()'),
    fc
      .tuple(any('avg', 'min', 'max', 'sum'), any('duration', 'span.n', '.http.status_code', 'event:timeSinceStart', 'span.n + 1', 'parent.span.n'))
      .map(([op, of]) => `${op}(${of})`),
  );
  const operator = any('+', '-', '*', '/', '%', '^');
  const scalar = fc.oneof({ weight: 3, arbitrary: aggregate }, { weight: 1, arbitrary: words(aggregate, operator, fc.oneof(aggregate, any('0', '2', '0.5'))) });
  const stage = fc.oneof(
    { weight: 3, arbitrary: spanset },
    {
      weight: 3,
      arbitrary: words(scalar, any(...ORDER), fc.oneof({ weight: 2, arbitrary: any('0', '1', '2', '3.5', '1s', '1e9') }, { weight: 1, arbitrary: scalar })),
    },
    { weight: 1, arbitrary: words(any('1', '0.5'), any(...ORDER), aggregate) },
    {
      weight: 2,
      arbitrary: any('name', 'kind', 'span.foo', 'resource.service.name', 'span.n > 1', '.n / 0.0', 'status', '.zone', 'parent').map((field) => `by(${field})`),
    },
    { weight: 2, arbitrary: any('coalesce()', 'select(name, span.foo, event.level)') },
    { weight: 1, arbitrary: words(any('duration', 'span.n', '.http.status_code'), any(...ORDER), any('3', '0.5', '1e9')) },
  );
  const pipeline = fc.tuple(spanset, fc.array(stage, { maxLength: 3 })).map(([first, rest]) => [first, ...rest].join(' | '));
  const operand = fc.tuple(spanset, stage).map(([first, second]) => `(${first} | ${second})`);
  const compared = fc.tuple(pipeline, aggregate).map(([stages, last]) => `(${stages} | ${last})`);
  return fc.oneof(
    { weight: 6, arbitrary: pipeline },
    { weight: 1, arbitrary: words(operand, any(...SPANSET_OPS), operand) },
    { weight: 1, arbitrary: words(compared, any(...ORDER), fc.oneof(compared, any('1', '0.5', '1s'))) },
    { weight: 1, arbitrary: words(compared, operator, compared, any(...ORDER), compared) },
  );
})();
