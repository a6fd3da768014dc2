import { AppError } from '@vivace/base';
import { notFound } from '../check-key.ts';
import type { Bucket, Failure } from './bucket.ts';

const RETRYABLE_STATUS = new Set([408, 429, 500, 502, 503, 504]);
/** Words of stores for a state that passes, whatever status comes with them. */
const RETRYABLE_CODES = new Set(['RequestTimeout', 'SlowDown', 'Throttling', 'RequestTimeTooSkewed', 'InternalError', 'OperationTimedOut', 'ServerBusy']);
/** These never get better by asking again, though no answer came. */
const LASTING_NETWORK_ERRORS = /^(CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_|ERR_SSL_|ERR_INVALID_|HOSTNAME_)/;
const ABSENT = new Set(['NoSuchKey', 'NotFound', 'notFound', 'BlobNotFound']);
const NO_BUCKET = new Set(['NoSuchBucket', 'ContainerNotFound', 'ContainerBeingDeleted']);
const NO_RIGHTS = new Set([
  'ExpiredToken',
  'TokenRefreshRequired',
  'InvalidToken',
  'CredentialsProviderError',
  'CredentialUnavailableError',
  'AuthenticationRequiredError',
]);

export function isRetryable({ status, code }: Failure): boolean {
  if (RETRYABLE_CODES.has(code)) return true;
  if (NO_RIGHTS.has(code)) return false;
  return status === undefined ? !LASTING_NETWORK_ERRORS.test(code) : RETRYABLE_STATUS.has(status);
}

export function isAbsent({ status, code }: Failure): boolean {
  return ABSENT.has(code) || (status === 404 && !NO_BUCKET.has(code));
}

/** What the caller is told. `key` is empty for listings. */
export function toAppError(failure: Failure, bucket: Pick<Bucket, 'name' | 'section'>, what: string, key: string, cause: unknown): AppError {
  const { status, code } = failure;
  const said = `${status === undefined ? '' : `${status} `}${code}${failure.message && failure.message !== code ? `: ${failure.message}` : ''}`;
  const subject = key === '' ? bucket.name : `object ${key}`;
  const options = { cause };
  if (NO_BUCKET.has(code)) return new AppError('failed_precondition', `${bucket.name} does not exist (${said}); see ${bucket.section}`, options);
  if (status === 401 || status === 403 || NO_RIGHTS.has(code))
    return new AppError(
      'permission_denied',
      `${subject}: ${bucket.name} refuses to ${what} it (${said}); check the credentials of ${bucket.section} and their rights`,
      options,
    );
  if (isAbsent(failure) && key !== '') return notFound(key, cause);
  if (isRetryable(failure)) {
    const retryAfterMs = failure.retryAfterMs;
    return new AppError(
      'unavailable',
      `${subject}: ${bucket.name} could not ${what} it (${said})`,
      retryAfterMs === undefined ? options : { cause, retryAfterMs },
    );
  }
  if (status === undefined) return new AppError('unavailable', `${subject}: ${bucket.name} cannot be reached (${said}); check ${bucket.section}`, options);
  if (status === 507) return new AppError('resource_exhausted', `${subject}: ${bucket.name} is full (${said})`, options);
  return new AppError('failed_precondition', `${subject}: ${bucket.name} refuses to ${what} it (${said}); check ${bucket.section}`, options);
}

/** Of an error that no answer of the store came with: of the network, of the runtime, of the SDK itself. */
export function plainFailure(reason: unknown): Failure {
  if (!(reason instanceof Error)) return { code: 'Error', message: String(reason) };
  const code = 'code' in reason && typeof reason.code === 'string' ? reason.code : reason.name;
  return { code, message: reason.message };
}
