import { promisify } from 'node:util';
import { constants, gzip, zstdCompress } from 'node:zlib';
import type { HttpResponse } from '@vivace/base';

const gzipAsync = promisify(gzip);
const zstdAsync = promisify(zstdCompress);

/** Below this compression costs more than it saves. */
const MIN_BYTES = 1_400;

/** Compresses a body worth it when the client takes zstd or gzip. `Vary` is always there, because the answer depends on the header either way. */
export async function compress(response: HttpResponse, acceptEncoding: string | undefined): Promise<HttpResponse> {
  const headers = { ...response.headers, vary: 'Accept-Encoding' };
  const coding = response.body.length < MIN_BYTES ? undefined : chooseCoding(acceptEncoding);
  if (!coding) return { ...response, headers };
  const body = typeof response.body === 'string' ? Buffer.from(response.body) : response.body;
  return { ...response, body: await pack(coding, body), headers: { ...headers, 'content-encoding': coding } };
}

type Coding = 'zstd' | 'gzip';

/** Level 1: answers are read once, on a local network more often than not. */
async function pack(coding: Coding, body: Uint8Array): Promise<Uint8Array> {
  if (coding === 'gzip') return gzipAsync(body, { level: 1 });
  return zstdAsync(body, { params: { [constants.ZSTD_c_compressionLevel]: 1 }, pledgedSrcSize: body.length });
}

/** The coding of the greatest weight (RFC 9110 §12.5.3), of equal ones zstd: half the work, and a quarter less to send. Whoever takes anything (`*`) gets gzip. */
function chooseCoding(header = ''): Coding | undefined {
  const weights = new Map(header.split(',').map(weightOf));
  const zstd = weights.get('zstd') ?? 0;
  const gzip = weights.get('gzip') ?? weights.get('*') ?? 0;
  if (zstd === 0 && gzip === 0) return undefined;
  return zstd >= gzip ? 'zstd' : 'gzip';
}

function weightOf(part: string): readonly [coding: string, weight: number] {
  const [coding, ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
  const weight = parameters.find((parameter) => parameter.startsWith('q='));
  return [coding, weight === undefined ? 1 : Number(weight.slice(2)) || 0];
}
