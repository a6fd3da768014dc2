import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Case } from './conformance-kit.ts';
import { baseTime, CASES, normalise, pushDataset, testdata, titleOf, urlOf } from './conformance-kit.ts';
import { KNOWN_DIFFERENCES } from './known-differences.ts';
import type { KnownDifference } from './known-differences.ts';
import { Vivace } from './vivace.ts';

// The recorded answers of a real Tempo, asked of a real process while the data is recent, once it is in blocks, after a restart, while every third span of a trace is elsewhere, and from a block that Tempo
// wrote.

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

describe('spread over two blocks and recent data, span by span', () => {
  let spread: Vivace;
  beforeAll(async () => {
    spread = await Vivace.create({ more: 'compactor: { disabled: true }' });
    await spread.start();
    for (const part of [0, 1, 2]) {
      await pushDataset(spread, baseSec, (nr) => nr % 3 === part);
      if (part < 2) await spread.flush();
    }
  });
  afterAll(() => spread.destroy());
  it('has two blocks', () => expect(spread.blocks()).toHaveLength(2));
  askAll(() => ({ process: spread, base: baseSec, differences: KNOWN_DIFFERENCES }));
});

describe('from a block that a real Tempo wrote', () => {
  const { baseSec: tempoBaseSec } = JSON.parse(testdata('conformance/tempo-block/base.json')) as { baseSec: number };
  let reader: Vivace;
  beforeAll(async () => {
    // Its retention would count from when it was recorded.
    reader = await Vivace.create({ more: 'compactor: { disabled: true }' });
    fs.cpSync(new URL('../../testdata/conformance/tempo-block/single-tenant', import.meta.url), path.join(reader.dir, 'blocks/single-tenant'), {
      recursive: true,
    });
    await reader.start();
  });
  afterAll(() => reader.destroy());
  askAll(() => ({ process: reader, base: tempoBaseSec, differences: KNOWN_DIFFERENCES.filter(({ byStorage }) => !byStorage) }));
});

interface Asked {
  readonly process: Vivace;
  readonly base: number;
  readonly differences: readonly KnownDifference[];
}

function askAll(asked: () => Asked = () => ({ process: vivace, base: baseSec, differences: KNOWN_DIFFERENCES })): void {
  it.each(CASES.map((c) => ({ title: titleOf(c), c })))('$title', ({ c }) => check(c, asked()));
}

async function check(c: Case, { process, base, differences }: Asked): Promise<void> {
  const { status, body } = await process.get(urlOf(c, base));
  expect(status, body).toBe(c.expect.status);
  if (status !== 200) return;
  const answer = normalise(c.kind, body, base);
  const difference = differences.find(({ applies }) => applies(c));
  if (difference) difference.check(answer, c.expect.answer);
  else expect(answer).toEqual(c.expect.answer);
}
