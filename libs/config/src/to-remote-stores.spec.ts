import { AppError } from '@vivace/base';
import { describe, expect, it } from 'vitest';
import { loadConfig } from './load-config.ts';
import { reveal } from './secret.ts';

function storage(trace: string) {
  return loadConfig({ argv: ['-config.file=f'], env: {}, readFile: () => `storage: {trace: ${trace}}` });
}

/** The refusal of a start, or undefined. */
function refusal(trace: string): string | undefined {
  try {
    storage(trace);
    return undefined;
  } catch (reason) {
    return AppError.from(reason).message;
  }
}

describe('remote stores', () => {
  it('maps the keys of S3', () => {
    const { config, warnings } = storage(
      `{backend: s3, s3: {bucket: b, endpoint: e:1, access_key: a, secret_key: s, session_token: t, hedge_requests_at: 500ms, hedge_requests_up_to: 3,
        bucket_lookup_type: 2, tags: {team: x}, metadata: {m: 1}, storage_class: STANDARD_IA, part_size: 16MB, native_aws_auth_enabled: true,
        sse: {type: SSE-C, encryption_key: 0123456789abcdef0123456789abcdef}, tls_min_version: VersionTLS13, tls_cipher_suites: 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256'}}`,
    );
    expect(warnings).toEqual([]);
    expect(reveal(config.storage.s3)).toMatchObject({
      bucket: 'b',
      secretKey: 's',
      sessionToken: 't',
      hedging: { afterMs: 500, upTo: 3 },
      pathStyle: true,
      tags: { team: 'x' },
      metadata: { m: '1' },
      sse: { type: 'SSE-C', customerKey: '0123456789abcdef0123456789abcdef' },
      tls: { minVersion: 'TLSv1.3', ciphers: 'ECDHE-RSA-AES128-GCM-SHA256:TLS_AES_128_GCM_SHA256' },
    });
    expect(JSON.stringify(config.storage.s3)).not.toMatch(/"secretKey":"s"|0123456789/);
  });

  it.each([
    ['0', undefined],
    ['1', false],
    ['2', true],
  ])('bucket_lookup_type %s', (type, pathStyle) => {
    expect(storage(`{s3: {bucket_lookup_type: ${type}}}`).config.storage.s3.pathStyle).toBe(pathStyle);
  });

  it('rounds chunks of GCS to what it takes', () => {
    expect(storage('{gcs: {chunk_buffer_size: 1000000}}').config.storage.gcs.chunkBytes).toBe(786_432);
  });

  it('still warns of what does not work', () => {
    expect(storage('{s3: {signature_v2: true, list_blocks_concurrency: 5}}').warnings.map(({ path }) => path)).toEqual([
      'storage.trace.s3.signature_v2',
      'storage.trace.s3.list_blocks_concurrency',
    ]);
  });

  it.each([
    ['{backend: s3}', /storage\.trace\.s3\.bucket: is empty, but storage\.trace\.backend needs it/],
    ['{backend: gcs}', /storage\.trace\.gcs\.bucket_name: is empty/],
    ['{backend: azure}', /storage_account_name: is empty[^]*container_name: is empty/],
    ['{backend: s3, s3: {bucket: b, access_key: a}}', /s3\.access_key: and secret_key go together/],
    ['{backend: s3, s3: {bucket: b, part_size: 1MB}}', /s3\.part_size: is \d+, but S3 takes no parts below 5242880/],
    ['{backend: s3, s3: {bucket: b, sse: {type: SSE-C, encryption_key: short}}}', /sse\.encryption_key: must have 32 bytes/],
    ['{backend: s3, s3: {bucket: b, sse: {type: SSE-KMS, kms_encryption_context: "[1]"}}}', /kms_encryption_context: is not a JSON object/],
    ['{backend: s3, s3: {bucket: b, tls_min_version: TLS9}}', /tls_min_version: "TLS9" is not one of VersionTLS10/],
  ])('refuses %s', (trace, message) => {
    expect(refusal(trace)).toMatch(message);
  });

  it('does not mind unfinished sections of backends that are not used', () => {
    expect(refusal('{backend: local, s3: {access_key: a, tls_min_version: TLS9}}')).toBeUndefined();
  });
});
