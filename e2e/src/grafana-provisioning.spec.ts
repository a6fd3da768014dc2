import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

// The data sources in deploy/grafana: what Grafana reads is there, under its names, and leads somewhere.

const FOLDER = path.resolve(import.meta.dirname, '../../deploy/grafana');
const FILES = fs.globSync('**/*.yaml', { cwd: FOLDER }).sort();

interface Link {
  readonly datasourceUid: string;
  readonly tags?: readonly { readonly key: string; readonly value?: string }[];
  readonly queries?: readonly { readonly name: string; readonly query: string }[];
}

interface DataSource {
  readonly name: string;
  readonly uid: string;
  readonly type: string;
  readonly access: string;
  readonly url: string;
  readonly basicAuth?: boolean;
  readonly basicAuthUser?: string;
  readonly jsonData: {
    readonly streamingEnabled?: { readonly search: boolean; readonly metrics: boolean };
    readonly tracesToLogsV2?: Link & Readonly<Record<string, unknown>>;
    readonly tracesToMetrics?: Link;
    readonly serviceMap?: Link;
    readonly nodeGraph?: { readonly enabled: boolean };
    readonly httpHeaderName1?: string;
    readonly exemplarTraceIdDestinations?: readonly Link[];
    readonly derivedFields?: readonly (Link & { readonly matcherRegex: string; readonly url: string })[];
  };
  readonly secureJsonData?: Readonly<Record<string, string>>;
}

const read = (file: string): readonly DataSource[] => {
  const { apiVersion, datasources } = parse(fs.readFileSync(path.join(FOLDER, file), 'utf8'), { strict: true, uniqueKeys: true }) as {
    apiVersion: number;
    datasources: DataSource[];
  };
  expect(apiVersion).toBe(1);
  return datasources;
};
const all = FILES.flatMap(read);
const tempos = all.filter(({ type }) => type === 'tempo');
const [vivace] = read('provisioning/datasources/vivace.yaml');

describe('every data source', () => {
  it.each(all)('$name has what Grafana wants', ({ name, uid, access, url }) => {
    expect([name, uid, access]).toEqual([expect.stringMatching(/./), expect.stringMatching(/^[a-z-]{1,40}$/), 'proxy']);
    expect(new URL(url).pathname, 'streaming ignores a path').toBe('/');
  });

  it('has a uid of its own', () => expect(new Set(all.map(({ uid }) => uid)).size).toBe(all.length));

  it.each(tempos)('$name streams, and draws graphs', ({ jsonData }) => {
    expect(jsonData).toMatchObject({
      streamingEnabled: { search: true, metrics: true },
      nodeGraph: { enabled: true },
      serviceMap: { datasourceUid: 'prometheus' },
    });
  });

  it('leads to data sources that are there, of the right type', () => {
    const typeOf = (link: Link | undefined): string | undefined => all.find(({ uid }) => uid === link?.datasourceUid)?.type;
    expect([vivace.jsonData.tracesToLogsV2, vivace.jsonData.tracesToMetrics, vivace.jsonData.serviceMap].map(typeOf)).toEqual([
      'loki',
      'prometheus',
      'prometheus',
    ]);
    const back = all.flatMap(({ jsonData }) => [...(jsonData.exemplarTraceIdDestinations ?? []), ...(jsonData.derivedFields ?? [])]);
    expect(back.map(typeOf)).toEqual(['tempo', 'tempo']);
  });
});

describe('the main one', () => {
  it('finds logs by trace and service', () => {
    expect(vivace.jsonData.tracesToLogsV2).toMatchObject({
      tags: [{ key: 'service.name', value: 'service_name' }],
      spanStartTimeShift: '-5m',
      spanEndTimeShift: '5m',
      filterByTraceID: true,
    });
  });

  it('finds metrics under the names that span metrics have', () => {
    const { queries, tags } = vivace.jsonData.tracesToMetrics!;
    expect(tags).toEqual([{ key: 'service.name', value: 'service' }]);
    for (const { query } of queries!) expect(query).toMatch(/traces_spanmetrics_(calls_total|latency_bucket)\{\$\$__tags/);
  });

  it('finds a trace by the id in a log line', () => {
    const [field] = all.find(({ type }) => type === 'loki')!.jsonData.derivedFields!;
    const id = '4bf92f3577b34da6a3ce929d0e0e4736';
    for (const line of [`traceID=${id} x`, `{"trace_id":"${id}"}`, `trace_id: ${id}`]) expect(new RegExp(field.matcherRegex).exec(line)?.[1]).toBe(id);
  });
});

it('has no dollar that Grafana would take for a variable of its environment, but passwords', () => {
  for (const file of FILES) {
    const variables =
      fs
        .readFileSync(path.join(FOLDER, file), 'utf8')
        .replaceAll(/^ *#.*$/gm, '')
        .replaceAll('$$', '')
        .match(/\$\w+|\$\{\w+/g) ?? [];
    expect([file, variables.filter((name) => name !== '$VIVACE_PASSWORD')]).toEqual([file, []]);
  }
});

it('has a variant with a tenant and one with a password', () => {
  expect(read('variants/tenant.yaml')[0]).toMatchObject({
    jsonData: { httpHeaderName1: 'X-Scope-OrgID' },
    secureJsonData: { httpHeaderValue1: expect.any(String) as unknown },
  });
  expect(read('variants/basic-auth.yaml')[0]).toMatchObject({
    basicAuth: true,
    basicAuthUser: 'grafana',
    secureJsonData: { basicAuthPassword: '$VIVACE_PASSWORD' },
  });
});
