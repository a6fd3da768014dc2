import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Case } from './conformance-kit.ts';
import { baseTime, CASES, normalise, pushDataset, titleOf, urlOf } from './conformance-kit.ts';
import { KNOWN_DIFFERENCES } from './known-differences.ts';
import { Vivace } from './vivace.ts';

// The recorded answers of a real Tempo, asked of a real process while the data is recent, once it is in blocks, and after a restart.

let vivace: Vivace;
const baseSec = baseTime();

beforeAll(async () => {
  vivace = await Vivace.create();
  await vivace.start();
  await pushDataset(vivace, baseSec);
});
afterAll(async () => {
  await vivace.destroy();
  expect(vivace.errors()).toEqual([]);
});

describe('recent', () => {
  it('has nothing in blocks', () => expect(vivace.blocks()).toEqual([]));
  askAll();
});

describe('from blocks', () => {
  beforeAll(() => vivace.flush());
  it('has everything in blocks', () => expect(vivace.blocks()).not.toEqual([]));
  askAll();
});

describe('after a restart', () => {
  beforeAll(async () => {
    expect(await vivace.kill('SIGTERM')).toBe(0);
    await vivace.start();
  });
  askAll();
});

function askAll(): void {
  it.each(CASES.map((c) => ({ title: titleOf(c), c })))('$title', ({ c }) => check(c));
}

async function check(c: Case): Promise<void> {
  const { status, body } = await vivace.get(urlOf(c, baseSec));
  expect(status, body).toBe(c.expect.status);
  if (status !== 200) return;
  const answer = normalise(c.kind, body, baseSec);
  const difference = KNOWN_DIFFERENCES.find(({ applies }) => applies(c));
  if (difference) difference.check(answer, c.expect.answer);
  else expect(answer).toEqual(c.expect.answer);
}
