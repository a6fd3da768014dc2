import type { LoggerService } from '@nestjs/common';
import type { Logger } from '@vivace/base';

/** Nest's own messages in our log: what it does is debug, what goes wrong keeps its level. */
export function nestLogger(logger: Logger): LoggerService {
  const fields = (rest: unknown[]): { readonly context: string } => ({ context: rest.map(String).join(' ') });
  return {
    log: (message: unknown, ...rest: unknown[]) => logger.debug(String(message), fields(rest)),
    warn: (message: unknown, ...rest: unknown[]) => logger.warn(String(message), fields(rest)),
    error: (message: unknown, ...rest: unknown[]) => logger.error(String(message), fields(rest)),
  };
}
