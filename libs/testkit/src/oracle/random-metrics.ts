import fc from 'fast-check';
import { fieldExpressions, searchTexts, spansetTexts } from './random-queries.ts';

// Metrics query texts over the names and values of `plainTraces`. All pass validation.

const NUMBERS = ['duration', 'traceDuration', 'span.n', '.n', 'span.http.status_code', '.replicas', 'resource.replicas', 'event.n', 'event:timeSinceStart'];
const OTHERS = ['span.foo', 'name', 'span.absent', 'nestedSetLeft', 'span:childCount', 'parent.span.n', 'status'];
const GROUPS = [
  'resource.service.name',
  '.service.name',
  'resource.zone',
  '.zone',
  'span.foo',
  '.foo',
  'span.http.status_code',
  'span.n',
  '.n',
  'name',
  'kind',
  'status',
  'statusMessage',
  'rootName',
  'rootServiceName',
  'traceDuration',
  'duration',
  'trace:id',
  'span:id',
  'span:parentID',
  'nestedSetParent',
  'span:childCount',
  'event:name',
  'event.level',
  'event.n',
  'event:timeSinceStart',
  'link.relation',
  'link:traceID',
  'instrumentation:name',
  'instrumentation.team',
  'parent.foo',
  'parent.resource.zone',
  'span.absent',
];

const any = (...texts: readonly string[]): fc.Arbitrary<string> => fc.constantFrom(...texts);
const number = fc.oneof({ weight: 4, arbitrary: any(...NUMBERS) }, { weight: 1, arbitrary: any(...OTHERS) });
const quantiles = fc.array(any('0', '0.1', '.5', '0.9', '.99', '1'), { minLength: 1, maxLength: 3 }).map((all) => all.join(', '));

const call = fc.oneof(
  { weight: 3, arbitrary: any('rate()', 'count_over_time()') },
  { weight: 4, arbitrary: fc.tuple(any('min', 'max', 'sum', 'avg', 'histogram'), number).map(([op, of]) => `${op}_over_time(${of})`) },
  { weight: 2, arbitrary: fc.tuple(number, quantiles).map(([of, q]) => `quantile_over_time(${of}, ${q})`) },
);
const by = fc.oneof(
  fc.constant(''),
  fc.uniqueArray(any(...GROUPS), { minLength: 1, maxLength: 3 }).map((fields) => ` by (${fields.join(', ')})`),
);
const second = fc.oneof(
  { weight: 2, arbitrary: any('topk', 'bottomk').chain((op) => any('1', '2', '3').map((limit) => ` | ${op}(${limit})`)) },
  { weight: 1, arbitrary: fc.tuple(any('>', '>=', '<', '<=', '=', '!='), any('0', '1', '2', '0.5', '1s')).map(([op, value]) => ` ${op} ${value}`) },
);
const stages = fc.oneof(
  { weight: 3, arbitrary: any('{ }') },
  { weight: 3, arbitrary: spansetTexts({ structural: false }) },
  { weight: 1, arbitrary: spansetTexts({ structural: true }) },
  // A comparison of pipelines ends its query.
  { weight: 1, arbitrary: searchTexts.filter((text) => !text.startsWith('(')) },
);

const compare = fc.tuple(fieldExpressions, any('100', '100, 1700000000500000000, 1700000002000000000')).map(([expr, more]) => `compare({ ${expr} }, ${more})`);
const functions = fc.tuple(call, by, fc.array(second, { maxLength: 2 })).map(([of, groups, rest]) => `${of}${groups}${rest.join('')}`);

export const metricsTexts: fc.Arbitrary<string> = fc
  .tuple(stages, fc.oneof({ weight: 9, arbitrary: functions }, { weight: 1, arbitrary: compare }))
  .map((parts) => parts.join(' | '));
