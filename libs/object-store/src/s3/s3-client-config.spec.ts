import { describe, expect, it } from 'vitest';
import type { S3Settings } from '../store-settings.ts';
import { s3ClientConfig } from './s3-client-config.ts';

const SETTINGS: S3Settings = {
  bucket: 'b',
  prefix: '',
  endpoint: '',
  region: '',
  accessKey: '',
  secretKey: '',
  sessionToken: '',
  insecure: false,
  partBytes: 0,
  hedging: { afterMs: 0, upTo: 2 },
  pathStyle: undefined,
  dualStack: false,
  tags: {},
  storageClass: '',
  metadata: {},
  sse: { type: '', kmsKeyId: '', kmsContext: '', customerKey: '' },
  tls: { certFile: '', keyFile: '', caFile: '', serverName: '', skipVerify: false, ciphers: '', minVersion: undefined },
};

const configOf = (settings: Partial<S3Settings>) => s3ClientConfig({ ...SETTINGS, ...settings });

describe('s3ClientConfig', () => {
  it.each([
    ['', { endpoint: undefined, region: 'us-east-1', forcePathStyle: false, followRegionRedirects: true }],
    ['s3.amazonaws.com', { endpoint: undefined, region: 'us-east-1', forcePathStyle: false }],
    ['s3.eu-west-1.amazonaws.com', { endpoint: undefined, region: 'eu-west-1' }],
    ['s3-us-gov-west-1.amazonaws.com', { endpoint: undefined, region: 'us-gov-west-1' }],
    ['s3.dualstack.ap-south-1.amazonaws.com', { endpoint: undefined, region: 'ap-south-1', useDualstackEndpoint: true }],
    ['https://s3.cn-north-1.amazonaws.com.cn', { endpoint: undefined, region: 'cn-north-1' }],
    ['minio:9000', { endpoint: 'https://minio:9000', region: 'us-east-1', forcePathStyle: true, followRegionRedirects: false }],
    ['http://minio:9000/', { endpoint: 'http://minio:9000', forcePathStyle: true }],
    ['[::1]:9000', { endpoint: 'https://[::1]:9000' }],
    ['s3.amazonaws.com.evil.example', { endpoint: 'https://s3.amazonaws.com.evil.example' }],
  ])('endpoint %j', async (endpoint, expected) => {
    const { endpoint: used, ...rest } = await configOf({ endpoint });
    expect({ endpoint: used, ...rest }).toMatchObject(expected);
  });

  it('speaks plain HTTP when told so', async () => {
    expect(await configOf({ endpoint: 'minio:9000', insecure: true })).toMatchObject({ endpoint: 'http://minio:9000' });
    expect(await configOf({ endpoint: 'https://minio:9000', insecure: true })).toMatchObject({ endpoint: 'https://minio:9000' });
    expect(await configOf({ insecure: true })).toMatchObject({ tls: false });
  });

  it('puts the bucket where told', async () => {
    expect(await configOf({ endpoint: 'minio:9000', pathStyle: false })).toMatchObject({ forcePathStyle: false });
    expect(await configOf({ pathStyle: true })).toMatchObject({ forcePathStyle: true });
  });

  it('leaves credentials to the environment unless they are given', async () => {
    expect(await configOf({})).not.toHaveProperty('credentials');
    expect(await configOf({ accessKey: 'a', secretKey: 's' })).toMatchObject({ credentials: { accessKeyId: 'a', secretAccessKey: 's' } });
  });

  it.each(['ftp://x', 'a b', 'http://'])('refuses the endpoint %j', async (endpoint) => {
    await expect(configOf({ endpoint })).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining('is not host, host:port or a URL'),
    });
  });
});
