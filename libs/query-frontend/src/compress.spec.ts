import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { compress } from './compress.ts';

const large = { status: 200, contentType: 'application/json', body: 'x'.repeat(2_000) };

describe('compress', () => {
  it.each(['zstd', 'gzip, deflate, br, zstd', 'ZSTD;q=0.3', 'gzip;q=0.5, zstd', '*;q=0.1, zstd'])('answers zstd for %s', async (header) => {
    const { body, headers } = await compress(large, header);
    expect(headers).toEqual({ vary: 'Accept-Encoding', 'content-encoding': 'zstd' });
    expect(zstdDecompressSync(body).toString()).toBe(large.body);
  });

  it.each(['gzip', 'deflate, gzip;q=0.5', 'GZIP', '*', 'gzip, zstd;q=0.5', 'gzip, zstd;q=0', 'zstd;q=0, *'])('gzips for %s', async (header) => {
    const { body, headers } = await compress(large, header);
    expect(headers).toEqual({ vary: 'Accept-Encoding', 'content-encoding': 'gzip' });
    expect(gunzipSync(body).toString()).toBe(large.body);
  });

  it.each([undefined, '', 'identity', 'gzip;q=0', 'gzip; q=0.0', 'xgzip', 'gzip;q=0, *', 'zstd;q=0'])('leaves it for %s', async (header) => {
    expect(await compress(large, header)).toEqual({ ...large, headers: { vary: 'Accept-Encoding' } });
  });

  it('leaves small bodies', async () => {
    expect((await compress({ ...large, body: '{}' }, 'gzip')).body).toBe('{}');
  });
});
