import type { ReceiversConfig } from '@vivace/config';
import type { Distributor } from '@vivace/distributor';
import type { Logger } from '@vivace/base';
import { startOtlpGrpc, startOtlpHttp } from '@vivace/receivers';
import type { Push, Receiver } from '@vivace/receivers';

export interface ReceiversOptions {
  readonly config: ReceiversConfig;
  readonly distributor: Distributor;
  readonly logger: Logger;
  /** How long open requests may take to finish. */
  readonly stopTimeoutMs: number;
}

/** The receivers that are configured, as one service. */
export class Receivers {
  readonly name = 'receivers';
  readonly #options: ReceiversOptions;
  readonly #running = new Map<string, Receiver>();

  constructor(options: ReceiversOptions) {
    this.#options = options;
  }

  /** By name, for the log. */
  get ports(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#running].map(([name, { port }]) => [name, port]));
  }

  async start(): Promise<void> {
    const { config, distributor, logger } = this.#options;
    const push: Push = (tenant, bytes, info) => distributor.push(tenant, bytes, info);
    if (config.otlpGrpc) this.#running.set('otlpGrpc', await startOtlpGrpc({ config: config.otlpGrpc, push, logger }));
    if (config.otlpHttp) this.#running.set('otlpHttp', await startOtlpHttp({ config: config.otlpHttp, push, logger }));
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#running.values()].map((receiver) => receiver.stop(this.#options.stopTimeoutMs)));
  }
}
