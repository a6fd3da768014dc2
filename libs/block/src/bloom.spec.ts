import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BloomFilter, bloomShard, buildBlooms } from './bloom.ts';
import { murmur128 } from './murmur3.ts';

const SAMPLE = fileURLToPath(new URL('../../../testdata/block/sample-block/', import.meta.url));

function ids(count: number, seed = 1): Uint8Array {
  const out = new Uint8Array(count * 16);
  let a = seed;
  for (let i = 0; i < out.length; i++) {
    a = (Math.imul(a, 1664525) + 1013904223) >>> 0;
    out[i] = a >>> 24;
  }
  return out;
}

/** The published algorithm in bigint. */
function naiveMurmur(key: Uint8Array): [bigint, bigint] {
  const M = (1n << 64n) - 1n;
  const rot = (v: bigint, n: bigint): bigint => ((v << n) | (v >> (64n - n))) & M;
  const mix = (v: bigint): bigint => {
    let k = v ^ (v >> 33n);
    k = (k * 0xff51afd7ed558ccdn) & M;
    k ^= k >> 33n;
    k = (k * 0xc4ceb9fe1a85ec53n) & M;
    return k ^ (k >> 33n);
  };
  const c1 = 0x87c37b91114253d5n;
  const c2 = 0x4cf5ad432745937fn;
  let h1 = 0n;
  let h2 = 0n;
  const view = Buffer.from(key);
  for (let i = 0; i + 16 <= key.length; i += 16) {
    h1 ^= (rot((view.readBigUInt64LE(i) * c1) & M, 31n) * c2) & M;
    h1 = ((rot(h1, 27n) + h2) * 5n + 0x52dce729n) & M;
    h2 ^= (rot((view.readBigUInt64LE(i + 8) * c2) & M, 33n) * c1) & M;
    h2 = ((rot(h2, 31n) + h1) * 5n + 0x38495ab5n) & M;
  }
  if (key.length % 16 === 1) h1 ^= (rot((BigInt(key[key.length - 1]) * c1) & M, 31n) * c2) & M;
  h1 ^= BigInt(key.length);
  h2 ^= BigInt(key.length);
  h1 = (h1 + h2) & M;
  h2 = (h2 + h1) & M;
  h1 = mix(h1);
  h2 = mix(h2);
  h1 = (h1 + h2) & M;
  return [h1, (h2 + h1) & M];
}

describe('murmur128', () => {
  it('equals the published algorithm', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.boolean(), (id, suffix) => {
        const out = new Uint32Array(4);
        murmur128(id, 0, 16, suffix, out, 0);
        const halves = [...out].map(BigInt);
        expect([(halves[1] << 32n) | halves[0], (halves[3] << 32n) | halves[2]]).toEqual(naiveMurmur(suffix ? Uint8Array.of(...id, 1) : id));
      }),
    );
  });
});

describe('bloom filters', () => {
  it("reproduce Tempo's file bit for bit when the size is the same", () => {
    const theirs = readFileSync(`${SAMPLE}single-tenant/1dbe6a53-77f6-4d73-a797-5217b31e5123/bloom-0`);
    const rows = JSON.parse(readFileSync(`${SAMPLE}rows.decoded.json`, 'utf8')) as { TraceID: string }[];
    const known = Buffer.from(rows.map((row) => row.TraceID.replace('hex:', '')).join(''), 'hex');
    const filter = new BloomFilter(theirs, 'bloom-0');
    for (let at = 0; at < known.length; at += 16) expect(filter.mayContain(known, at)).toBe(true);
    // Exactly the bits of the known ids are set.
    const bits = theirs.subarray(24).reduce((n, byte) => n + byte.toString(2).replaceAll('0', '').length, 0);
    expect(bits).toBeGreaterThan((known.length / 16) * 7 - 10);
    expect(bits).toBeLessThanOrEqual((known.length / 16) * 7);
  });

  it('know every trace of theirs, in one shard and in many', () => {
    for (const [count, shardBytes] of [
      [1, 102_400],
      [5000, 102_400],
      [5000, 512],
    ]) {
      const keys = ids(count);
      const files = buildBlooms(keys, count, { falsePositive: 0.01, shardBytes });
      expect(files).toHaveLength(Math.max(1, Math.ceil(Math.ceil((-count * Math.log(0.01)) / Math.LN2 ** 2) / (8 * shardBytes))));
      const filters = files.map((file, i) => new BloomFilter(file, `bloom-${i}`));
      for (let at = 0; at < keys.length; at += 16) expect(filters[bloomShard(keys, at, files.length)].mayContain(keys, at)).toBe(true);
    }
  });

  it('let few others pass', () => {
    const [file] = buildBlooms(ids(5000), 5000, { falsePositive: 0.01, shardBytes: 102_400 });
    expect(file.length).toBeLessThan(5000 * 1.25);
    const filter = new BloomFilter(file, 'bloom-0');
    const others = ids(20_000, 99);
    let hits = 0;
    for (let at = 0; at < others.length; at += 16) hits += filter.mayContain(others, at) ? 1 : 0;
    expect(hits / 20_000).toBeLessThan(0.015);
    expect(hits).toBeGreaterThan(0);
  });

  it('refuse damaged files by name', () => {
    const [file] = buildBlooms(ids(10), 10);
    for (const bad of [new Uint8Array(0), file.subarray(0, 23), file.subarray(0, file.length - 1), new Uint8Array(64), new Uint8Array(64).fill(255)])
      expect(() => new BloomFilter(bad, 'tenant/block/bloom-3')).toThrow('tenant/block/bloom-3');
  });
});
