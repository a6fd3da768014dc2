import { describe, expect, it } from 'vitest';
import { lookup } from './lookup.ts';

describe('the addresses behind a setting', () => {
  it('takes addresses as they are, each once', async () => {
    expect(await lookup('127.0.0.2:9095, [::1]:9095,127.0.0.2:9095')).toEqual(['127.0.0.2:9095', '[::1]:9095']);
  });

  it('asks for names', async () => {
    for (const address of await lookup('localhost:9095')) expect(['127.0.0.1:9095', '[::1]:9095']).toContain(address);
  });

  it.each(['', 'host', 'host:', ':9095', 'a:1,,b:2', 'host:http'])('refuses %j', async (text) => {
    await expect(lookup(text)).rejects.toMatchObject({ code: 'invalid_argument' });
  });

  it('says which name is unknown', async () => {
    await expect(lookup('127.0.0.1:1,nowhere.invalid:9095')).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('nowhere.invalid') as string,
    });
  });
});
