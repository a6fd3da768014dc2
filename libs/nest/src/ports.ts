// What the controllers of this library ask of the process they run in.

/** `/metrics`. */
export interface MetricsPage {
  readonly contentType: string;
  scrape(): Promise<string>;
}

export type ConfigMode = 'effective' | 'diff' | 'defaults';

/** The texts below `/status`. */
export interface StatusPages {
  version(): string;
  /** YAML, secrets redacted. */
  config(mode: ConfigMode): string;
  runtimeConfig(mode: ConfigMode): string;
  /** Paths this process serves, one a line. */
  endpoints(): string;
}

export interface Admin {
  /** Cuts and completes what is held in memory, of one tenant or of all; resolves when it is stored. */
  flush(tenant: string | undefined): Promise<void>;
  /** Begins to stop the process gracefully; resolves at once. */
  shutdown(): Promise<void>;
}
