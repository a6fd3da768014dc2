import type { RequestLogConfig } from '@vivace/config';
import { describe, expect, it } from 'vitest';
import { createRequestDetails } from './request-log.ts';

const LOG: RequestLogConfig = { atInfo: false, headers: false, excludedHeaders: [], sources: undefined };
const ALL = { full: true, header: '', pattern: '' };

describe('addresses of a client', () => {
  const sources = (headers: Record<string, string>, options: Partial<typeof ALL> = {}, remoteAddress: string | undefined = '127.0.0.1') =>
    createRequestDetails({ ...LOG, sources: { ...ALL, ...options } })({ headers, remoteAddress }).sourceIPs;

  it.each([
    [{}, '127.0.0.1'],
    [{ 'x-forwarded-for': '1.2.3.4, 5.6.7.8' }, '1.2.3.4, 5.6.7.8, 127.0.0.1'],
    [{ 'x-forwarded-for': ',, junk' }, 'junk, 127.0.0.1'],
    [{ 'x-forwarded-for': '127.0.0.1' }, '127.0.0.1'],
    [{ 'x-forwarded-for': '1.2.3.4', 'x-real-ip': '7.7.7.7' }, '7.7.7.7, 127.0.0.1'],
    [{ 'x-real-ip': '7.7.7.7', forwarded: 'for=9.9.9.9, for=8.8.8.8;proto=https' }, '9.9.9.9, 8.8.8.8, 127.0.0.1'],
    [{ forwarded: 'proto=https;For="[2001:db8::1]:80"' }, '2001:db8::1, 127.0.0.1'],
    [{ forwarded: 'for="9.9.9.9:80"' }, '9.9.9.9, 127.0.0.1'],
    [{ forwarded: 'by=1.1.1.1', 'x-real-ip': '7.7.7.7' }, '7.7.7.7, 127.0.0.1'],
  ])('of %o are %s', (headers, want) => {
    expect(sources(headers as Record<string, string>)).toBe(want);
  });

  it('are the first of a header and that of the connection, unless all are wanted', () => {
    expect(sources({ 'x-forwarded-for': '1.2.3.4, 5.6.7.8' }, { full: false })).toBe('1.2.3.4, 127.0.0.1');
  });

  it('may be in a header that is named, where a group of an expression finds them', () => {
    const client = { header: 'x-client', pattern: 'ip=([0-9.]+)' };
    expect(sources({ 'x-client': 'a ip=4.4.4.4 b', 'x-real-ip': '7.7.7.7' }, client)).toBe('4.4.4.4, 127.0.0.1');
    expect(sources({ 'x-client': 'nobody', 'x-real-ip': '7.7.7.7' }, client)).toBe('127.0.0.1');
    expect(sources({ 'x-client': 'ip=4.4.4.4' }, { header: 'x-client', pattern: '[0-9.]+' })).toBe('127.0.0.1');
  });

  it('cannot be found with an expression that is none', () => {
    expect(() => createRequestDetails({ ...LOG, sources: { ...ALL, pattern: '(' } })).toThrow('server.log_source_ips_regex: invalid regex: `(`');
  });

  it('are IPv4 on a socket for both', () => {
    expect(sources({}, {}, '::ffff:10.0.0.1')).toBe('10.0.0.1');
  });
});

it('headers are logged without secrets and without those that are excluded', () => {
  const details = createRequestDetails({ ...LOG, headers: true, excludedHeaders: ['x-secret'] });
  const secrets = { authorization: 'Basic x', cookie: 'a=b', 'x-csrf-token': 'q', 'proxy-authorization': 'y', 'x-secret': 's' };
  expect(details({ headers: { ':path': '/', 'user-agent': 'curl', 'x-scope-orgid': 't', ...secrets }, remoteAddress: '::1' })).toEqual({
    headers: { 'user-agent': 'curl', 'x-scope-orgid': 't' },
  });
});

it('nothing of it is logged unless asked for', () => {
  expect(createRequestDetails(LOG)({ headers: { a: 'b' }, remoteAddress: '::1' })).toEqual({});
});
