import { expect, it } from 'vitest';
import { maxLiveTraces } from './max-live-traces.ts';

it.each([
  ['none', 0, 0, 3, 1, 0],
  ['that of each', 7, 0, 3, 1, 7],
  ['a share of that of all', 0, 90, 3, 1, 30],
  ['the lesser: the share', 40, 90, 3, 1, 30],
  ['the lesser: that of each', 20, 90, 3, 1, 20],
  ['a share, of several copies', 0, 90, 9, 3, 30],
  ['all of it, where everybody has everything', 0, 90, 3, 3, 90],
  ['all of it, while there are fewer than copies', 0, 90, 2, 3, 90],
  ['one at least', 0, 2, 3, 1, 1],
  ['that of each, while nobody is known', 7, 90, 0, 1, 7],
])('the limit of one ingester is %s', (_name, local, all, ingesters, copies, limit) => {
  expect(maxLiveTraces({ maxLiveTraces: local, maxGlobalLiveTraces: all }, () => ({ ingesters, copies }))).toBe(limit);
});
