/**
 * Which log segments are still needed: every table that holds unsaved spans, and every push between its log write and its fold, pins
 * the first segment it may depend on. Segments below the lowest pin may go.
 */
export class SegmentPins {
  readonly #pins = new Map<number, number>();
  /** The newest segment a frame is known to be in. */
  #newest = 0;

  /** Pins the segment that the next append may land in, before its position is known. */
  pinNext(): number {
    this.pin(this.#newest);
    return this.#newest;
  }

  pin(segment: number): void {
    if (segment > this.#newest) this.#newest = segment;
    this.#pins.set(segment, (this.#pins.get(segment) ?? 0) + 1);
  }

  unpin(segment: number): void {
    const n = this.#pins.get(segment);
    if (n === undefined) throw new Error(`log segment ${segment} is not pinned`);
    if (n === 1) this.#pins.delete(segment);
    else this.#pins.set(segment, n - 1);
  }

  /** The newest segment that nothing depends on, given that everything up to `upTo` is closed. */
  releasable(upTo: number): number {
    let lowest = Number.POSITIVE_INFINITY;
    for (const segment of this.#pins.keys()) if (segment < lowest) lowest = segment;
    return Math.min(upTo, lowest - 1);
  }
}
