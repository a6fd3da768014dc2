import { describe, expect, it } from 'vitest';
import { parsePasswordHash } from './password-hash.ts';

describe('parsePasswordHash', () => {
  it.each([
    ['$2y$04$.f2.ngslvY96IECInr4FuO2.dYchDMgKgk4zThdxSErZGWxnaf3Fy', 'open sesame'],
    // Solar Designer's, of crypt_blowfish.
    ['$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW', 'U*U'],
    // Of the README of the reference implementation.
    ['$argon2i$v=19$m=65536,t=2,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub+b+dWRWJTmaaJObG', 'password'],
    ['$argon2id$v=19$m=64,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$ALHf2bGjXCxkJIp1/RZfXBsnGk81Z1zOLEmtsukcHmE', 'open sesame'],
  ])('%s', async (text, password) => {
    const verify = parsePasswordHash(text, 'user "a"');
    expect([await verify(password), await verify(`${password}!`), await verify('')]).toEqual([true, false, false]);
  });

  it.each([
    ['$apr1$salt$hash', 'apr1 is MD5 and too weak'],
    ['{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=', 'unsalted SHA-1 is too weak'],
    ['$6$salt$hash', 'SHA-512 crypt is not supported'],
    ['open sesame', 'neither bcrypt nor argon2'],
    ['$2y$04$short', 'is not a whole bcrypt hash'],
    ['$2y$31$.f2.ngslvY96IECInr4FuO2.dYchDMgKgk4zThdxSErZGWxnaf3Fy', 'bcrypt cost 31 is above 15'],
    ['$argon2id$v=16$m=64,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$ALHf', 'is not a whole argon2 hash of version 19'],
    ['$argon2id$v=19$m=9999999,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$ALHf2bGj', 'm=9999999,t=2,p=1 is above'],
    ['$argon2id$v=19$m=64,t=0,p=1$MDEyMzQ1Njc4OWFiY2RlZg$ALHf2bGj', 'has parameters argon2 does not allow'],
  ])('refuses %s, and does not repeat it', (text, why) => {
    expect(() => parsePasswordHash(text, 'user "a"')).toThrow(why);
    expect(() => parsePasswordHash(text, 'user "a"')).not.toThrow(text);
  });
});
