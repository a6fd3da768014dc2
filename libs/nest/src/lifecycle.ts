import { AppError } from '@vivace/base';
import type { Clock, Logger } from '@vivace/base';

/** A long-lived part of the process. `stop` is called once, and only after `start` has settled. */
export interface Service {
  readonly name: string;
  /** Resolves when the service is ready for work; `signal` aborts when the process stops before that. */
  start(signal: AbortSignal): Promise<void>;
  stop(): Promise<void>;
}

export type ServiceState = 'new' | 'starting' | 'running' | 'stopping' | 'terminated' | 'failed';

export interface Lifecycle {
  /** Starts the services one after the other; when one fails, stops those before it and rejects. */
  start(): Promise<void>;
  /** From now on `/ready` says that the process is stopping, while everything still serves: load balancers need time to see it. */
  announceStop(): void;
  /** Stops what was started, in reverse order. Every service is asked to stop whatever the others do; rejects with the first failure. */
  stop(): Promise<void>;
  states(): readonly { readonly name: string; readonly state: ServiceState }[];
  /** Undefined when every service runs, otherwise what `/ready` says. */
  notReady(): string | undefined;
}

export interface LifecycleDeps {
  /** In order of dependency: a service may use those before it. */
  readonly services: readonly Service[];
  readonly logger: Logger;
  readonly clock: Clock;
}

export function createLifecycle({ services, logger, clock }: LifecycleDeps): Lifecycle {
  const states = new Map<Service, ServiceState>(services.map((service) => [service, 'new']));
  const abort = new AbortController();
  let stopAnnounced = false;
  let started: Promise<void> | undefined;
  let stopped: Promise<void> | undefined;

  async function timed(service: Service, during: ServiceState, after: ServiceState, work: () => Promise<void>): Promise<void> {
    const fromMs = clock.now();
    states.set(service, during);
    try {
      await work();
      states.set(service, after);
      logger.debug(`service ${after}`, { service: service.name, durationMs: clock.now() - fromMs });
    } catch (reason) {
      states.set(service, 'failed');
      throw reason;
    }
  }

  async function startAll(): Promise<void> {
    for (const service of services) {
      if (abort.signal.aborted) throw new AppError('canceled', `service ${service.name}: not started, the process is stopping`);
      await timed(service, 'starting', 'running', () => service.start(abort.signal));
    }
  }

  async function stopAll(): Promise<void> {
    stopAnnounced = true;
    abort.abort(new AppError('canceled', 'the process is stopping'));
    await started?.catch(() => undefined);
    const failures: unknown[] = [];
    for (const service of services.toReversed()) {
      if (states.get(service) === 'new') continue;
      await timed(service, 'stopping', 'terminated', () => service.stop()).catch((reason: unknown) => {
        failures.push(reason);
        logger.error('service did not stop cleanly', { service: service.name, err: reason });
      });
    }
    if (failures.length > 0) throw failures[0];
  }

  const stop = (): Promise<void> => (stopped ??= stopAll());
  return {
    start() {
      started ??= startAll();
      return started.catch(async (reason: unknown) => {
        await stop().catch(() => undefined);
        throw reason;
      });
    },
    announceStop() {
      stopAnnounced = true;
    },
    stop,
    states: () => services.map((service) => ({ name: service.name, state: states.get(service)! })),
    notReady() {
      const waiting = services.filter((service) => states.get(service) !== 'running');
      if (waiting.length === 0 && !stopAnnounced) return undefined;
      const list = waiting.map((service) => `${service.name}: ${states.get(service)}`).join(', ');
      return stopAnnounced ? `stopping${list === '' ? '' : ` (${list})`}` : `some services are not running: ${list}`;
    },
  };
}
