// Cases on which engine and oracle once disagreed: one JSON file each, replayed by every run.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { NaiveTimes, PlainTrace } from '@vivace/testkit';

export interface Regression {
  readonly query: string;
  readonly traces: readonly PlainTrace[];
  /** Of metrics queries. */
  readonly times?: NaiveTimes;
}

const FOLDER = new URL('../../../testdata/query/regressions/', import.meta.url);

export function readRegressions(): readonly Regression[] {
  return readdirSync(FOLDER)
    .sort()
    .map((file) => JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8'), revive) as Regression);
}

/** Named by content, so that the same failure found twice is one file. */
export function saveRegression(regression: Regression): void {
  const text = `${JSON.stringify(regression, replace, 1)}\n`;
  writeFileSync(new URL(`${createHash('sha256').update(regression.query).digest('hex').slice(0, 12)}.json`, FOLDER), text);
}

function replace(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return { $int: value.toString() };
  return value instanceof Uint8Array ? { $bytes: [...value] } : value;
}

function revive(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if ('$int' in value && typeof value.$int === 'string') return BigInt(value.$int);
  return '$bytes' in value ? new Uint8Array(value.$bytes as number[]) : value;
}
