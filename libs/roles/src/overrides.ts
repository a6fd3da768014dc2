import fs from 'node:fs/promises';
import { tenantsOf } from '@vivace/base';
import type { Gauge, Logger, MetricsRegistry, TenantId } from '@vivace/base';
import { describe, parseOverrides, resolveLimits } from '@vivace/config';
import type { Limits, OverridesConfig, OverridesInput, TenantOverrides } from '@vivace/config';
import { createLimitMetrics } from './limit-metrics.ts';
import type { LimitMetrics } from './limit-metrics.ts';

export interface OverridesOptions {
  readonly config: OverridesConfig;
  /** Given with `-config.expand-env`. */
  readonly env: OverridesInput['env'] | undefined;
  readonly logger: Logger;
  readonly metrics: MetricsRegistry;
}

/** The limits of tenants: the defaults, and the per-tenant file, which is read again when it changes. */
export class Overrides {
  readonly name = 'overrides';
  readonly #options: OverridesOptions;
  readonly #limitMetrics: LimitMetrics;
  readonly #reloaded: Gauge;
  #tenants: TenantOverrides = new Map();
  #text = '';
  #timer: NodeJS.Timeout | undefined;
  readonly #listeners: ((tenants: TenantOverrides) => void)[] = [];

  constructor(options: OverridesOptions) {
    this.#options = options;
    this.#limitMetrics = createLimitMetrics(options.metrics, options.config.defaults);
    this.#reloaded = options.metrics.gauge('tempo_runtime_config_last_reload_successful', 'Whether the last attempt to read the per-tenant file went well.');
  }

  limits(tenant: TenantId): Limits {
    return resolveLimits(this.#options.config.defaults, this.#tenants, tenant);
  }

  /** The least of a limit over the tenants of a query. 0 is no limit of the tenant's own, where `otherwise` holds; 0 comes back for that too. */
  strictest(joined: TenantId, limitOf: (limits: Limits) => number, otherwise = 0): number {
    const limits = tenantsOf(joined).map((tenant) => limitOf(this.limits(tenant)) || otherwise || Number.POSITIVE_INFINITY);
    const least = Math.min(...limits);
    return least === otherwise || least === Number.POSITIVE_INFINITY ? 0 : least;
  }

  /** Calls `listener` with the entries of the per-tenant file at the start, none where there is no file, and whenever they change. */
  onRead(listener: (tenants: TenantOverrides) => void): void {
    this.#listeners.push(listener);
  }

  /** The per-tenant file as it is in force. */
  get text(): string {
    return this.#text;
  }

  /** Rejects when there is a file that is wrong or cannot be read; later, such a file is logged and the limits stay as they are. */
  async start(): Promise<void> {
    const { perTenantFile, perTenantPeriodMs } = this.#options.config;
    if (perTenantFile === '') return this.#tell();
    await this.#reload();
    if (this.#text === '') this.#tell();
    this.#timer = setInterval(() => {
      this.#reload().catch((reason: unknown) => this.#options.logger.error('per-tenant limits cannot be read, the last ones hold', { err: reason }));
    }, perTenantPeriodMs);
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
  }

  #tell(): void {
    for (const listener of this.#listeners) listener(this.#tenants);
  }

  async #reload(): Promise<void> {
    try {
      await this.#read();
      this.#reloaded.set(1);
    } catch (reason) {
      this.#reloaded.set(0);
      throw reason;
    }
  }

  async #read(): Promise<void> {
    const { config, env, logger } = this.#options;
    const text = await fs.readFile(config.perTenantFile, 'utf8');
    if (text === this.#text) return;
    const { overrides, warnings } = parseOverrides({ file: config.perTenantFile, text, ...(env && { env }) });
    this.#tenants = overrides;
    this.#limitMetrics.show(overrides);
    this.#text = text;
    this.#tell();
    for (const warning of warnings) logger.warn('per-tenant limits', { problem: describe(warning), explain: warning.explain });
    logger.info('per-tenant limits read', { file: config.perTenantFile, tenants: overrides.size });
  }
}
