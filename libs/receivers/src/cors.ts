import type { IncomingMessage } from 'node:http';
import type { CorsConfig } from '@vivace/config';

/** Answers the CORS questions of browsers (Fetch standard, "CORS protocol") for one configuration. */
export class Cors {
  readonly #origins: readonly RegExp[];
  readonly #headers: string;
  readonly #maxAge: string | undefined;

  constructor(config: CorsConfig) {
    this.#origins = config.allowedOrigins.map((origin) => new RegExp(`^${origin.split('*').map(escaped).join('.*')}$`));
    this.#headers = ['Content-Type', 'Content-Encoding', 'X-Scope-OrgID', ...config.allowedHeaders].join(', ');
    this.#maxAge = config.maxAgeSeconds > 0 ? String(config.maxAgeSeconds) : undefined;
  }

  /** Headers for the answer to an actual request; empty when the origin may not read it. */
  headers(request: IncomingMessage): Readonly<Record<string, string>> {
    const { origin } = request.headers;
    if (origin === undefined || !this.#origins.some((pattern) => pattern.test(origin))) return {};
    return { 'access-control-allow-origin': origin, vary: 'Origin' };
  }

  /** Headers for the answer to a preflight; undefined when it is none, or the origin may not send. */
  preflight(request: IncomingMessage): Readonly<Record<string, string>> | undefined {
    if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) return undefined;
    const origin = this.headers(request);
    if (origin.vary === undefined) return undefined;
    return {
      ...origin,
      'access-control-allow-methods': 'POST',
      'access-control-allow-headers': this.#headers,
      ...(this.#maxAge === undefined ? {} : { 'access-control-max-age': this.#maxAge }),
    };
  }
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}
