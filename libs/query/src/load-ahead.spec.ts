import type { SpanColumns } from '@vivace/trace';
import { describe, expect, it } from 'vitest';
import { NeedsBuilder } from './field.ts';
import { loadAhead } from './load-ahead.ts';
import { columnsOf, span, trace } from './plain.fixture.ts';

/** A batch whose load ends when told. */
function manual(): { readonly columns: SpanColumns; readonly finish: () => void; readonly fail: () => void; isStarted: boolean; bytes: number } {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // It may fail before anybody loads.
  promise.catch(() => undefined);
  const state = {
    isStarted: false,
    finish: () => resolve(),
    fail: () => reject(new Error('store is down')),
    bytes: 0,
    columns: new Proxy(columnsOf(trace(1, span(1))), {
      get(target, key) {
        if (key === 'inspectedBytes') return state.bytes;
        if (key !== 'load') return Reflect.get(target, key, target) as unknown;
        return () => {
          state.isStarted = true;
          state.bytes += 10;
          return promise;
        };
      },
    }),
  };
  return state;
}

const needs = new NeedsBuilder();

describe('loadAhead', () => {
  it('loads two batches ahead and keeps the order', async () => {
    const all = Array.from({ length: 5 }, manual);
    const batches = loadAhead(
      all.map((b) => b.columns),
      needs,
      undefined,
    );
    const first = batches.next();
    all[1].finish();
    all[0].finish();
    expect((await first).value?.columns).toBe(all[0].columns);
    expect(all.map((b) => b.isStarted)).toEqual([true, true, true, false, false]);
    expect((await batches.next()).value?.columns).toBe(all[1].columns);
    expect(all[3].isStarted).toBe(true);
    for (const b of all) b.finish();
    const rest: SpanColumns[] = [];
    for await (const { columns } of batches) rest.push(columns);
    expect(rest).toEqual(all.slice(2).map((b) => b.columns));
  });

  it('loads nothing ahead of a batch that was at hand', async () => {
    const all = Array.from({ length: 3 }, manual);
    const inMemory = columnsOf(trace(1, span(1)));
    const batches = loadAhead([inMemory, ...all.map((b) => b.columns)], needs, undefined);
    expect((await batches.next()).value?.columns).toBe(inMemory);
    expect(all.map((b) => b.isStarted)).toEqual([false, false, false]);
    const next = batches.next();
    all[0].finish();
    expect((await next).value?.columns).toBe(all[0].columns);
    expect(all.map((b) => b.isStarted)).toEqual([true, true, true]);
    await batches.return(undefined);
  });

  it('fails when the turn of the failed batch comes', async () => {
    const [good, bad] = [manual(), manual()];
    bad.fail();
    good.finish();
    const batches = loadAhead([good.columns, bad.columns], needs, undefined);
    expect((await batches.next()).value?.columns).toBe(good.columns);
    await expect(batches.next()).rejects.toThrow('store is down');
  });

  it('closes the source when the consumer stops', async () => {
    let isClosed = false;
    async function* source(): AsyncGenerator<SpanColumns> {
      try {
        for (let i = 0; i < 9; i++) yield columnsOf(trace(1, span(1)));
      } finally {
        isClosed = true;
      }
    }
    for await (const { columns } of loadAhead(source(), needs, undefined)) {
      expect(columns.spanCount).toBe(1);
      break;
    }
    expect(isClosed).toBe(true);
  });
});
