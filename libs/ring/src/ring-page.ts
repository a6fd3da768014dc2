import { escapeHtml } from '@vivace/base';
import type { HttpResponse } from '@vivace/base';
import type { RingEntry } from './entry.ts';
import { compareTexts } from './entry.ts';
import type { Ring } from './ring.ts';
import type { RingView } from './ring-view.ts';

export interface RingPageRequest {
  readonly method: string;
  /** The Accept header. */
  readonly accept: string | undefined;
  /** The Sec-Fetch-Site header: what a browser says of the page a request comes from. */
  readonly fetchSite: string | undefined;
  readonly query: URLSearchParams;
  /** Fields of a posted form. */
  readonly form: URLSearchParams;
}

/**
 * `/ingester/ring` and its like. GET shows the members, as HTML or, when asked for it, as Tempo's JSON; POST with `forget=<id>`, in the
 * form or the query, removes one. A GET never changes anything, nor does a form on somebody else's page.
 */
export function ringPage(ring: Ring, request: RingPageRequest): HttpResponse {
  if (request.method === 'POST') return forget(ring, request);
  const rows = [...ring.entries()].filter(({ pulse }) => pulse !== undefined && pulse.state !== 'LEFT').sort((a, b) => compareTexts(a.id, b.id));
  if (request.accept?.includes('application/json')) return toJson(ring, rows);
  return toHtml(ring, rows, request.query.get('tokens') === 'true');
}

function forget(ring: Ring, { query, form, fetchSite }: RingPageRequest): HttpResponse {
  const text = (status: number, body: string): HttpResponse => ({ status, contentType: 'text/plain; charset=utf-8', body: `${body}\n` });
  if (fetchSite !== undefined && fetchSite !== 'same-origin' && fetchSite !== 'none') return text(403, 'the form is on a page of another site');
  const id = form.get('forget') ?? query.get('forget');
  if (id === null || id === '') return text(400, 'forget is missing, want the id of a member');
  ring.forget(id);
  // Tempo answers so whether the member was there or not, and browsers load the page again.
  return { ...text(302, ''), headers: { location: '?' } };
}

function toJson(ring: Ring, rows: readonly RingEntry[]): HttpResponse {
  const nowMs = ring.options.clock.now();
  const shards = rows.map((entry) => ({
    id: entry.id,
    state: stateOf(ring, entry, nowMs),
    address: entry.info?.address ?? '',
    timestamp: isoTime(entry.pulse?.timestampMs),
    registered_timestamp: isoTime(entry.info?.registeredMs),
    read_only: false,
    read_only_updated_timestamp: isoTime(undefined),
    zone: entry.info?.zone ?? '',
    tokens: [...(entry.info?.tokens ?? [])],
  }));
  const body = JSON.stringify({ shards: shards.length === 0 ? null : shards, now: new Date(nowMs).toISOString() });
  return { status: 200, contentType: 'application/json', body };
}

function toHtml(ring: Ring, rows: readonly RingEntry[], showTokens: boolean): HttpResponse {
  const nowMs = ring.options.clock.now();
  const shares = ownership(ring.view());
  const body = rows.map((entry) => {
    const cells = [
      entry.id,
      entry.info?.zone ?? '',
      stateOf(ring, entry, nowMs),
      entry.info?.address ?? '',
      isoTime(entry.info?.registeredMs),
      `${Math.max(0, Math.round((nowMs - entry.pulse!.timestampMs) / 1_000))}s ago (${isoTime(entry.pulse?.timestampMs).slice(11, 19)})`,
      String(entry.info?.tokens.length ?? 0),
      `${((shares.get(entry.id) ?? 0) * 100).toFixed(1)}%`,
    ];
    const button = `<button name="forget" value="${escapeHtml(entry.id)}" formaction="?forget=${escapeHtml(encodeURIComponent(entry.id))}">Forget</button>`;
    return `<tr>${cells.map((cell) => `<td>${escapeHtml(cell)}</td>`).join('')}<td>${button}</td></tr>`;
  });
  const lists = showTokens ? rows.map(({ id, info }) => `<h2>${escapeHtml(id)}</h2><p>${[...(info?.tokens ?? [])].join(' ')}</p>`) : [];
  const html = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="UTF-8">
<title>Ring: ${escapeHtml(ring.name)}</title>
<style>body{font-family:sans-serif;margin:2em}table{border-collapse:collapse}td,th{border:1px solid #bbb;padding:.3em .6em;text-align:left}</style>
</head>
<body>
<h1>Ring: ${escapeHtml(ring.name)}</h1>
<p>Current time: ${isoTime(nowMs)}. ${rows.length} member${rows.length === 1 ? '' : 's'}, replication factor ${ring.options.replicationFactor}.</p>
<form method="POST">
<table>
<thead><tr>${['Instance ID', 'Availability Zone', 'State', 'Address', 'Registered At', 'Last Heartbeat', 'Tokens', 'Ownership', 'Actions'].map((title) => `<th>${title}</th>`).join('')}</tr></thead>
<tbody>
${body.join('\n')}
</tbody>
</table>
</form>
<p>${showTokens ? '<a href="?">Hide tokens</a>' : '<a href="?tokens=true">Show tokens</a>'}</p>
${lists.join('\n')}
</body>
</html>
`;
  return { status: 200, contentType: 'text/html; charset=utf-8', body: html, headers: { 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY' } };
}

function stateOf(ring: Ring, entry: RingEntry, nowMs: number): string {
  return ring.isHealthy(entry, nowMs) ? entry.pulse!.state : 'Unhealthy';
}

/** Share of the token space of each member, before replication. */
function ownership({ topology }: RingView): Map<string, number> {
  const { tokens, owners, members } = topology;
  const shares = new Map<string, number>();
  for (let i = 0; i < tokens.length; i++) {
    const { id } = members[owners[i]];
    const before = i === 0 ? tokens[tokens.length - 1] - 2 ** 32 : tokens[i - 1];
    shares.set(id, (shares.get(id) ?? 0) + (tokens[i] - before) / 2 ** 32);
  }
  return shares;
}

/** Go's zero time for what is not known. */
function isoTime(ms: number | undefined): string {
  return ms === undefined ? '0001-01-01T00:00:00Z' : `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
