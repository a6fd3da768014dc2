import crypto from 'node:crypto';
import { AppError } from '@vivace/base';
import { parseOptions, verify } from '@node-rs/bcrypt';

/** Verifies a password; the work is done on other threads. */
export type PasswordHash = (password: string) => Promise<boolean>;

/** What a hash may cost at most, since everybody may make us compute it: about a second each. */
const MAX_BCRYPT_COST = 15;
const MAX_ARGON2_KIB = 262_144;
const MAX_ARGON2_PASSES = 32;
const MAX_ARGON2_LANES = 16;

/** @throws AppError `invalid_argument`, with `whose` and never with the hash, for kinds that are unknown, too weak or too expensive. */
export function parsePasswordHash(text: string, whose: string): PasswordHash {
  const refuse = (why: string): AppError => new AppError('invalid_argument', `password hash of ${whose}: ${why}`);
  if (/^\$2[abxy]\$/.test(text)) return parseBcrypt(text, refuse);
  if (text.startsWith('$argon2')) return parseArgon2(text, refuse);
  const kind = WEAK.find(([prefix]) => text.startsWith(prefix))?.[1] ?? 'neither bcrypt nor argon2';
  throw refuse(`${kind}, want bcrypt (htpasswd -B) or argon2`);
}

const WEAK: readonly (readonly [string, string])[] = [
  ['$apr1$', 'apr1 is MD5 and too weak'],
  ['$1$', 'MD5 crypt is too weak'],
  ['{SHA}', 'unsalted SHA-1 is too weak'],
  ['{SSHA}', 'SHA-1 is too weak'],
  ['{PLAIN}', 'it is not hashed'],
  ['$5$', 'SHA-256 crypt is not supported'],
  ['$6$', 'SHA-512 crypt is not supported'],
];

function parseBcrypt(text: string, refuse: (why: string) => AppError): PasswordHash {
  if (!/^\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}$/.test(text)) throw refuse('is not a whole bcrypt hash');
  const { cost } = parseOptions(text);
  if (cost > MAX_BCRYPT_COST) throw refuse(`bcrypt cost ${cost} is above ${MAX_BCRYPT_COST}`);
  return (password) => verify(password, text);
}

/** The PHC form: `$argon2id$v=19$m=65536,t=3,p=4$salt$hash`. */
function parseArgon2(text: string, refuse: (why: string) => AppError): PasswordHash {
  const match = /^\$(argon2(?:id|i|d))\$v=19\$m=(\d{1,9}),t=(\d{1,9}),p=(\d{1,9})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/.exec(text);
  if (!match) throw refuse('is not a whole argon2 hash of version 19 ($argon2id$v=19$m=…,t=…,p=…$salt$hash)');
  const [memory, passes, parallelism] = [Number(match[2]), Number(match[3]), Number(match[4])];
  const nonce = Buffer.from(match[5], 'base64');
  const expected = Buffer.from(match[6], 'base64');
  if (memory > MAX_ARGON2_KIB || passes > MAX_ARGON2_PASSES || parallelism > MAX_ARGON2_LANES)
    throw refuse(`m=${memory},t=${passes},p=${parallelism} is above m=${MAX_ARGON2_KIB},t=${MAX_ARGON2_PASSES},p=${MAX_ARGON2_LANES}`);
  if (memory < 8 * parallelism || passes < 1 || parallelism < 1 || nonce.length < 8 || expected.length < 4)
    throw refuse('has parameters argon2 does not allow');
  const algorithm = match[1] as 'argon2id' | 'argon2i' | 'argon2d'; // the pattern has no others
  return (password) =>
    new Promise((resolve, reject) => {
      crypto.argon2(algorithm, { message: password, nonce, parallelism, tagLength: expected.length, memory, passes }, (error, tag) => {
        if (error) reject(error);
        else resolve(crypto.timingSafeEqual(tag, expected));
      });
    });
}
