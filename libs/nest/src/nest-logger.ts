import type { LoggerService } from '@nestjs/common';
import type { Logger } from '@vivace/base';

/** Nest logs what makes a start fail and throws it as well; then whoever started it says so. */
const THROWN_TOO = ['ExceptionHandler', 'NestApplication'];

/** Nest's own messages in our log: what it does, and what it throws, is debug; what else goes wrong keeps its level. */
export function nestLogger(logger: Logger): LoggerService {
  // Behind the message come what Nest may not have, such as a stack, and the context.
  const fields = (rest: unknown[]): { readonly context: string } => ({ context: rest.filter((part) => part !== undefined).join(' ') });
  return {
    log: (message: unknown, ...rest: unknown[]) => logger.debug(String(message), fields(rest)),
    warn: (message: unknown, ...rest: unknown[]) => logger.warn(String(message), fields(rest)),
    error: (message: unknown, ...rest: unknown[]) => logger[THROWN_TOO.includes(String(rest.at(-1))) ? 'debug' : 'error'](String(message), fields(rest)),
  };
}
