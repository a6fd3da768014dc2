/** Waiting as a dependency, so that tests never sleep. */
export interface Timers {
  /** Calls `run` once after `delayMs`; the function it returns takes that back. A waiting timer does not keep the process alive. */
  after(delayMs: number, run: () => void): () => void;
}
