import type { LogFields, Logger, LogLevel } from '@vivace/base';
import type { ReceiversConfig } from '@vivace/config';
import type { Distributor } from '@vivace/distributor';
import type { PushInfo } from '@vivace/receivers';
import { minorCollections, startThread, workerScript } from '@vivace/workers';
import type { ServiceThread } from '@vivace/workers';
import { COLLECT_EVERY_BYTES } from './collect-every.ts';
import type { ReceiverThread } from './receiver-thread.ts';

export interface ReceiversOptions {
  readonly config: ReceiversConfig;
  readonly distributor: Distributor;
  readonly logger: Logger;
  /** How long open requests may take to finish. */
  readonly stopTimeoutMs: number;
  /** The receivers cannot go on: the process must end. */
  readonly onFatal: (error: Error) => void;
}

export interface PushCall {
  readonly tenant: string | undefined;
  readonly bytes: Uint8Array;
  readonly info: PushInfo;
}

export interface LogCall {
  readonly level: LogLevel;
  readonly msg: string;
  readonly fields: LogFields;
}

export type ReceiverParent = ReturnType<typeof handlersOf>;

/** What the receiver thread asks of the main thread. */
function handlersOf({ distributor, logger }: ReceiversOptions) {
  const passed = minorCollections(COLLECT_EVERY_BYTES);
  return {
    push({ tenant, bytes, info }: PushCall) {
      passed(bytes.length);
      return distributor.push(tenant, bytes, info);
    },
    log: ({ level, msg, fields }: LogCall) => logger[level](msg, fields),
  };
}

/** The receivers that are configured, on a thread of their own, as one service. */
export class Receivers {
  readonly name = 'receivers';
  readonly #options: ReceiversOptions;
  #thread: ServiceThread<ReceiverThread> | undefined;
  #ports: Readonly<Record<string, number>> = {};

  constructor(options: ReceiversOptions) {
    this.#options = options;
  }

  /** By name, for the log. */
  get ports(): Readonly<Record<string, number>> {
    return this.#ports;
  }

  async start(): Promise<void> {
    const { config, onFatal } = this.#options;
    this.#thread = startThread<ReceiverThread>({
      script: workerScript(import.meta.url, './receiver-thread'),
      name: 'receivers',
      data: undefined,
      handlers: handlersOf(this.#options),
      onCrash: onFatal,
    });
    this.#ports = await this.#thread.rpc.call('start', config);
  }

  async stop(): Promise<void> {
    await this.#thread?.rpc.call('stop', this.#options.stopTimeoutMs);
    await this.#thread?.end();
  }
}
