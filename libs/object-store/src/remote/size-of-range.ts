/** The size of the whole object from a `Content-Range` (RFC 9110 §14.4): `bytes 0-99/1234`. */
export function sizeOfRange(header: string | null | undefined): number | undefined {
  const match = /^bytes \d+-\d+\/(\d+)$/.exec(header ?? '');
  return match ? Number(match[1]) : undefined;
}
