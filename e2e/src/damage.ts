// What can happen to a file, chosen by a seeded source of chance: the same seed damages in the same way.

export type Chance = () => number;

/** Numbers in [0, 1) (mulberry32). */
export function chanceOf(seed: number): Chance {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Each returns the file as it is after the damage; it may change its argument. */
export const DAMAGES = {
  'cut short': (file, chance) => file.subarray(0, place(file, chance)),
  'a bit flipped': (file, chance) => {
    file[place(file, chance)] ^= 1 << Math.floor(chance() * 8);
    return file;
  },
  zeroed: (file, chance) => stretch(file, chance).fill(0) && file,
  overwritten: (file, chance) => {
    const bytes = stretch(file, chance);
    for (let i = 0; i < bytes.length; i++) bytes[i] = Math.floor(chance() * 256);
    return file;
  },
  'a stretch missing': (file, chance) => {
    const bytes = stretch(file, chance);
    const from = bytes.byteOffset - file.byteOffset;
    return Buffer.concat([file.subarray(0, from), file.subarray(from + bytes.length)]);
  },
  'a stretch doubled': (file, chance) => {
    const bytes = stretch(file, chance);
    const to = place(file, chance);
    return Buffer.concat([file.subarray(0, to), bytes, file.subarray(to)]);
  },
  'zeros at its end': (file, chance) => Buffer.concat([file, Buffer.alloc(1 + Math.floor(chance() * 8192))]),
  emptied: () => Buffer.alloc(0),
} satisfies Readonly<Record<string, (file: Buffer, chance: Chance) => Buffer>>;

export const DAMAGE_NAMES = Object.keys(DAMAGES) as (keyof typeof DAMAGES)[];

function place(file: Buffer, chance: Chance): number {
  return Math.floor(chance() * file.length);
}

/** Mostly short, now and then most of the file. */
function stretch(file: Buffer, chance: Chance): Buffer {
  const from = place(file, chance);
  return file.subarray(from, from + 1 + Math.floor(chance() ** 4 * file.length));
}
