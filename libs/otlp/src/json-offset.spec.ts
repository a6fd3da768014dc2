import { AppError } from '@vivace/base';
import { expect, it } from 'vitest';
import { jsonToProto } from './json-to-proto.ts';

const messageOf = (text: string): string => {
  try {
    jsonToProto(text);
  } catch (error) {
    expect(error).toBeInstanceOf(AppError);
    return (error as AppError).message;
  }
  throw new Error('was taken');
};

it.each([
  ['hello', 0],
  ['{"resourceSpans":[}', 18],
  ['{"ключ":1,}', 14],
  ['{"resourceSpans":[]', 19],
  ['{} x', 3],
])('says at which byte %s stops being JSON', (text, offset) => {
  expect(messageOf(text)).toMatch(new RegExp(`^otlp json: .*\\(byte ${offset}\\)$`, 's'));
});
