import { AppError } from '@vivace/base';

export type Credentials = { readonly kind: 'password'; readonly user: string; readonly password: string } | { readonly kind: 'key'; readonly key: string };

/** No password and no key is longer; hashing has a cost. */
const MAX_LENGTH = 1_024;

export interface CredentialHeaders {
  readonly authorization?: string | undefined;
  readonly 'x-api-key'?: string | string[] | undefined;
}

/** What a client says it is, or undefined when it says nothing. @throws AppError `unauthenticated` for what cannot be read; never with a part of it. */
export function parseCredentials(headers: CredentialHeaders): Credentials | undefined {
  const { authorization, 'x-api-key': apiKey } = headers;
  if (authorization !== undefined) {
    const space = authorization.indexOf(' ');
    const scheme = authorization.slice(0, Math.max(space, 0)).toLowerCase();
    const rest = authorization.slice(space + 1).trim();
    if (scheme === 'basic') return parseBasic(rest);
    if (scheme === 'bearer') return keyOf(rest);
    throw new AppError('unauthenticated', 'authorization: want Basic or Bearer');
  }
  if (apiKey === undefined) return undefined;
  if (typeof apiKey !== 'string') throw new AppError('unauthenticated', 'x-api-key: sent more than once');
  return keyOf(apiKey);
}

/** RFC 7617, UTF-8. */
function parseBasic(base64: string): Credentials {
  const text = Buffer.from(base64, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon === -1) throw new AppError('unauthenticated', 'authorization: basic credentials have no colon');
  return { kind: 'password', user: bounded(text.slice(0, colon)), password: bounded(text.slice(colon + 1)) };
}

function keyOf(text: string): Credentials {
  return { kind: 'key', key: bounded(text) };
}

function bounded(text: string): string {
  if (text.length > MAX_LENGTH) throw new AppError('unauthenticated', `credentials are longer than ${MAX_LENGTH}`);
  return text;
}
