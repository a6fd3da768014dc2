import { AppError } from '@vivace/base';
import { describe, expect, it } from 'vitest';
import { parseField, parseQuery } from './parse-query.ts';
import { fieldLabel, printQuery } from './print.ts';

function refusal(text: string): string {
  try {
    parseQuery(text);
  } catch (error) {
    expect(error).toBeInstanceOf(AppError);
    expect((error as AppError).code).toBe('invalid_argument');
    return (error as AppError).message;
  }
  throw new Error(`parsed: ${text}`);
}

/** The canonical text of `{ <text> }` without its braces: shows how it was grouped and folded. */
function field(text: string): string {
  return printQuery(parseQuery(`{ ${text} }`)).slice(2, -2);
}

describe('field expressions', () => {
  it.each([
    ['.a || .b && .c', '(.a || .b) && .c'],
    ['.a && .b || .c', '(.a && .b) || .c'],
    ['.a = 1 && .b = 2', '(.a = 1) && (.b = 2)'],
    ['.a - .b - .c = 0', '((.a - .b) - .c) = 0'],
    ['.a + .b * .c = 0', '(.a + (.b * .c)) = 0'],
    ['.a ^ .b ^ .c = 0', '(.a ^ (.b ^ .c)) = 0'],
    ['.a * .b ^ .c = 0', '(.a * (.b ^ .c)) = 0'],
    ['-.a * .b', '-(.a * .b)'],
    ['-.a ^ .b', '-(.a ^ .b)'],
    ['-.a + .b', '(-.a) + .b'],
    ['!.a = .b', '(!.a) = .b'],
    ['!.a * .b', '!(.a * .b)'],
    ['.a ^ -.b + .c', '(.a ^ (-.b)) + .c'],
    ['.a < 2 = true', '(.a < 2) = true'],
    ['.a + 1 != nil', '(.a + 1) != nil'],
    ['nil != .a && .b', '(.a != nil) && .b'],
    ['.a = .b != nil', '(.a = .b) != nil'],
    ['nil = .a + 1', '(.a + 1) = nil'],
    ['.a<-1', '.a < -1'],
    ['.a>!.b', '.a > (!.b)'],
    ['.a^2=4', '(.a ^ 2) = 4'],
  ])('%s is %s', (text, grouped) => {
    expect(field(text)).toBe(grouped);
  });

  it.each([
    ['1 + 2 * 3 = .a', '7 = .a'],
    ['.a > 10 * 1024 * 1024', '.a > 10485760'],
    ['7 / 2 = .a', '3 = .a'],
    ['-7 / 2 = .a', '-3 = .a'],
    ['(-7) % 3 = .a', '-1 = .a'],
    ['2 ^ 3 ^ 2 = .a', '512 = .a'],
    ['2 ^ -1 = .a', '0 = .a'],
    ['maxInt + 1 = .a', 'minInt = .a'],
    ['10s / 4 = .a', '2500000000.0 = .a'],
    ['1.0 / 0 > .a', '(1.0 / 0.0) > .a'],
    ['-5 * .a = 1', '(-(5 * .a)) = 1'],
    ['(-5) * .a = 1', '((-5) * .a) = 1'],
    ['- -5 = .a', '5 = .a'],
    ['-1h30m = .a', '-1h30m0s = .a'],
    ['1 < 2', 'true'],
    ['"a" < "b"', 'true'],
    ['!true', 'false'],
    ['true && false || true', 'true'],
    ['nil = nil', 'false'],
    ['nil != nil', 'false'],
    ['1 != nil', 'true'],
    ['trace:id = "abc"', 'trace:id = `00000000000000000000000000000abc`'],
    ['"0" != link:traceID', '`00000000000000000000000000000000` != link:traceID'],
    ['trace:id =~ "abc"', 'trace:id =~ `abc`'],
    ['trace:id = "xyz"', 'trace:id = `xyz`'],
  ])('folds %s to %s', (text, folded) => {
    expect(field(text)).toBe(folded);
  });

  it.each(['1 / 0 = .a', '.a = 1 % 0', '0 ^ -1 = .a'])('refuses %s', (text) => {
    expect(refusal(`{ ${text} }`)).toMatch(/^parse error at line 1, col \d+: syntax error: integer divide by zero\n/);
  });

  it.each([
    ['.5 = .a', '0.5 = .a'],
    ['."5" = 1', '."5" = 1'],
    ['span.5 = 1', 'span.5 = 1'],
    ['span.a."b c".d = 1', 'span."a.b c.d" = 1'],
    ['span."a""b" = 1', 'span.ab = 1'],
    ['span."" = 1', 'span."" = 1'],
    ['.a-1 = 1', '.a-1 = 1'],
    ['span.a/* x */ = 1', undefined],
    ['span.a /* x */ = 1', 'span.a = 1'],
    ['span.resource.x = 1', 'span.resource.x = 1'],
    ['parent.span.x = 1', 'parent.span.x = 1'],
    ['parent."span.x" = 1', 'parent."span.x" = 1'],
    ['parent.event.x = 1', 'parent.event.x = 1'],
    ['span.größe = "naïve"', 'span.größe = `naïve`'],
    ['span.emoji🚀 = 1', 'span.emoji🚀 = 1'],
    ['trace: id = "1"', 'trace:id = `00000000000000000000000000000001`'],
    ['span:duration > 1s', 'duration > 1s'],
    ['trace:rootService = "a"', 'rootServiceName = `a`'],
  ])('reads the names in %s', (text, printed) => {
    if (printed === undefined) expect(refusal(`{ ${text} }`)).toMatch(/^parse error/);
    else expect(field(text)).toBe(printed);
  });

  it.each([
    ['010', '10'],
    ['0x1p4', '16.0'],
    ['0x.8p1', '1.0'],
    ['1.', '1.0'],
    ['2.5E-3', '0.0025'],
    ['1d12h', '36h0m0s'],
    ['30m1h', '1h30m0s'],
    ['1.5h', '1h30m0s'],
    ['.5s', '500ms'],
    ['2.s', '2s'],
    ['5s5s', '10s'],
    ['1ms500us', '1.5ms'],
    ['1y', '8760h0m0s'],
    ['0s', '0s'],
    ['10µs', '10µs'],
    ['"\\a\\x41\\101\\u00e4\\U0001F680\\"\\\\"', '`\x07AAä🚀"\\`'],
    ['"\\xc3\\xa4"', '`ä`'],
    ['`raw\\n\r\nx`', '`raw\\n\nx`'],
    ['"a`b"', '"a`b"'],
  ])('reads the literal %s', (text, printed) => {
    expect(field(`.a = ${text}`)).toBe(`.a = ${printed}`);
  });

  it.each([
    '08',
    '0x10',
    '1_000',
    '0b1',
    '10sec',
    '12h1d',
    '1.5d',
    '1d30us',
    '1e3s',
    '10MS',
    '400y',
    '9223372036854775808',
    '1e999',
    '"\\z"',
    '"\\ud800"',
    '"open',
    '`open',
    "'x'",
    '"a\nb"',
  ])('refuses the literal %s', (text) => {
    expect(refusal(`{ .a = ${text} }`)).toMatch(/^parse error at line 1, col \d+: /);
  });
});

describe('pipelines', () => {
  it.each([
    ['{A} && {B} >> {C}', '{A} && ({B} >> {C})'],
    ['{A} > {B} > {C}', '({A} > {B}) > {C}'],
    ['{A} || {B} && {C}', '({A} || {B}) && {C}'],
    ['(({A}))', '{A}'],
    ['({A}) | {B}', '{A} | {B}'],
    ['({A} | count() > 1)', '{A} | count() > 1'],
    ['({A} | count() > 1) && ({B})', '({A} | count() > 1) && ({B})'],
    ['({A} | {B}) && ({B}) >> ({C})', '({A} | {B}) && ({B} >> {C})'],
    ['{} | (count()) > 3', '{} | count() > 3'],
    ['{} | (count() + 1) * 2 > 3', '{} | (count() + 1) * 2 > 3'],
    ['{} | ({A} && {B}) >> {C}', '{} | ({A} && {B}) >> {C}'],
    ['{A} | count() > -9223372036854775807 - 1', '{A} | count() > (-9223372036854775807 - 1)'],
    ['{A} | .b > 1', '{A} | { .b > 1 }'],
    ['{A} | !.b | duration > 800ms', '{A} | { !.b } | { duration > 800ms }'],
    ['{} with(a=1) with(b=2, c="x")', '{} with(b=2, c=`x`)'],
    ['{} | rate() by (name) > -5.5 | topk(3) | bottomk(1)', '{} | rate() by(name) > -5.5 | topk(3) | bottomk(1)'],
    ['{} | compare({A}, 5, 1, 2)', '{} | compare({A}, 5, 1, 2)'],
    ['{} | compare({A})', '{} | compare({A}, 10)'],
    ['({} | count()) + ({A} | avg(.b)) > ({B} | count())', '({} | count()) + ({A} | avg(.b)) > ({B} | count())'],
  ])('%s is %s', (text, printed) => {
    const named = (query: string): string => query.replace(/\{([A-C])\}/g, (_, name: string) => `{ .${name.toLowerCase()} }`).replaceAll('{}', '{ true }');
    expect(printQuery(parseQuery(named(text)))).toBe(named(printed));
  });

  it.each([
    '{} && ({} | {})',
    '({}) && ({} | {})',
    '({} | {}) | {}',
    '({} | {}) && {}',
    '({} | {}) && ({} | {}) | rate()',
    '{} | (count() > 3)',
    '{} | count() > minInt',
    '{} | name',
    '{} | .a',
    '{} | -.a',
    '{} | ({} | {})',
    '({} | rate())',
    '({} | count()) + 1 > 3',
    '(({} | count()) > 3)',
    '{} | by(.a, .b)',
    '{} | rate() with (rate=1)',
    '{} with(a=1) | {}',
    '',
    ' ',
    '{} /* open',
  ])('refuses %s', (text) => {
    expect(refusal(text)).toMatch(/^parse error at line 1, col \d+: /);
  });

  it('parses everything at once', () => {
    const text =
      '/* all */ ({ resource.service.name =~ "a.*" && !(span."k v" > -2 ^ .n) } &>> { kind = server || event:name != nil }) !~ { parent.x } | by(span.a + 1) | coalesce() | ' +
      'select(name, .b) | avg(duration) / 2 >= 1.5h | { link:spanID = `x` } | quantile_over_time(trace:duration, .5, 0.99) by(rootName, span:id) | topk(5) with(exemplars=10)';
    const printed =
      '({ (resource.service.name =~ `a.*`) && (!(span."k v" > (-(2 ^ .n)))) } &>> { (kind = server) || (event:name != nil) }) !~ { parent.x } | by(span.a + 1) | coalesce() | ' +
      'select(name, .b) | avg(duration) / 2 >= 1h30m0s | { link:spanID = `x` } | quantile_over_time(traceDuration, 0.5, 0.99) by(rootName, span:id) | topk(5) with(exemplars=10)';
    expect(printQuery(parseQuery(text))).toBe(printed);
  });
});

describe('places', () => {
  it('puts every node at its text', () => {
    const text = '{ .a = 1 }\n | avg(span.b) > 2s';
    const { stages } = parseQuery(text);
    const cut = ({ loc }: { readonly loc: { readonly from: number; readonly to: number } }): string => text.slice(loc.from, loc.to);
    expect(stages.map(cut)).toEqual(['{ .a = 1 }', 'avg(span.b) > 2s']);
    const [filter, scalar] = stages;
    if (filter.kind !== 'filter' || filter.expr.kind !== 'binary' || scalar.kind !== 'scalarFilter') throw new Error('another tree');
    expect([filter.expr, filter.expr.left, filter.expr.right, scalar.left, scalar.right].map(cut)).toEqual(['.a = 1', '.a', '1', 'avg(span.b)', '2s']);
  });

  it('counts lines, and columns in code points', () => {
    expect(refusal('{ true } |\n\t{ "🚀" = foo }')).toBe(
      [
        'parse error at line 2, col 10: syntax error: unknown identifier: foo',
        'expected an attribute (`.foo`, `span.foo`, `resource.foo`), an intrinsic (`name`, `duration`, `status`, `kind`, …) or a value',
        '   { "🚀" = foo }',
        '           ^^^',
        'did you mean: { true } |\n\t{ "🚀" = "foo" }',
      ].join('\n'),
    );
  });

  it('cuts long lines around the place', () => {
    const message = refusal(`{ .a = "${'x'.repeat(500)}" && foo = 1 && .b = "${'y'.repeat(500)}" }`);
    const [, , line, carets] = message.split('\n');
    expect(line.length).toBeLessThan(130);
    expect(line.slice(carets.indexOf('^'), carets.lastIndexOf('^') + 1)).toBe('foo');
  });
});

describe('kindness', () => {
  it('reads a bare dotted name as an unscoped attribute', () => {
    expect(printQuery(parseQuery('{ service.name = "api" && http."status code" > 1 } | select(db.system)'))).toBe(
      '{ (.service.name = `api`) && (."http.status code" > 1) } | select(.db.system)',
    );
  });

  it.each(['{ resources.service.name = "x" }', '{ Span.foo = 1 }', '{ trace.id = "x" }', '{ spans.foo > 1 }'])('does not take %s for an attribute', (text) => {
    expect(refusal(text)).toMatch(/syntax error: unknown (?:scope|identifier): /);
  });
});

describe('the budget', () => {
  it.each([
    ['parentheses', `{ ${'('.repeat(130_000)}`],
    ['groups', '('.repeat(130_000)],
    ['negations', `{ ${'!'.repeat(130_000)}`],
    ['powers', `{ 1${'^1'.repeat(60_000)} = 1 }`],
    ['scalars', `{} | count() > ${'('.repeat(100_000)}`],
    ['combinations', '(({}) && '.repeat(14_000)],
  ])('bounds nesting of %s', (_, text) => {
    expect(refusal(text)).toContain('query nested too deeply');
  });

  it('bounds chains, which are as high as they are long', () => {
    expect(refusal(`{ .a${' + .a'.repeat(2_000)} = 1 }`)).toContain('query too complex');
    expect(refusal(`{}${' && {}'.repeat(2_000)}`)).toContain('query too complex');
    expect(parseQuery(`{ .a${' + .a'.repeat(900)} = 1 }`).stages).toHaveLength(1);
    expect(parseQuery(`{}${' | {}'.repeat(4_000)}`).stages).toHaveLength(4_001);
  });

  it('takes long lists of conditions', () => {
    const ids = Array.from({ length: 2_400 }, (_, i) => `trace:id = "${i.toString(16).padStart(32, 'a')}"`);
    const query = parseQuery(`{ ${ids.join(' || ')} }`);
    expect(printQuery(parseQuery(printQuery(query)))).toBe(printQuery(query));
  });

  it('bounds the number of nodes, however flat they lie', () => {
    const limit = 'at most 10000 stages, operators and operands';
    expect(refusal(`{}${' | {}'.repeat(5_000)}`)).toContain(limit);
    expect(refusal(`{} | select(${Array.from({ length: 10_000 }, () => '.a').join(', ')})`)).toContain(limit);
    expect(refusal(`{} | rate()${' | topk(1)'.repeat(10_000)}`)).toContain(limit);
  });

  it('bounds the length in bytes', () => {
    const text = '{ .a = "ä" }';
    expect(parseQuery(text, { maxBytes: 13 }).source).toBe(text);
    expect(() => parseQuery(text, { maxBytes: 12 })).toThrow('query too long: at most 12 bytes, see max_query_expression_size_bytes');
    expect(refusal(`{ .a = "${'x'.repeat(131_072)}" }`)).toContain('at most 131072 bytes');
  });

  it('takes other limits', () => {
    expect(() => parseQuery('{ ((.a)) }', { maxNesting: 2 })).toThrow('query nested too deeply');
    expect(() => parseQuery('{ .a && .b && .c }', { maxHeight: 3 })).toThrow('query too complex');
    expect(() => parseQuery('{ .a && .b && .c }', { maxNodes: 5 })).toThrow('query too complex');
  });
});

describe('parseField', () => {
  it.each(['resource.service.name', '.foo', 'name', 'span."order id"', 'span:id', 'event:name', 'parent.span.x', '."5"'])('reads %s', (text) => {
    expect(fieldLabel(parseField(text))).toBe(text);
  });

  it.each([
    ['span:status', 'status'],
    ['service.name', '.service.name'],
    [' trace:duration ', 'traceDuration'],
  ])('reads %s as %s', (text, label) => {
    expect(fieldLabel(parseField(text))).toBe(label);
  });

  it.each(['', 'foo', 'span', 'span.', '1', '.a .b', 'span:nope', 'span.a = 1'])('refuses %s', (text) => {
    expect(() => parseField(text)).toThrow(AppError);
  });
});
