import { describe, expect, it } from 'vitest';
import { AppError } from './app-error.ts';
import type { ErrorCode } from './app-error.ts';
import { errorResponse, httpStatus } from './http.ts';

const WANT: Record<ErrorCode, number> = {
  canceled: 499,
  invalid_argument: 400,
  deadline_exceeded: 504,
  not_found: 404,
  already_exists: 409,
  permission_denied: 403,
  resource_exhausted: 429,
  failed_precondition: 412,
  aborted: 409,
  unimplemented: 501,
  internal: 500,
  unavailable: 503,
  data_loss: 500,
  unauthenticated: 401,
};

describe('httpStatus', () => {
  it.each(Object.entries(WANT))('%s is %i', (code, status) => {
    expect(httpStatus(code as ErrorCode)).toBe(status);
  });
});

describe('errorResponse', () => {
  it('is the text of the error', () => {
    expect(errorResponse(new AppError('invalid_argument', 'limit 0 is bad'))).toEqual({
      status: 400,
      contentType: 'text/plain; charset=utf-8',
      body: 'limit 0 is bad',
      headers: { 'x-content-type-options': 'nosniff' },
    });
  });

  it('keeps the text of an internal error to the log', () => {
    expect(errorResponse(new AppError('internal', 'cannot open /secret/path'))).toMatchObject({
      status: 500,
      body: 'internal error: see the log of the server',
    });
  });

  it('rounds the wait up to whole seconds', () => {
    expect(errorResponse(new AppError('resource_exhausted', 'x', { retryAfterMs: 1_200 })).headers).toMatchObject({ 'retry-after': '2' });
    expect(errorResponse(new AppError('unavailable', 'x', { retryAfterMs: 0 })).headers).toMatchObject({ 'retry-after': '1' });
  });
});
