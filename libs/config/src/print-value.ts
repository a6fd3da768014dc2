import { formatGoDuration } from '@vivace/base';
import type { Leaf } from './schema/node.ts';

const LONGEST_NS = 2n ** 63n - 1n;

/** The value as it stands in YAML: durations as Go prints them, secrets redacted. */
export function printValue(leaf: Leaf<unknown>, value: unknown): string | number | boolean {
  if (leaf.type === 'duration') {
    const ns = BigInt(Math.round((value as number) * 1e6)); // a duration leaf holds milliseconds
    return formatGoDuration(ns > LONGEST_NS ? LONGEST_NS : ns);
  }
  if (leaf.type === 'secret') return String(value);
  return value as string | number | boolean; // the other leaf types hold just these
}
