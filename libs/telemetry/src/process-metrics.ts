import { monitorEventLoopDelay } from 'node:perf_hooks';
import { collectDefaultMetrics } from 'prom-client';
import type { Metrics } from './create-metrics.ts';

export interface BuildInfo {
  readonly version: string;
  readonly revision: string;
  readonly branch: string;
}

/** Each look wakes an idle process up. */
const RESOLUTION_MS = 20;
const WINDOW_MS = 1_000;
const BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/**
 * Registers `tempo_build_info`, the process and runtime metrics of prom-client and `vivace_event_loop_delay_seconds`.
 * Call the returned function to stop measuring.
 */
export function startProcessMetrics(metrics: Metrics, { version, revision, branch }: BuildInfo): () => void {
  metrics
    .gauge('tempo_build_info', 'The running build; always 1.', ['version', 'revision', 'branch', 'goversion'])
    .with({ version, revision, branch, goversion: `node${process.version}` })
    .set(1);
  collectDefaultMetrics({ register: metrics.registry, eventLoopMonitoringPrecision: RESOLUTION_MS });
  return startEventLoopDelay(metrics);
}

/** One observation a second, the longest delay in it: so the histogram says in how many seconds something was held up, and for how long. */
function startEventLoopDelay(metrics: Metrics): () => void {
  const seconds = metrics.histogram('vivace_event_loop_delay_seconds', 'The longest delay of the event loop in each second.', [], { buckets: BUCKETS });
  const monitor = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  monitor.enable();
  const timer = setInterval(() => {
    // The monitor counts the time between its ticks, so an idle loop shows the resolution.
    if (monitor.max > 0) seconds.observe(Math.max(0, monitor.max / 1e9 - RESOLUTION_MS / 1e3));
    monitor.reset();
  }, WINDOW_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    monitor.disable();
  };
}
