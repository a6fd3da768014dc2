/** A whole number in [0, 2^32). */
export type RandomUint32 = () => number;

/** Mixes `list` in place. */
export function shuffle<T>(list: T[], random: RandomUint32): T[] {
  for (let i = list.length - 1; i > 0; i--) {
    const j = random() % (i + 1);
    [list[i], list[j]] = [list[j], list[i]];
  }
  return list;
}
