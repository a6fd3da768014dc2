import { describe, expect, it } from 'vitest';
import { ConcurrencyLimit } from './concurrency-limit.ts';

/** Work that ends when it is told to. */
function work(begun: string[], name: string) {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  return {
    end: () => resolve(name),
    fail: (reason: Error) => reject(reason),
    run: () => {
      begun.push(name);
      return promise;
    },
  };
}

describe('ConcurrencyLimit', () => {
  it('runs so many at a time, in order, also after a failure', async () => {
    const limit = new ConcurrencyLimit(2);
    const begun: string[] = [];
    const works = ['a', 'b', 'c', 'd'].map((name) => work(begun, name));
    const results = works.map(({ run }) => limit.run(run));
    expect(begun).toEqual(['a', 'b']);
    expect(limit.waiting).toBe(2);
    works[1].fail(new Error('no'));
    await expect(results[1]).rejects.toThrow('no');
    expect(begun).toEqual(['a', 'b', 'c']);
    works[0].end();
    expect(await results[0]).toBe('a');
    expect(begun).toEqual(['a', 'b', 'c', 'd']);
    for (const { end } of works) end();
    expect(await Promise.all(results.slice(2))).toEqual(['c', 'd']);
  });

  it('gives no place to work whose signal aborted while it waited', async () => {
    const limit = new ConcurrencyLimit(1);
    const begun: string[] = [];
    const [first, second, third] = ['a', 'b', 'c'].map((name) => work(begun, name));
    const stop = new AbortController();
    const running = limit.run(first.run);
    const given = limit.run(second.run, stop.signal);
    const last = limit.run(third.run);
    stop.abort();
    await expect(given).rejects.toMatchObject({ code: 'canceled' });
    await expect(limit.run(second.run, stop.signal)).rejects.toMatchObject({ code: 'canceled' });
    first.end();
    third.end();
    expect(await Promise.all([running, last])).toEqual(['a', 'c']);
    expect([begun, limit.waiting]).toEqual([['a', 'c'], 0]);
  });
});
