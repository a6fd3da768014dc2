/** A copy with room for twice as much, `need` at least. */
export function grown(array: Uint32Array, need = 0): Uint32Array<ArrayBuffer> {
  const out = new Uint32Array(Math.max(need, array.length * 2));
  out.set(array);
  return out;
}
