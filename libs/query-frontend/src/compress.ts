import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { HttpResponse } from '@vivace/base';

const gzipAsync = promisify(gzip);

/** Below this gzip costs more than it saves. */
const MIN_BYTES = 1_400;

/** Gzips a body worth it when the client takes gzip. `Vary` is always there, because the answer depends on the header either way. */
export async function compress(response: HttpResponse, acceptEncoding: string | undefined): Promise<HttpResponse> {
  const headers = { ...response.headers, vary: 'Accept-Encoding' };
  if (response.body.length < MIN_BYTES || !acceptsGzip(acceptEncoding)) return { ...response, headers };
  // Level 1: answers are read once, on a local network more often than not.
  const body = await gzipAsync(response.body, { level: 1 });
  return { ...response, body, headers: { ...headers, 'content-encoding': 'gzip' } };
}

/** `gzip` or `*` with a weight above 0 (RFC 9110 §12.5.3). */
function acceptsGzip(header: string | undefined): boolean {
  if (header === undefined) return false;
  return header.split(',').some((part) => {
    const [coding, ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
    return (coding === 'gzip' || coding === '*') && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
  });
}
