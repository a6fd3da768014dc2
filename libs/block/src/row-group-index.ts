import { AppError } from '@vivace/base';

const ID_BYTES = 16;

/** The `index` file: the last trace id of each row group, ascending, 16 bytes each. `lastIds` holds them back to back. */
export function formatRowGroupIndex(lastIds: Uint8Array): string {
  const rowGroups: string[] = [];
  for (let at = 0; at < lastIds.length; at += ID_BYTES) rowGroups.push(Buffer.from(lastIds.subarray(at, at + ID_BYTES)).toString('base64'));
  return JSON.stringify({ rowGroups });
}

/** The last trace ids back to back. Throws `data_loss` naming `name` when the file is not an index. */
export function parseRowGroupIndex(text: string, name: string): Uint8Array {
  let ids: unknown;
  try {
    ids = (JSON.parse(text) as { rowGroups?: unknown } | null)?.rowGroups;
  } catch (cause) {
    throw new AppError('data_loss', `${name}: not JSON`, { cause });
  }
  if (!Array.isArray(ids)) throw new AppError('data_loss', `${name}: rowGroups is not a list`);
  const out = new Uint8Array(ids.length * ID_BYTES);
  ids.forEach((id: unknown, i) => {
    const bytes = typeof id === 'string' ? Buffer.from(id, 'base64') : undefined;
    if (bytes?.length !== ID_BYTES) throw new AppError('data_loss', `${name}: rowGroups[${i}] is not a trace id`);
    out.set(bytes, i * ID_BYTES);
  });
  return out;
}
