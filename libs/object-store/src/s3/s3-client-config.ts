import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { S3ClientConfig } from '@aws-sdk/client-s3';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import type { ClientTlsConfig } from '@vivace/config';
import { readClientTls } from '@vivace/sockets';
import { plainHost } from '../remote/plain-host.ts';
import type { S3Settings } from '../store-settings.ts';

/** Sockets to the store of one thread; further requests wait for one. */
const MAX_SOCKETS = 64;
const CONNECT_TIMEOUT_MS = 5_000;
const DEFAULT_REGION = 'us-east-1';

/** `s3.amazonaws.com`, with or without region or dual stack, also in China. */
const AWS_HOST = /^s3[.-](dualstack\.)?(?:([a-z]{2}(?:-[a-z]+)+-\d)\.)?amazonaws\.com(?:\.cn)?$/;

/** What the SDK is told; its own retries are off, because `Requests` has its own, which count. */
export async function s3ClientConfig(settings: S3Settings): Promise<S3ClientConfig> {
  const { host, url, isPlain } = plainHost(settings.endpoint || 's3.amazonaws.com', settings.insecure);
  const aws = AWS_HOST.exec(host);
  const agent = { keepAlive: true, maxSockets: MAX_SOCKETS };
  return {
    // The SDK knows the addresses of AWS itself: by region, dual stack, and with the bucket in the host name.
    ...(aws ? { tls: !isPlain } : { endpoint: url }),
    region: settings.region || aws?.[2] || DEFAULT_REGION,
    // A bucket may be in another region than we were told.
    followRegionRedirects: aws !== null,
    useDualstackEndpoint: settings.dualStack || aws?.[1] !== undefined,
    forcePathStyle: settings.pathStyle ?? aws === null,
    ...(settings.accessKey !== '' && {
      credentials: {
        accessKeyId: settings.accessKey,
        secretAccessKey: settings.secretKey,
        ...(settings.sessionToken !== '' && { sessionToken: settings.sessionToken }),
      },
    }),
    maxAttempts: 1,
    // Stores other than AWS, and old versions of them, do not know the checksums that newer SDKs add. The signature covers the bytes as it is.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // It makes the SDK wait for an interim answer that many stores do not give.
    expectContinueHeader: false,
    requestHandler: new NodeHttpHandler({
      connectionTimeout: CONNECT_TIMEOUT_MS,
      httpAgent: new HttpAgent(agent),
      httpsAgent: new HttpsAgent({ ...agent, ...(await tlsOptions(settings.tls)) }),
    }),
  };
}

async function tlsOptions(tls: ClientTlsConfig) {
  const files = await readClientTls(tls, 'storage.trace.s3');
  return { ...files, ...(tls.serverName !== '' && { servername: tls.serverName }), rejectUnauthorized: !tls.skipVerify };
}
