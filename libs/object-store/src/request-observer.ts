/** HTTP method of a request to a store, as Tempo names operations. */
export type RequestMethod = 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';

/** Told of every single request to a remote store: tries and hedged ones count each. */
export interface RequestObserver {
  /** `status` is the HTTP status, or `error` when no answer came. `seconds` is until the answer began. */
  request(method: RequestMethod, status: string, seconds: number): void;
  /** A further request because an answer took long. */
  hedged(): void;
  /** A read that was not sent, or given up on, because the store is away. */
  refused(): void;
}
