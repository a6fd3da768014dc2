/** Names of fields that are about one connection: RFC 9110, 7.6.1, and what older clients send. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'expect',
]);
/** Said anew for the upstream. A client may not claim them; `x-forwarded-for` goes on only from proxies we trust. */
const OURS = new Set(['host', 'forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip']);
const CREDENTIALS = new Set(['authorization', 'x-api-key']);
const TENANT = 'x-scope-orgid';

export interface Forwarding {
  /** Of the client, for the next server. */
  readonly forwardedFor: string;
  readonly host: string | undefined;
  readonly proto: 'http' | 'https';
  /** Overwrites what was sent; undefined leaves it. */
  readonly tenant: string | undefined;
  /** Whether credentials were for us, and so are not for others. */
  readonly dropCredentials: boolean;
}

/** `raw` is name, value, name, value, as node:http has them; pseudo fields of HTTP/2 are left out. Returns the same form. */
export function forwardedHeaders(raw: readonly string[], { forwardedFor, host, proto, tenant, dropCredentials }: Forwarding): string[] {
  const named = namedByConnection(raw);
  const out: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i].toLowerCase();
    if (name.startsWith(':') || HOP_BY_HOP.has(name) || OURS.has(name) || named?.has(name)) continue;
    if (tenant !== undefined && name === TENANT) continue;
    if (dropCredentials && CREDENTIALS.has(name)) continue;
    out.push(name, raw[i + 1]);
  }
  out.push('x-forwarded-for', forwardedFor, 'x-forwarded-proto', proto);
  if (host !== undefined) out.push('x-forwarded-host', host);
  if (tenant !== undefined) out.push(TENANT, tenant);
  return out;
}

/** What of a response goes to the client. */
export function responseHeaders(raw: readonly (Buffer | string)[]): string[] {
  const texts = raw.map((text) => (typeof text === 'string' ? text : text.toString('latin1')));
  const named = namedByConnection(texts);
  const out: string[] = [];
  for (let i = 0; i < texts.length; i += 2) {
    const name = texts[i].toLowerCase();
    if (!HOP_BY_HOP.has(name) && !named?.has(name)) out.push(texts[i], texts[i + 1]);
  }
  return out;
}

/** A connection field may name others that are about the connection, but not those that carry the message. */
function namedByConnection(raw: readonly string[]): ReadonlySet<string> | undefined {
  let names: Set<string> | undefined;
  for (let i = 0; i < raw.length; i += 2) {
    if (raw[i].toLowerCase() !== 'connection') continue;
    for (const name of raw[i + 1].toLowerCase().split(',')) if (!PROTECTED.has(name.trim())) (names ??= new Set()).add(name.trim());
  }
  return names;
}

const PROTECTED = new Set(['content-length', 'content-type', 'content-encoding', 'host', TENANT]);
