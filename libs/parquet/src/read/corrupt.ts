import { AppError } from '@vivace/base';

/** The error for bytes that are not what the format demands. `name` is the object's path, `offset` counts from its start. */
export function corrupt(name: string, offset: number, problem: string, cause?: unknown): AppError {
  return new AppError('data_loss', `${name}: ${problem} at offset ${offset}`, cause === undefined ? {} : { cause });
}
