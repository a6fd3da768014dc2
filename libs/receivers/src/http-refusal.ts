import { AppError } from '@vivace/base';

/** A refusal of the HTTP layer, with a status that no error code maps to. */
export class HttpRefusal extends AppError {
  readonly status: number;

  constructor(status: 404 | 405 | 413 | 415, message: string) {
    super('invalid_argument', `otlp http receiver: ${message}`);
    this.status = status;
  }
}
