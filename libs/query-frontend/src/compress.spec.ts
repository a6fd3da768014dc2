import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { compress } from './compress.ts';

const large = { status: 200, contentType: 'application/json', body: 'x'.repeat(2_000) };

describe('compress', () => {
  it.each(['gzip', 'deflate, gzip;q=0.5', 'GZIP', '*'])('gzips for %s', async (header) => {
    const { body, headers } = await compress(large, header);
    expect(headers).toEqual({ vary: 'Accept-Encoding', 'content-encoding': 'gzip' });
    expect(gunzipSync(body).toString()).toBe(large.body);
  });

  it.each([undefined, '', 'identity', 'gzip;q=0', 'gzip; q=0.0', 'xgzip'])('leaves it for %s', async (header) => {
    expect(await compress(large, header)).toEqual({ ...large, headers: { vary: 'Accept-Encoding' } });
  });

  it('leaves small bodies', async () => {
    expect((await compress({ ...large, body: '{}' }, 'gzip')).body).toBe('{}');
  });
});
