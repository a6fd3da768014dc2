import { AppError } from '@vivace/base';

/** An address as people write it: `host`, `host:port` or a URL, whose scheme wins over `insecure` and whose path is not looked at. */
export function plainHost(endpoint: string, insecure: boolean): { readonly host: string; readonly url: string; readonly isPlain: boolean } {
  const text = endpoint.includes('://') ? endpoint : `${insecure ? 'http' : 'https'}://${endpoint}`;
  const url = URL.parse(text);
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:'))
    throw new AppError('invalid_argument', `address ${JSON.stringify(endpoint)} of the object store is not host, host:port or a URL`);
  return { host: url.hostname, url: url.origin, isPlain: url.protocol === 'http:' };
}

/** A prefix as people write it, with or without slashes around it, as it stands before a key. */
export function keyPrefix(prefix: string): string {
  const trimmed = prefix.replace(/^\/+|\/+$/g, '');
  return trimmed === '' ? '' : `${trimmed}/`;
}
