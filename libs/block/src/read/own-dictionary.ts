import { ByteDictionary } from '@vivace/parquet';
import type { DecodedValues } from '@vivace/parquet';

/** The same values with a dictionary of those used only, where they have one: else the column's is kept whole for a few rows. Ids are renumbered in place. */
export function ownDictionary(values: DecodedValues): DecodedValues {
  if (values.kind !== 'dictionary') return values;
  const { ids, dictionary } = values;
  const numbers = new Map<number, number>();
  let size = 0;
  for (let i = 0; i < ids.length; i++) {
    let number = numbers.get(ids[i]);
    if (number === undefined) {
      numbers.set(ids[i], (number = numbers.size));
      size += dictionary.byteLength(ids[i]);
    }
    ids[i] = number;
  }
  const bytes = new Uint8Array(size);
  const ends = new Uint32Array(numbers.size);
  let at = 0;
  for (const [id, number] of numbers) ends[number] = at += dictionary.copyTo(id, bytes, at);
  return { kind: 'dictionary', length: values.length, ids, dictionary: new ByteDictionary(bytes, ends) };
}
