declare const brand: unique symbol;
type Brand<T, B extends string> = T & { readonly [brand]: B };

/** A validated tenant id: 1–150 of `[A-Za-z0-9!-_.*'()]`, no path meaning. */
export type TenantId = Brand<string, 'TenantId'>;
/** A lower-case UUID. */
export type BlockId = Brand<string, 'BlockId'>;

/** The tenant of every request when multi-tenancy is off. */
export const SINGLE_TENANT = 'single-tenant' as TenantId;

const TENANT = /^[A-Za-z0-9!\-_.*'()]{1,150}$/;

/** Returns undefined unless `text` is a legal tenant id (dskit's rules; `.` and `..` are refused because tenants are folders). */
export function parseTenantId(text: string): TenantId | undefined {
  return TENANT.test(text) && text !== '.' && text !== '..' ? (text as TenantId) : undefined;
}

/** Query doors take several tenants at once: their ids, sorted and joined by `|`, which no id holds. */
export function joinTenants(tenants: readonly TenantId[]): TenantId {
  return [...new Set(tenants)].sort().join('|') as TenantId;
}

/** The tenants a query is about. */
export function tenantsOf(joined: TenantId): readonly TenantId[] {
  return joined.split('|') as TenantId[];
}

const HEX = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'));

/** Lower-case hex of `bytes[from, to)`. */
export function hex(bytes: Uint8Array, from = 0, to = bytes.length): string {
  let text = '';
  for (let i = from; i < to; i++) text += HEX[bytes[i]];
  return text;
}

/**
 * Parses 1 to 32 hex digits (any case, odd lengths too) into 16 bytes, padded with zeros on the left.
 * Returns the index of the first bad character, or -1 for a wrong length, as a number.
 */
export function parseTraceId(text: string): Uint8Array | number {
  if (text.length === 0 || text.length > 32) return -1;
  for (let i = 0; i < text.length; i++) if (!/[0-9a-fA-F]/.test(text[i])) return i;
  const padded = text.padStart(32, '0');
  const out = new Uint8Array(16);
  for (let i = 0; i < 16; i++) out[i] = Number.parseInt(padded.slice(2 * i, 2 * i + 2), 16);
  return out;
}
