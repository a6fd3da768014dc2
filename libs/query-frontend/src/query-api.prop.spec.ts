import { createMemoryMetrics, SINGLE_TENANT, silentLogger } from '@vivace/base';
import type { QueryService } from '@vivace/query';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createQueryApi } from './query-api.ts';
import { QUERY_API_CONFIG } from './query-api-config.fixture.ts';
import { decodeStable } from './routes.ts';

const service: QueryService = {
  findTrace: async () => ({ trace: undefined, inspectedBytes: 0 }),
  search: async () => ({ traces: [], metrics: {} }),
  queryRange: async () => ({ series: [], metrics: {} }),
  queryInstant: async () => ({ series: [], metrics: {} }),
  tags: async () => ({ scopes: [], inspectedBytes: 0 }),
  tagValues: async () => ({ values: [], inspectedBytes: 0 }),
};
const api = createQueryApi({
  service,
  codec: { traceToProto: () => new Uint8Array(), traceToJson: () => '[]' },
  config: { ...QUERY_API_CONFIG, maxQueryBytes: 131_072, deniedUrls: ['no such path'] },
  maxSearchDurationMs: () => 0,
  maxMetricsDurationMs: () => 0,
  buildInfo: { version: '2.10.8', revision: '', branch: '', buildUser: '', buildDate: '', goVersion: '' },
  metrics: createMemoryMetrics(),
  logger: silentLogger,
  clock: { now: () => 1_795_000_000_000 },
});

const segment = fc.oneof(
  fc.constantFrom('api', 'v2', 'traces', 'search', 'tags', 'tag', 'values', 'metrics', 'query', 'query_range', 'span.a', '%2F', '%', '%25%32%46', '..', '0af7'),
  fc.string({ unit: 'binary' }).map(encodeURIComponent),
);
const path = fc.oneof(
  fc.array(segment, { maxLength: 7 }).map((parts) => `/${parts.join('/')}`),
  segment.map((tag) => `/api/v2/search/tag/${tag}/values`),
  segment.map((id) => `/api/v2/traces/${id}`),
  fc.constantFrom('/api/search', '/api/v2/search/tags', '/api/metrics/query_range', '/api/metrics/query'),
);
const value = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '0',
    '-1',
    '1e9',
    'NaN',
    '1795000000',
    '99999999999999999999',
    '{}',
    '{ .a = 1 }',
    '{} | rate()',
    '{} | compare({ .a = 1 })',
    'a=b c="d e"',
    '{ name =~ "(" }',
    '5m',
    '∞',
    '2026-13-45T99:99:99Z',
    '__proto__',
  ),
  fc.integer().map(String),
  fc.double().map(String),
);
const name = fc.oneof(
  fc.constantFrom(
    'q',
    'query',
    'tags',
    'limit',
    'spss',
    'start',
    'end',
    'minDuration',
    'maxDuration',
    'scope',
    'step',
    'since',
    'exemplars',
    'instant',
    'maxSeries',
  ),
  fc.string(),
);

describe('query API', () => {
  it('never crashes and never blames itself, whatever is asked', async () => {
    const request = fc.record({ path, parameters: fc.array(fc.tuple(name, value), { maxLength: 6 }), accept: fc.string(), encoding: fc.string() });
    await fc.assert(
      fc.asyncProperty(request, async ({ path, parameters, accept, encoding }) => {
        const route = api.find(path);
        if (route === undefined) return;
        const query = new URLSearchParams(parameters);
        const headers = { accept, 'accept-encoding': encoding };
        const answer = await route.handle({ path, query, headers, tenant: SINGLE_TENANT, signal: new AbortController().signal });
        expect(answer.status).toBeLessThan(500);
        expect(answer.status).toBeGreaterThanOrEqual(200);
        if (answer.status >= 400) expect(answer.contentType).toBe('text/plain; charset=utf-8');
      }),
      { numRuns: 3_000 },
    );
  });

  it('decodes to something that decodes to itself, for any name encoded up to three times', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 3 }), (text, times) => {
        fc.pre(!text.includes('%'));
        let encoded = text;
        for (let i = 0; i < times; i++) encoded = encodeURIComponent(encoded);
        expect(decodeStable(encoded)).toBe(text);
      }),
    );
  });
});
