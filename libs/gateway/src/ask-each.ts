import { AppError } from '@vivace/base';
import type { HttpResponse } from '@vivace/base';
import { request } from 'undici';
import type { HttpUpstream } from './http-upstream.ts';

export interface AskEach {
  readonly upstream: HttpUpstream;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: string[];
  /** Without `instance` in the query there is no answer but the list of what it may be. */
  readonly mustName: boolean;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

const TEXT = 'text/plain; charset=utf-8';

/** Sends a request to all addresses of an upstream, or to the one that `instance` in the query names, and lists what they said. */
export async function askEach({ upstream, method, path, query, headers, mustName, timeoutMs, signal }: AskEach): Promise<HttpResponse> {
  const { addresses } = upstream;
  await addresses.refresh();
  const instance = query.get('instance');
  const known = addresses.all.map(({ key }) => key);
  if (known.length === 0) throw addresses.unknown();
  const choice = `one of ${known.join(', ')}`;
  if (mustName && instance === null) throw new AppError('invalid_argument', `${path} needs instance in the query, ${choice}`);
  if (instance !== null && !known.includes(instance)) throw new AppError('invalid_argument', `instance ${JSON.stringify(instance)} is not ${choice}`);
  const rest = new URLSearchParams(query);
  rest.delete('instance');
  const target = rest.size > 0 ? `${path}?${rest}` : path;
  const limit = timeoutMs > 0 ? AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]) : signal;
  const answers = await Promise.all(
    addresses.all
      .filter(({ key }) => instance === null || key === instance)
      .map(async (address) => {
        const { key, origin } = address;
        try {
          const { statusCode, body } = await request(origin + target, { dispatcher: upstream.pool(address), method, headers, signal: limit });
          return { key, status: statusCode, text: (await body.text()).trim() };
        } catch (reason) {
          return { key, status: 502, text: AppError.from(reason).message };
        }
      }),
  );
  const allGood = answers.every(({ status }) => status < 300);
  return {
    status: allGood ? 200 : 502,
    contentType: TEXT,
    body: answers.map(({ key, status, text }) => `${key}: ${status} ${text}`.trimEnd()).join('\n') + '\n',
  };
}
