import { expect, it } from 'vitest';
import { containerUrl } from './azure-bucket.ts';

it.each([
  ['blob.core.windows.net', 'https://acc.blob.core.windows.net/c'],
  ['blob.core.chinacloudapi.cn', 'https://acc.blob.core.chinacloudapi.cn/c'],
  ['azurite:10000', 'http://azurite:10000/acc/c'],
  ['https://azurite:10000', 'https://azurite:10000/acc/c'],
])('address of a container below %s', (endpointSuffix, expected) => {
  expect(containerUrl({ account: 'acc', container: 'c', endpointSuffix })).toBe(expected);
});
