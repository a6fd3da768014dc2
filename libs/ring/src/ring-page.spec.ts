import { describe, expect, it } from 'vitest';
import { ringPage } from './ring-page.ts';
import type { RingPageRequest } from './ring-page.ts';
import { addMembers, seeded, testRing } from './ring.fixture.ts';

function request(method: string, url: string, headers: { accept?: string; fetchSite?: string; form?: string } = {}): RingPageRequest {
  return { method, accept: headers.accept, fetchSite: headers.fetchSite, query: new URLSearchParams(url), form: new URLSearchParams(headers.form) };
}

describe('ringPage', () => {
  it('gives Tempo’s JSON when asked for it', () => {
    const ring = testRing();
    ring.put('m"1', { state: 'ACTIVE', info: { address: '10.0.0.1:9095', zone: 'a', registeredMs: 1_600_000_000_000, tokens: Uint32Array.of(1, 2) } });
    const { contentType, body } = ringPage(ring, request('GET', '', { accept: 'application/json' }));
    expect(contentType).toBe('application/json');
    expect(JSON.parse(String(body))).toEqual({
      shards: [
        {
          id: 'm"1',
          state: 'ACTIVE',
          address: '10.0.0.1:9095',
          timestamp: '2023-11-14T22:13:20Z',
          registered_timestamp: '2020-09-13T12:26:40Z',
          read_only: false,
          read_only_updated_timestamp: '0001-01-01T00:00:00Z',
          zone: 'a',
          tokens: [1, 2],
        },
      ],
      now: '2023-11-14T22:13:20.000Z',
    });
    ring.forget('m"1');
    expect(JSON.parse(String(ringPage(ring, request('GET', '', { accept: 'application/json' })).body))).toMatchObject({ shards: null });
  });

  it('shows people a table, with what members say escaped', () => {
    const ring = testRing();
    addMembers(ring, 1, seeded(1), () => ({ zone: '<script>alert(1)</script>' }));
    const { contentType, body } = ringPage(ring, request('GET', ''));
    expect(contentType).toBe('text/html; charset=utf-8');
    expect(body).toContain('<td>&lt;script&gt;alert(1)&lt;/script&gt;</td><td>ACTIVE</td><td>10.0.0.0:9095</td>');
    expect(body).toContain('<td>128</td><td>100.0%</td><td><button name="forget" value="m0" formaction="?forget=m0">');
    expect(body).not.toContain('<script>');
    expect(ringPage(ring, request('GET', 'tokens=true')).body).toContain(String(ring.entry('m0')!.info!.tokens[0]));
  });

  it('forgets a member on a POST, by form or by query', () => {
    const ring = testRing();
    addMembers(ring, 2, seeded(1));
    expect(ringPage(ring, request('POST', '', { form: 'forget=m0' }))).toMatchObject({ status: 302, headers: { location: '?' } });
    expect(ringPage(ring, request('POST', 'forget=m1', { fetchSite: 'same-origin' })).status).toBe(302);
    expect(ring.view().members).toEqual([]);
    expect(ringPage(ring, request('POST', 'forget=nobody')).status).toBe(302);
    expect(ringPage(ring, request('POST', '')).status).toBe(400);
  });

  it('forgets nobody on a GET, or for a form on another site', () => {
    const ring = testRing();
    addMembers(ring, 1, seeded(1));
    expect(ringPage(ring, request('GET', 'forget=m0')).status).toBe(200);
    expect(ringPage(ring, request('POST', 'forget=m0', { fetchSite: 'cross-site' })).status).toBe(403);
    expect(ring.view().members).toHaveLength(1);
  });
});
