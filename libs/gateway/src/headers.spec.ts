import { describe, expect, it } from 'vitest';
import { forwardedHeaders, responseHeaders } from './headers.ts';

const OPTIONS = { forwardedFor: '1.1.1.1', host: undefined, proto: 'http', tenant: undefined, dropCredentials: false } as const;
const OURS = ['x-forwarded-for', '1.1.1.1', 'x-forwarded-proto', 'http'];

describe('forwardedHeaders', () => {
  it('drops what is about the connection, what it names, and what clients may not claim', () => {
    const raw = [
      'Connection',
      'close, X-A',
      'x-a',
      '1',
      'TE',
      'trailers',
      'X-Forwarded-Proto',
      'https',
      'Forwarded',
      'for=x',
      ':path',
      '/',
      'X-B',
      '2',
      'x-b',
      '3',
    ];
    expect(forwardedHeaders(raw, OPTIONS)).toEqual(['x-b', '2', 'x-b', '3', ...OURS]);
  });

  it('keeps what carries the message, whatever the connection field says', () => {
    expect(forwardedHeaders(['Connection', 'content-length, x-scope-orgid', 'Content-Length', '1', 'X-Scope-OrgID', 't'], OPTIONS).slice(0, 4)).toEqual([
      'content-length',
      '1',
      'x-scope-orgid',
      't',
    ]);
  });

  it('overwrites the tenant, however often it was sent, and drops credentials', () => {
    const raw = ['X-Scope-OrgID', 'a', 'x-scope-orgid', 'b', 'Authorization', 'x', 'X-API-Key', 'y'];
    expect(forwardedHeaders(raw, { ...OPTIONS, tenant: 't', dropCredentials: true })).toEqual([...OURS, 'x-scope-orgid', 't']);
  });
});

describe('responseHeaders', () => {
  it('keeps fields that come more than once', () => {
    const raw = ['Set-Cookie', 'a', 'Set-Cookie', 'b', 'Transfer-Encoding', 'chunked', 'Keep-Alive', 'timeout=5'].map((text) => Buffer.from(text));
    expect(responseHeaders(raw)).toEqual(['Set-Cookie', 'a', 'Set-Cookie', 'b']);
  });
});
