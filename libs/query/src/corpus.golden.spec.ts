import { readFileSync } from 'node:fs';
import { plainTracesOf } from '@vivace/testkit';
import type { TraceqlDataset } from '@vivace/testkit';
import { describe, expect, it } from 'vitest';
import { askEngine, askOracle } from './oracle.fixture.ts';

interface Case {
  readonly q: string;
  readonly class?: string;
}

const testdata = new URL('../../../testdata/traceql/', import.meta.url);
const read = (file: string): readonly Case[] =>
  readFileSync(new URL(file, testdata), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Case);
const dataset = JSON.parse(readFileSync(new URL('dataset.json', testdata), 'utf8')) as TraceqlDataset;
const traces = plainTracesOf(dataset, 1_700_000_000_000_000_000n);
const queries = new Set([...read('semantics.jsonl'), ...read('beyond-tempo.jsonl'), ...read('cases.jsonl').filter((c) => c.class === 'valid')].map((c) => c.q));

// The oracle is held against the recorded answers where it lives; here the engine is held against the oracle.
describe('every valid query of the corpus', () => {
  for (const query of queries) it(query, async () => expect(await askEngine(query, traces)).toEqual(askOracle(query, traces)));
});
