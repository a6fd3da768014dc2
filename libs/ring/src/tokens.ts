import { AppError } from '@vivace/base';
import { encodeUtf8, fnv1a } from '@vivace/bytes';
import { MAX_TOKENS } from './ring-codec.ts';

/** A whole number in [0, 2^32), evenly spread. */
export type RandomUint32 = () => number;

/** `count` tokens nobody in `taken` has, ascending. */
export function generateTokens(count: number, taken: ReadonlySet<number>, random: RandomUint32): Uint32Array {
  const tokens = new Set<number>();
  while (tokens.size < count) {
    const token = random();
    if (!taken.has(token)) tokens.add(token);
  }
  return Uint32Array.from(tokens).sort();
}

/** The text of a tokens file: Tempo's, `{"tokens":[…]}`. */
export function formatTokens(tokens: Uint32Array): string {
  return `${JSON.stringify({ tokens: [...tokens] })}\n`;
}

/** Throws AppError `data_loss` when the text is not that of a tokens file. */
export function parseTokens(text: string): Uint32Array {
  const values = readTokens(text);
  if (values === undefined || values.length > MAX_TOKENS) throw new AppError('data_loss', 'tokens file: is not {"tokens": [...]} with numbers below 2^32');
  return Uint32Array.from(new Set(values)).sort();
}

function readTokens(text: string): number[] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || !('tokens' in value) || !Array.isArray(value.tokens)) return undefined;
  const tokens: unknown[] = value.tokens;
  return tokens.every((token): token is number => Number.isInteger(token) && (token as number) >= 0 && (token as number) < 2 ** 32) ? tokens : undefined;
}

/** What the tokens of a tenant's traces begin with; kept by whoever hashes many. */
export function tenantSeed(tenant: string): number {
  return fnv1a(encodeUtf8(tenant));
}

/** The token of the trace whose 16-byte id is at `ids[at]`: FNV-1a 32 of the tenant followed by the id. */
export function traceToken(seed: number, ids: Uint8Array, at: number): number {
  let h = seed;
  for (let i = at; i < at + 16; i++) h = Math.imul(h ^ ids[i], 0x01000193);
  return h >>> 0;
}

/** The token of a job, a cache key or anything else that has a name. */
export function nameToken(name: string): number {
  return mix(fnv1a(encodeUtf8(name)));
}

/** Spreads differences of the last bytes over all bits (finaliser of MurmurHash3): names often differ in a digit at their end only. */
function mix(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
