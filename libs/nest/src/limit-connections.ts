import type net from 'node:net';
import { Seldom } from '@vivace/base';
import type { Clock, Logger } from '@vivace/base';

export interface ConnectionLimit {
  /** 0 is no limit. */
  readonly limit: number;
  /** Of the configuration. */
  readonly key: string;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** A connection beyond the limit is closed at once. */
export function limitConnections(server: net.Server, { limit, key, logger, clock }: ConnectionLimit): void {
  if (limit === 0) return;
  const seldom = new Seldom(clock);
  server.maxConnections = limit;
  server.on('drop', (from) => {
    const times = seldom.times('');
    if (times > 0) logger.warn('connections were refused, there are as many as there may be', { limit, key, client: from?.remoteAddress, times });
  });
}
