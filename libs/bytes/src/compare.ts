/** Byte-wise order of `a[aFrom, aFrom+n)` and `b[bFrom, bFrom+n)`: negative, zero or positive. */
export function compareBytes(a: Uint8Array, aFrom: number, b: Uint8Array, bFrom: number, n: number): number {
  for (let i = 0; i < n; i++) {
    const d = a[aFrom + i] - b[bFrom + i];
    if (d !== 0) return d;
  }
  return 0;
}

export function equalBytes(a: Uint8Array, aFrom: number, b: Uint8Array, bFrom: number, n: number): boolean {
  for (let i = 0; i < n; i++) if (a[aFrom + i] !== b[bFrom + i]) return false;
  return true;
}
