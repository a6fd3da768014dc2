import { AppError } from '@vivace/base';

/** Refuses keys that are not a plain path below the root: `..`, empty parts, absolute paths and NUL would reach outside it. */
export function checkKey(key: string): void {
  for (const part of key.split('/'))
    if (part === '' || part === '.' || part === '..' || part.includes('\\') || part.includes('\0'))
      throw new AppError('invalid_argument', `object key ${JSON.stringify(key)} is not a path below the root`);
}

/** A prefix is empty or a key with `/` at its end. */
export function checkPrefix(prefix: string): void {
  if (prefix === '') return;
  if (!prefix.endsWith('/')) throw new AppError('invalid_argument', `object prefix ${JSON.stringify(prefix)} does not end with /`);
  checkKey(prefix.slice(0, -1));
}

export function notFound(key: string, cause?: unknown): AppError {
  return new AppError('not_found', `object ${key} does not exist`, { cause });
}

/** The caller asked for bytes behind the end: the object was cut, or what told its size was wrong. */
export function tooShort(key: string, offset: number, length: number, size?: number): AppError {
  return new AppError('data_loss', `object ${key}: ${length} bytes wanted at offset ${offset}, it has ${size ?? 'fewer'}`);
}
