import { AppError } from '@vivace/base';
import type { ErrorCode } from '@vivace/base';
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

const THROTTLING = new Set(['SlowDown', 'Throttling', 'ServerBusy']);

/** Whether the store is there, though it refuses. */
export function isAnswer({ status, code }: Failure): boolean {
  return status !== undefined && (status < 500 || THROTTLING.has(code));
}

export function isRetryable({ status, code }: Failure): boolean {
  if (RETRYABLE_CODES.has(code)) return true;
  if (NO_RIGHTS.has(code)) return false;
  return status === undefined ? !LASTING_NETWORK_ERRORS.test(code) : RETRYABLE_STATUS.has(status);
}

function isAbsent({ status, code }: Failure): boolean {
  return ABSENT.has(code) || (status === 404 && !NO_BUCKET.has(code));
}

/** What the caller is told. `what` was to be done with the object `key`, or, when that is empty, with the bucket. */
export function toAppError(failure: Failure, bucket: Pick<Bucket, 'name' | 'section'>, what: string, key: string, cause: unknown): AppError {
  const { status, code, message, retryAfterMs } = failure;
  const said = `${status === undefined ? '' : `${status} `}${code}${message === '' || message === code ? '' : `: ${message}`}`;
  const error = (as: ErrorCode, did: string, todo = ''): AppError => {
    const text = key === '' ? `${bucket.name} ${did} ${what}` : `object ${key}: ${bucket.name} ${did} ${what} it`;
    return new AppError(as, `${text} (${said})${todo}`, {
      cause,
      ...(retryAfterMs !== undefined && { retryAfterMs }),
      ...(as === 'unavailable' && { reason: 'store_away' as const }),
    });
  };
  if (NO_BUCKET.has(code)) return new AppError('failed_precondition', `${bucket.name} does not exist (${said}); see ${bucket.section}`, { cause });
  if (status === 401 || status === 403 || NO_RIGHTS.has(code))
    return error('permission_denied', 'refuses to', `; check the credentials of ${bucket.section} and their rights`);
  if (isAbsent(failure) && key !== '') return notFound(key, cause);
  if (isRetryable(failure)) return error('unavailable', 'could not');
  if (status === undefined) return error('unavailable', 'could not', `; check the address and the certificates of ${bucket.section}`);
  if (status === INSUFFICIENT_STORAGE) return error('resource_exhausted', 'has no room to');
  return error('failed_precondition', 'refuses to', `; check ${bucket.section}`);
}

const INSUFFICIENT_STORAGE = 507;

/** Of an error that no answer of the store came with: of the network, of the runtime, of the SDK itself. */
export function plainFailure(reason: unknown): Failure {
  if (!(reason instanceof Error)) return { code: 'Error', message: String(reason) };
  const code = 'code' in reason && typeof reason.code === 'string' ? reason.code : reason.name;
  return { code, message: reason.message };
}
