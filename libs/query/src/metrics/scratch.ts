/** Arrays used for one batch and then again for the next, by name; they only grow. What is in them is undefined unless said otherwise. */
export class Scratch {
  readonly #u32 = new Map<string, Uint32Array>();
  readonly #f64 = new Map<string, Float64Array>();
  readonly #bytes = new Map<string, Uint8Array>();

  u32(name: string, size: number): Uint32Array {
    let array = this.#u32.get(name);
    if (!array || array.length < size) this.#u32.set(name, (array = new Uint32Array(size)));
    return array;
  }

  f64(name: string, size: number): Float64Array {
    let array = this.#f64.get(name);
    if (!array || array.length < size) this.#f64.set(name, (array = new Float64Array(size)));
    return array;
  }

  zeroU32(name: string, size: number): Uint32Array {
    return this.u32(name, size).fill(0, 0, size);
  }

  zeroBytes(name: string, size: number): Uint8Array {
    let array = this.#bytes.get(name);
    if (!array || array.length < size) this.#bytes.set(name, (array = new Uint8Array(size)));
    return array.fill(0, 0, size);
  }
}
