import type { Clock, Logger } from '@vivace/base';
import type { Config } from '@vivace/config';
import type { Metrics } from '@vivace/telemetry';

/** What exists before the module: the process around it. */
export interface Runtime {
  readonly config: Config;
  /** For the per-tenant file; undefined without `-config.expand-env`. */
  readonly env: Readonly<Record<string, string | undefined>> | undefined;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** Begins the end of the process; the second call ends it at once. */
  readonly shutdown: (cause: string) => void;
}
