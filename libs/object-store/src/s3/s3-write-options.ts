import type { PutObjectCommandInput } from '@aws-sdk/client-s3';
import type { S3Settings } from '../store-settings.ts';

type Written = Pick<PutObjectCommandInput, 'Tagging' | 'Metadata' | 'StorageClass' | 'ServerSideEncryption' | 'SSEKMSKeyId' | 'SSEKMSEncryptionContext'> &
  CustomerKey;
type CustomerKey = Pick<PutObjectCommandInput, 'SSECustomerAlgorithm' | 'SSECustomerKey'>;

/** What every new object is stored with. */
export function writtenObject(settings: S3Settings): Written {
  const { tags, metadata, storageClass, sse } = settings;
  return {
    ...(Object.keys(tags).length > 0 && { Tagging: new URLSearchParams(tags).toString() }),
    ...(Object.keys(metadata).length > 0 && { Metadata: { ...metadata } }),
    ...(storageClass !== '' && { StorageClass: storageClass as NonNullable<Written['StorageClass']> }), // the store knows its classes better
    ...(sse.type === 'SSE-S3' && { ServerSideEncryption: 'AES256' as const }),
    ...(sse.type === 'SSE-KMS' && {
      ServerSideEncryption: 'aws:kms' as const,
      ...(sse.kmsKeyId !== '' && { SSEKMSKeyId: sse.kmsKeyId }),
      ...(sse.kmsContext !== '' && { SSEKMSEncryptionContext: Buffer.from(sse.kmsContext).toString('base64') }),
    }),
    ...customerKey(settings),
  };
}

/** SSE-C: the store keeps no key, so each request brings it. */
export function customerKey({ sse }: S3Settings): CustomerKey {
  return sse.type === 'SSE-C' ? { SSECustomerAlgorithm: 'AES256', SSECustomerKey: Buffer.from(sse.customerKey).toString('base64') } : {};
}
