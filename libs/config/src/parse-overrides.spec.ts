import { describe, expect, it } from 'vitest';
import { resolveLimits } from './limits.ts';
import { loadConfig } from './load-config.ts';
import { parseOverrides } from './parse-overrides.ts';

const parse = (text: string) => parseOverrides({ file: 'overrides.yaml', text });
const { defaults } = loadConfig({ argv: [], env: {}, readFile: () => '' }).config.overrides;

describe('parseOverrides', () => {
  it('reads the new format and the flat one', () => {
    const { overrides, warnings } = parse(`overrides:
  new:
    ingestion: {rate_limit_bytes: 1e6, burst_size_bytes: 2MB, max_traces_per_user: 5, max_global_traces_per_user: 9, artificial_delay: 2s}
    global: {max_bytes_per_trace: 7MiB}
    read: {max_search_duration: 7d, max_blocks_per_tag_values_query: 3}
  flat:
    ingestion_rate_limit_bytes: 3
    ingestion_burst_size_bytes: 4
    max_bytes_per_trace: 5
`);
    expect(overrides.get('new')).toMatchObject({
      ingestionRateBytes: 1_000_000,
      ingestionBurstBytes: 2_000_000,
      maxLiveTraces: 5,
      maxGlobalLiveTraces: 9,
      artificialDelayMs: 2_000,
      maxBlocksPerTagValuesQuery: 3,
      maxBytesPerTrace: 7_340_032,
      maxSearchDurationMs: 604_800_000,
    });
    expect(overrides.get('flat')).toMatchObject({ ingestionRateBytes: 3, ingestionBurstBytes: 4, maxBytesPerTrace: 5 });
    expect(warnings.map(({ where }) => where)).toEqual(['overrides.yaml:7:5', 'overrides.yaml:8:5', 'overrides.yaml:9:5']);
  });

  it('says that an entry without a rate may not write, and leaves out an empty one', () => {
    const { overrides, warnings } = parse('overrides:\n  a: {read: {max_search_duration: 1h}}\n  b:\n');
    expect([...overrides.keys()]).toEqual(['a']);
    expect(warnings.map(({ path, message }) => `${path} ${message}`)).toEqual([
      'overrides["a"] has no ingestion.rate_limit_bytes or no ingestion.burst_size_bytes, so it may not write',
      'overrides["b"] is empty and is left out',
    ]);
  });

  it('is empty for a file without content', () => {
    expect(parse('# nothing yet\n')).toEqual({ overrides: new Map(), warnings: [] });
  });

  it('lists all problems of all tenants', () => {
    expect(() => parse('overrides:\n  "a/b": {ingestion: {rate_limit_bytes: x}}\n  c: {ingestoin: {}}\n')).toThrow(
      [
        'configuration: 3 problems',
        '  overrides.yaml: overrides["a/b"]: is not a legal tenant id',
        '  overrides.yaml:2:41: overrides["a/b"].ingestion.rate_limit_bytes: "x" is not a number of bytes such as 1048576 or 10MiB',
        '  overrides.yaml:3:7: overrides["c"].ingestoin: is not a known key; did you mean "ingestion"?',
      ].join('\n'),
    );
  });

  it('keeps a tenant called __proto__ to itself', () => {
    const { overrides } = parse('overrides: {__proto__: {ingestion: {rate_limit_bytes: 1, burst_size_bytes: 1}}}');
    expect(overrides.get('__proto__')?.ingestionRateBytes).toBe(1);
  });
});

describe('resolveLimits', () => {
  const { overrides } = parse('overrides: {a: {global: {max_bytes_per_trace: 9}}, "*": {global: {max_bytes_per_trace: 8}}}');

  it('takes the entry of the tenant as a whole: what it does not write is zero', () => {
    expect(resolveLimits(defaults, overrides, 'a')).toEqual({
      ingestionRateBytes: 0,
      ingestionBurstBytes: 0,
      maxLiveTraces: 0,
      maxGlobalLiveTraces: 0,
      tenantShardSize: 0,
      maxAttributeBytes: 0,
      artificialDelayMs: 0,
      retryInfoEnabled: false,
      maxBytesPerTrace: 9,
      maxBytesPerTagValuesQuery: 0,
      maxBlocksPerTagValuesQuery: 0,
      maxSearchDurationMs: 0,
      maxMetricsDurationMs: 0,
      blockRetentionMs: 0,
      compactionWindowMs: 0,
      compactionDisabled: false,
      dedicatedColumns: [],
      metricsGenerator: { processors: [], ringSize: 0, slackMs: 0, forwarder: { queueSize: 100, workers: 2 } },
    });
  });

  it('falls back to the wildcard, then to the defaults', () => {
    expect(resolveLimits(defaults, overrides, 'b').maxBytesPerTrace).toBe(8);
    expect(resolveLimits(defaults, new Map(), 'b')).toBe(defaults);
  });
});
