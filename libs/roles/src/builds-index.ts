import type { TenantId } from '@vivace/base';

/** Whether a compactor writes the index of a tenant: at most `builders` do, each of which owns one of as many names. */
export function buildsIndex(builders: number, owns: (name: string) => boolean): (tenant: TenantId) => boolean {
  const prefixes = Array.from({ length: builders }, (_, i) => `build-tenant-index-${i}-`);
  return (tenant) => prefixes.some((prefix) => owns(prefix + tenant));
}
