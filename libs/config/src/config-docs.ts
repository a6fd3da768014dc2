import { stringify } from 'yaml';
import { DEVIATIONS } from './deviations.ts';
import { printValue } from './print-value.ts';
import type { Group, Leaf, List, Node, Status } from './schema/node.ts';
import { rootSchema } from './schema/root.ts';
import { tenantEntry } from './schema/overrides.ts';

interface Row {
  readonly path: string;
  readonly type: string;
  readonly value: string;
  readonly status: Status;
  readonly doc: string;
}

/** The text of docs/config.md, made from the schema. */
export function configDocs(): string {
  const sections = Object.entries(rootSchema.fields).map(([key, node]) => ({ key, doc: node.doc, isTop: node.kind !== 'group', rows: [...rowsOf(node, key)] }));
  const part = (keep: (row: Row) => boolean): string => {
    const top = sections.flatMap(({ isTop, rows }) => (isTop ? rows.filter(keep) : []));
    const parts = top.length > 0 ? [`### Top level\n\n${table(top)}`] : [];
    for (const { key, doc, isTop, rows } of sections) {
      const kept = rows.filter(keep);
      if (!isTop && kept.length > 0) parts.push(`### ${key}\n\n${doc}\n\n${table(kept)}`);
    }
    return parts.join('\n\n');
  };
  return `${INTRODUCTION}

${deviations()}

## Keys that work

${part(({ status }) => status === 'implemented')}

${oldNames()}

## Keys of Tempo that are read and do nothing yet

A value other than the default gives a warning at the start, except where it says "no effect".

${part(({ status }) => status !== 'implemented')}
`;
}

/** The text of `-help`. */
export function usage(): string {
  const named = [...flagRows(rootSchema)].map(({ flag, type, doc }) => `  -${flag}${type === 'bool' ? '' : ` ${type}`}\n        ${doc}`);
  return `Usage: vivace [flags]

  -config.file file
        The configuration, YAML with the keys of Tempo 2.10.
  -config.expand-env
        Put environment variables in for \${VAR} and \${VAR:-default}.
  -config.verify
        Read the configuration, print warnings, and end with 1 when there are any.
  -version
        Print the version.

Every single key outside receivers has a flag: its path in the file, such as -storage.trace.wal.path or -server.http-listen-port. Some have Tempo's name as well:

${named.join('\n')}
`;
}

/** `under` is the mark of the section a node is in; when that does nothing, nothing in it does. */
function* rowsOf(node: Node, path: string, under: Status = 'implemented'): Generator<Row> {
  const mark = (status: Status): Status => (under === 'implemented' ? status : under);
  switch (node.kind) {
    case 'group':
      for (const [key, field] of Object.entries(node.fields)) yield* rowsOf(field, `${path}.${key}`, under);
      return;
    case 'leaf':
      yield { path, type: typeOf(node), value: code(inline(printValue(node, node.default))), status: mark(node.status), doc: docOf(node, path) };
      return;
    case 'optional':
      if (node.of.kind !== 'leaf') yield { path, type: 'section', value: 'off', status: mark(node.status), doc: node.doc };
      yield* rowsOf(node.of, path, mark(node.status));
      return;
    case 'list':
      yield {
        path,
        type: `list of ${node.of.kind === 'leaf' ? typeOf(node.of) : 'sections'}`,
        value: listDefault(node),
        status: mark(node.status),
        doc: node.doc + flagsOf(node),
      };
      if (node.of.kind === 'group') yield* rowsOf(node.of, `${path}[]`, mark(node.status));
      return;
    case 'map':
      yield { path, type: 'map', value: code('{}'), status: mark(node.status), doc: node.doc };
      if (node.of.kind === 'group') yield* rowsOf(node.of, `${path}.<name>`, mark(node.status));
      return;
    case 'free':
      yield { path, type: 'any YAML', value: 'off', status: mark(node.status), doc: node.doc };
  }
}

function docOf(leaf: Leaf<unknown>, path: string): string {
  const allowed = leaf.values ? ` One of ${leaf.values.map((value) => code(inline(value))).join(', ')}.` : '';
  const works = leaf.works ? ` So far ${leaf.works.map((value) => code(inline(value))).join(', ')}.` : '';
  const deviation = path in DEVIATIONS ? ' (Tempo differs, see above.)' : '';
  return `${leaf.doc}${allowed}${works}${flagsOf(leaf)}${deviation}`;
}

function flagsOf({ flags = [] }: { readonly flags?: readonly string[] }): string {
  return flags.length === 0 ? '' : ` Flag ${flags.map((flag) => code(`-${flag}`)).join(', ')}.`;
}

function* flagRows(group: Group): Generator<{ readonly flag: string; readonly type: string; readonly doc: string }> {
  for (const node of Object.values(group.fields)) {
    if (node.kind === 'group') yield* flagRows(node);
    else if (node.kind === 'leaf') for (const flag of node.flags ?? []) yield { flag, type: typeOf(node), doc: node.doc };
    else if (node.kind === 'list') for (const flag of node.flags ?? []) yield { flag, type: 'list', doc: node.doc };
  }
}

function typeOf(leaf: Leaf<unknown>): string {
  return leaf.type === 'enum' ? 'string' : leaf.type;
}

function listDefault(node: List): string {
  if (node.of.kind === 'group' && node.default.length > 0) return `${node.default.length} entries`;
  return code(stringify(node.default, { collectionStyle: 'flow', lineWidth: 0, flowCollectionPadding: false }).trim());
}

function inline(value: string | number | boolean): string {
  return value === '' ? '""' : String(value);
}

function code(text: string): string {
  return `\`${text}\``;
}

function table(rows: readonly Row[]): string {
  const lines = rows.map(({ path, type, value, status, doc }) => {
    const text = status === 'ignored' ? `${doc} (No effect.)` : doc;
    return `| ${code(path)} | ${type} | ${value} | ${text.replaceAll('|', '\\|')} |`;
  });
  return ['| Key | Type | Default | |', '|---|---|---|---|', ...lines].join('\n');
}

function deviations(): string {
  return ['## Defaults that differ from Tempo 2.10.8', ...Object.entries(DEVIATIONS).map(([path, reason]) => `- ${code(path)}: ${reason}.`)]
    .join('\n')
    .replace('\n', '\n\n');
}

function oldNames(): string {
  const rows = Object.entries(tenantEntry.aliases ?? {}).map(([old, path]) => `| ${code(old)} | ${code(path)} |`);
  return `## Old names of limits

The flat keys of before Tempo 2.3 are read below \`overrides\` (for \`overrides.defaults\`) and in entries of the per-tenant file, with a warning.

| Old | New |
|---|---|
${rows.join('\n')}`;
}

const INTRODUCTION = `# Configuration

<!-- Generated from libs/config/src/schema by tools/gen-config-docs.mjs. Do not edit. -->

Vivace reads the configuration of Tempo 2.10: the same YAML, keys and flags. Order of precedence: flags, the file of \`-config.file\`, defaults.

- Without a file everything runs on the defaults below, with its data under \`./data\`.
- All problems are told at once, each with file, line, column, key and the nearest known key; then nothing starts.
- A key of Tempo that does not work yet is read; a value other than its default gives a warning at the start. Only \`target\` and \`storage.trace.backend\` stop it.
- \`-config.verify\` prints the warnings and ends with 1 when there are any, else with 0.
- Durations: \`10s\`, \`1h30m\`, \`7d\`. Sizes: bytes or \`10MiB\` (1024), \`10MB\` (1000).
- \`-config.expand-env\` puts environment variables in for \`\${VAR}\` and \`\${VAR:-default}\`, also in the per-tenant file.
- Every single key outside \`distributor.receivers\` has a flag: its path, with dashes or underscores (\`-server.http-listen-port=3200\`, \`--storage.trace.wal.path /data/wal\`).
- \`/status/config\` shows the result (\`?mode=diff\`, \`?mode=defaults\`); secrets print as \`<secret>\`.

## Receivers

As in Tempo a receiver listens on this machine only (\`127.0.0.1\`) unless its \`endpoint\` says otherwise; write \`0.0.0.0:4317\` to receive from others.
With no \`distributor.receivers\` at all, OTLP is received over gRPC on 127.0.0.1:4317 and over HTTP on 127.0.0.1:4318. (Tempo then has Jaeger instead of OTLP/HTTP.)

## TLS between processes

\`\`\`yaml
server:
  grpc_tls_config: { cert_file: tls.crt, key_file: tls.key, client_ca_file: ca.crt, client_auth_type: RequireAndVerifyClientCert }
ingester_client:
  grpc_client_config: &client { tls_enabled: true, tls_cert_path: tls.crt, tls_key_path: tls.key, tls_ca_path: ca.crt, tls_server_name: tempo }
metrics_generator_client: { grpc_client_config: *client }
querier: { frontend_worker: { grpc_client_config: *client } }
\`\`\`

Members know each other by IP address, which certificates seldom name: hence \`tls_server_name\`. Files are read again every 10 s, and new connections take what they hold then.
Who is refused finds the key to change in the log, on both sides. Gossip is encrypted by \`memberlist.secret_key\`, not by TLS.

## Limits of tenants

\`overrides.defaults\` holds for tenants without an entry in the file of \`overrides.per_tenant_override_config\`, which is read again when it changes:

\`\`\`yaml
overrides:
  team-a:
    ingestion: { rate_limit_bytes: 30MB, burst_size_bytes: 40MB }
  "*": # tenants without an entry of their own
    ingestion: { rate_limit_bytes: 5MB, burst_size_bytes: 10MB }
\`\`\`

As in Tempo an entry replaces the defaults as a whole: a limit it does not write is 0. For the rate that means nothing may be written, and there is a warning.`;
