import { describe, expect, it } from 'vitest';
import { parseLeaf } from './parse-leaf.ts';
import { bool, bytes, duration, float, int, port } from './schema/node.ts';

const value = (leaf: Parameters<typeof parseLeaf>[0], text: string) => {
  const parsed = parseLeaf(leaf, text);
  return parsed.ok ? parsed.value : parsed.error;
};

describe('parseLeaf', () => {
  it.each([
    ['10s', 10_000],
    ['5m', 300_000],
    ['168h', 604_800_000],
    ['7d', 604_800_000],
    ['1h30m', 5_400_000],
    ['1.5s', 1_500],
    ['250us', 0.25],
    ['0', 0],
  ])('reads the duration %s', (text, expected) => expect(value(duration('0s', ''), text)).toBe(expected));

  it.each([
    ['10', '"10" is not a duration with its unit, such as 10s'],
    ['ten', '"ten" is not a duration such as 10s, 1h30m or 7d'],
    ['-1s', '-1s is below the least allowed value 0'],
    ['', '"" is not a duration such as 10s, 1h30m or 7d'],
  ])('refuses the duration %s', (text, expected) => expect(value(duration('0s', ''), text)).toBe(expected));

  it.each([
    ['1048576', 1_048_576],
    ['10MiB', 10_485_760],
    ['10 MiB', 10_485_760],
    ['10Mi', 10_485_760],
    ['10MB', 10_000_000],
    ['10M', 10_000_000],
    ['1.5GiB', 1_610_612_736],
    ['1e9', 1_000_000_000],
    ['63KiB1023B', 65_535],
    ['0B', 0],
    ['5_000', 5_000],
  ])('reads the size %s', (text, expected) => expect(value(bytes(0, ''), text)).toBe(expected));

  it.each(['10XB', 'MiB', '', '1e400', '10iB', '0x', '99999999999999999999'])('refuses the size "%s"', (text) =>
    expect(value(bytes(0, ''), text)).toBe(`"${text}" is not a number of bytes such as 1048576 or 10MiB`),
  );

  it('reads booleans as YAML 1.1 does', () => {
    expect(['true', 'Yes', 'ON', 'false', 'no', 'Off'].map((text) => value(bool(false, ''), text))).toEqual([true, true, true, false, false, false]);
    expect(value(bool(false, ''), '1')).toBe('"1" is not true or false');
  });

  it('keeps numbers within their bounds', () => {
    expect(value(port(0, ''), '65536')).toBe('65536 is above the greatest allowed value 65535');
    expect(value(int(0, ''), '-1')).toBe('-1 is below the least allowed value 0');
    expect(value(float(0, '', { max: 1 }), '0.01')).toBe(0.01);
    expect(value(float(0, ''), 'Infinity')).toBe('"Infinity" is not a number');
    expect(value(int(0, ''), '1.5')).toBe('"1.5" is not a whole number');
  });
});
