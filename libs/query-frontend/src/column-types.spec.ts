import type { AnyValueJson, TraceSearchMetadata } from '@vivace/query';
import { describe, expect, it } from 'vitest';
import { ColumnTypes } from './column-types.ts';

const GRAFANA = 'Grafana/13.1.0';
const text = (stringValue: string): AnyValueJson => ({ stringValue });
const int = (intValue: string): AnyValueJson => ({ intValue });
const double = (doubleValue: number): AnyValueJson => ({ doubleValue });
const bool = (boolValue: boolean): AnyValueJson => ({ boolValue });
const array = (...values: AnyValueJson[]): AnyValueJson => ({ arrayValue: { values } });

/** A trace a value, of the attribute `a`; `undefined` is a span without it. */
function tracesWith(values: readonly (AnyValueJson | undefined)[]): TraceSearchMetadata[] {
  return values.map((value) => {
    const span = { spanID: '1', startTimeUnixNano: '1', ...(value && { attributes: [{ key: 'a', value }] }) };
    const set = { spans: [span], matched: 1 };
    return { traceID: '1', startTimeUnixNano: '1', spanSet: set, spanSets: [set] };
  });
}

const valuesOf = (traces: readonly TraceSearchMetadata[]): unknown[] =>
  traces.map(({ spanSet, spanSets }) => {
    expect(spanSet).toBe(spanSets![0]);
    return spanSet!.spans[0].attributes?.[0]?.value;
  });

describe('a column', () => {
  it.each([
    ['numbers', [int('7'), double(0.5)]],
    ['text', [text('a'), text('')]],
    ['booleans and nothing', [bool(false), undefined]],
    ['text and what is missing', [text('a'), text('nil')]],
    ['arrays', [array(text('a')), array(int('1'))]],
  ])('of %s stays as it is', (_, values) => {
    const traces = tracesWith(values);
    expect(new ColumnTypes(GRAFANA).unify(traces)).toBe(traces);
  });

  it.each([
    [
      [text('a'), int('9007199254740993')],
      ['a', '9007199254740993'],
    ],
    [
      [double(0.5), bool(true)],
      ['0.5', 'true'],
    ],
    [
      [double(Number.NaN), text('NaN')],
      ['NaN', 'NaN'],
    ],
    [
      [array(text('a"'), int('9007199254740993')), text('b')],
      ['["a\\"",9007199254740993]', 'b'],
    ],
    [
      [array(double(1.5), bool(false)), double(2)],
      ['[1.5,false]', '2'],
    ],
    [
      [array(), bool(false), undefined],
      ['[]', 'false', undefined],
    ],
  ])('of several types is text: %j', (values, texts) => {
    expect(valuesOf(new ColumnTypes(GRAFANA).unify(tracesWith(values)))).toEqual(texts.map((t) => (t === undefined ? undefined : text(t))));
  });

  it('leaves out what is missing beside what is not text', () => {
    const traces = tracesWith([int('500'), text('nil'), double(0.5)]);
    expect(valuesOf(new ColumnTypes(undefined).unify(traces))).toEqual([int('500'), undefined, double(0.5)]);
    const mixed = tracesWith([int('500'), text('nil'), bool(true)]);
    expect(valuesOf(new ColumnTypes(undefined).unify(mixed))).toEqual([text('500'), text('nil'), text('true')]);
  });

  it('keeps arrays for other clients, whose scalars have one type', () => {
    const traces = tracesWith([array(int('4'), int('4')), int('4')]);
    expect(new ColumnTypes(undefined).unify(traces)).toBe(traces);
    const mixed = tracesWith([array(int('4')), int('4'), text('a')]);
    expect(valuesOf(new ColumnTypes('curl/8').unify(mixed))).toEqual([array(int('4')), text('4'), text('a')]);
  });

  it('is not another one: keys are told apart, and sets of spans have them too', () => {
    const span = { spanID: '1', startTimeUnixNano: '1', attributes: [{ key: 'b', value: int('1') }] };
    const sets = [
      { spans: [span], matched: 1, attributes: [{ key: 'by(a)', value: int('1') }] },
      { spans: [span], matched: 1, attributes: [{ key: 'by(a)', value: text('x') }] },
    ];
    const [trace] = new ColumnTypes(undefined).unify([{ traceID: '1', startTimeUnixNano: '1', spanSet: sets[0], spanSets: sets }]);
    expect(trace.spanSets!.map(({ attributes }) => attributes![0].value)).toEqual([text('1'), text('x')]);
    expect(trace.spanSets!.map(({ spans }) => spans[0].attributes![0].value)).toEqual([int('1'), int('1')]);
    expect(trace.spanSet).toBe(trace.spanSets![0]);
  });

  it('keeps the type it was answered with', () => {
    const columns = new ColumnTypes(GRAFANA);
    columns.unify(tracesWith([int('1')]));
    expect(valuesOf(columns.unify(tracesWith([text('a'), double(2), array()])))).toEqual([undefined, double(2), undefined]);
    const texts = new ColumnTypes(GRAFANA);
    texts.unify(tracesWith([int('1'), text('a')]));
    expect(valuesOf(texts.unify(tracesWith([int('2'), bool(true)])))).toEqual([text('2'), text('true')]);
  });

  it('may belong to a tag search, which has no spans', () => {
    const traces = [{ traceID: '1', startTimeUnixNano: '1' }];
    expect(new ColumnTypes(GRAFANA).unify(traces)).toBe(traces);
    expect(new ColumnTypes(GRAFANA).unify([...traces, ...tracesWith([int('1'), text('a')])])[0]).toBe(traces[0]);
  });
});
