import type { IncomingHttpHeaders } from 'node:http';
import { AppError } from '@vivace/base';
import type { RequestLogConfig } from '@vivace/config';
import { RE2JS } from 're2js';

export interface LoggedRequest {
  readonly headers: IncomingHttpHeaders;
  readonly remoteAddress: string | undefined;
}

/** What the log of requests says besides what was asked and answered. */
export interface RequestDetails {
  readonly sourceIPs?: string;
  readonly headers?: Readonly<Record<string, unknown>>;
}

/** What nobody may read in a log, as in Tempo. */
const SECRET_HEADERS = ['authorization', 'cookie', 'proxy-authorization', 'x-csrf-token'];

export function createRequestDetails({ headers, excludedHeaders, sources }: RequestLogConfig): (request: LoggedRequest) => RequestDetails {
  const excluded = new Set([...SECRET_HEADERS, ...excludedHeaders]);
  const pattern = sources && compiled(sources.pattern);
  return (request) => ({
    ...(sources && pattern && { sourceIPs: sourcesOf(request, sources, pattern).join(', ') }),
    // Those that begin with a colon are the request itself, in HTTP/2.
    ...(headers && { headers: Object.fromEntries(Object.entries(request.headers).filter(([name]) => !name.startsWith(':') && !excluded.has(name))) }),
  });
}

function compiled(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (cause) {
    throw new AppError('invalid_argument', `server.log_source_ips_regex: invalid regex: \`${pattern}\``, { cause });
  }
}

/** Those the client is said to have, nearest to it first, and the one of the connection. */
function sourcesOf({ headers, remoteAddress = '' }: LoggedRequest, { full, header }: NonNullable<RequestLogConfig['sources']>, pattern: RE2JS): string[] {
  const said = header === '' ? forwarded(headers) : found(textOf(headers[header]), pattern);
  const own = remoteAddress.replace(/^::ffff:/, '');
  return [...new Set([...(full ? said : said.slice(0, 1)), own])];
}

/** The first of these headers that has any. */
function forwarded(headers: IncomingHttpHeaders): string[] {
  const standard = [...textOf(headers.forwarded).matchAll(FORWARDED_FOR)].map(([, quoted, bare]) => (quoted ?? bare).replace(PORT, '').replace(/^\[|\]$/g, ''));
  if (standard.length > 0) return standard;
  for (const name of ['x-real-ip', 'x-forwarded-for']) {
    const addresses = textOf(headers[name])
      .split(',')
      .map((address) => address.trim())
      .filter((address) => address !== '');
    if (addresses.length > 0) return addresses;
  }
  return [];
}

/** RFC 7239, 4. */
const FORWARDED_FOR = /(?:^|[;,])\s*for=(?:"([^"]*)"|([^;,\s]*))/gi;
/** Not the end of a bare IPv6 address. */
const PORT = /(?<=^[^:]*|\]):\d+$/;

/** What the first group of the expression stands for. */
function found(text: string, pattern: RE2JS): string[] {
  const match = pattern.matcher(text);
  if (pattern.groupCount() === 0 || !match.find()) return [];
  const address = match.group(1);
  return address ? [address] : [];
}

function textOf(value: string | readonly string[] | undefined): string {
  return typeof value === 'string' ? value : (value?.join(',') ?? '');
}
