import { escapeHtml } from '@vivace/base';
import type { HttpResponse } from '@vivace/base';
import { LIVENESS } from './message.ts';
import type { Membership } from './membership.ts';

/** `/memberlist`: HTML, or Tempo's JSON when that is asked for. `membership` is undefined in a process that does not gossip. */
export function membershipPage(
  membership: Membership | undefined,
  { accept, nowMs }: { readonly accept: string | undefined; readonly nowMs: number },
): HttpResponse {
  if (!membership) return { status: 200, contentType: 'text/plain; charset=utf-8', body: "This instance doesn't use memberlist." };
  const nodes = membership.roster.all().sort((a, b) => (a.name < b.name ? -1 : 1));
  const values = membership.keys.map((key) => ({ key, bytes: membership.value(key)!.encode().length }));
  if (accept?.includes('application/json')) {
    const body = {
      Now: new Date(nowMs).toISOString(),
      SortedMembers: nodes.map(({ name, host, port, state }) => ({ Name: name, Addr: host, Port: port, State: LIVENESS.indexOf(state) })),
      StoreSizes: Object.fromEntries(values.map(({ key, bytes }) => [key, bytes])),
      TotalStoreSize: values.reduce((sum, { bytes }) => sum + bytes, 0),
      HealthScore: membership.healthScore,
    };
    return { status: 200, contentType: 'application/json', body: JSON.stringify(body) };
  }
  const nodeRows = nodes.map((node) => [
    node.name,
    `${node.host}:${node.port}`,
    node.state,
    String(node.incarnation),
    `${Math.max(0, Math.round((nowMs - node.changedMs) / 1_000))}s ago`,
  ]);
  const health = membership.healthScore === 0 ? 'healthy' : `not healthy (score ${membership.healthScore})`;
  const html = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="UTF-8">
<title>Memberlist</title>
<style>body{font-family:sans-serif;margin:2em}table{border-collapse:collapse}td,th{border:1px solid #bbb;padding:.3em .6em;text-align:left}</style>
</head>
<body>
<h1>Memberlist</h1>
<p>The cluster has ${membership.roster.size} member${membership.roster.size === 1 ? '' : 's'}; this one is ${health}.</p>
<h2>Members</h2>
${table(['Name', 'Address', 'State', 'Incarnation', 'Since'], nodeRows)}
<h2>Values</h2>
${table(
  ['Key', 'Bytes'],
  values.map(({ key, bytes }) => [key, String(bytes)]),
)}
</body>
</html>
`;
  return { status: 200, contentType: 'text/html; charset=utf-8', body: html, headers: { 'x-content-type-options': 'nosniff' } };
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (tag: string, row: readonly string[]): string => `<tr>${row.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join('')}</tr>`;
  return `<table>\n<thead>${cells('th', head)}</thead>\n<tbody>\n${rows.map((row) => cells('td', row)).join('\n')}\n</tbody>\n</table>`;
}
