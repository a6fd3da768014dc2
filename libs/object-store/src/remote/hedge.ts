export interface HedgeOptions<T> {
  /** Wait before each further request. */
  readonly afterMs: number;
  /** Most requests, the first included. */
  readonly upTo: number;
  readonly signal: AbortSignal;
  readonly launch: (signal: AbortSignal) => Promise<T>;
  /** Before each request but the first. */
  readonly onHedge: () => void;
  /** Takes an answer that came when another one had won. */
  readonly discard: (late: T) => void;
}

/**
 * Asks again while no answer has come, and takes the first answer; the other requests are aborted. Rejects with the last
 * failure once all requests under way have failed.
 */
export function hedge<T>({ afterMs, upTo, signal, launch, onHedge, discard }: HedgeOptions<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const racers = new Set<AbortController>();
    let launched = 0;
    let settled = false;
    let timer: NodeJS.Timeout | undefined;
    const settle = (): void => {
      settled = true;
      clearTimeout(timer);
    };
    const start = (): void => {
      const racer = new AbortController();
      racers.add(racer);
      launched++;
      if (launched < upTo)
        timer = setTimeout(() => {
          onHedge();
          start();
        }, afterMs);
      launch(AbortSignal.any([signal, racer.signal])).then(
        (answer) => {
          racers.delete(racer);
          if (settled) {
            discard(answer);
            return;
          }
          settle();
          for (const loser of racers) loser.abort();
          resolve(answer);
        },
        (reason: Error) => {
          racers.delete(racer);
          if (settled || racers.size > 0) return;
          settle();
          reject(reason);
        },
      );
    };
    start();
  });
}
