import { describe, expect, it } from 'vitest';
import { legacyToTraceQL } from './legacy-search.ts';

const none = { tags: [], minDurationNs: 0n, maxDurationNs: 0n };
const tags = (...pairs: [string, string][]) => ({ ...none, tags: pairs });

describe('legacyToTraceQL', () => {
  it.each([
    [none, '{ }'],
    [{ ...none, minDurationNs: 2_000_000_000n }, '{ traceDuration >= 2000000000ns }'],
    [tags(['name', 'b']), '{ name =~ "(?is).*b.*" }'],
    [tags(['name', 'a.(b)']), '{ name =~ "(?is).*a\\\\.\\\\(b\\\\).*" }'],
    [tags(['root.service.name', 'x']), '{ rootServiceName =~ "(?is).*x.*" }'],
    [tags(['status.code', 'error']), '{ status = error }'],
    [tags(['cluster', 'A"b']), '{ span."cluster" =~ "(?is).*A\\"b.*" || resource."cluster" =~ "(?is).*A\\"b.*" }'],
    [
      { ...tags(['http.status_code', '500']), maxDurationNs: 1n },
      '{ span."http.status_code" =~ "(?is).*500.*" || resource."http.status_code" =~ "(?is).*500.*"' +
        ' || span."http.status_code" = 500 || resource."http.status_code" = 500 } && { traceDuration <= 1ns }',
    ],
  ])('%#', (search, text) => {
    expect(legacyToTraceQL(search)).toBe(text);
  });
});
