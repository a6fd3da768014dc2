// Typed arrays on shared memory. Untouched pages of a fresh SharedArrayBuffer cost no memory, so capacities may be generous.

export function sharedBytes(length: number, from?: Uint8Array): Uint8Array {
  const out = new Uint8Array(new SharedArrayBuffer(length));
  if (from) out.set(from);
  return out;
}

export function sharedU32(length: number, from?: Uint32Array): Uint32Array {
  const out = new Uint32Array(new SharedArrayBuffer(length * 4));
  if (from) out.set(from);
  return out;
}

export function sharedI32(length: number, from?: Int32Array): Int32Array {
  const out = new Int32Array(new SharedArrayBuffer(length * 4));
  if (from) out.set(from);
  return out;
}

export function sharedF64(length: number, from?: Float64Array): Float64Array {
  const out = new Float64Array(new SharedArrayBuffer(length * 8));
  if (from) out.set(from);
  return out;
}
