import { expect, it } from 'vitest';
import { supportedDedicatedColumns } from './supported-dedicated-columns.ts';

const span = (name: string, type = 'string') => ({ scope: 'span' as const, name, type });
const resource = (name: string) => ({ scope: 'resource' as const, name, type: 'string' });

it('leaves of the columns Tempo ships what vParquet4 can hold', () => {
  const shipped = [
    resource('k8s.cluster.name'),
    resource('k8s.namespace.name'),
    resource('k8s.pod.name'),
    resource('k8s.container.name'),
    span('http.request.method'),
    span('http.response.status_code', 'int'),
    span('url.path'),
    span('url.route'),
    span('server.address'),
    span('server.port', 'int'),
    span('http.method'),
    span('http.url'),
    span('http.route'),
    span('http.status_code', 'int'),
  ];
  expect(supportedDedicatedColumns(shipped).map((c) => c.name)).toEqual(['http.request.method', 'url.path', 'url.route', 'server.address', 'http.route']);
});

it('keeps the first ten of a scope, each once', () => {
  const many = Array.from({ length: 12 }, (_, i) => span(`a${i}`));
  expect(supportedDedicatedColumns([span('a0'), ...many, resource('r'), { scope: 'event', name: 'e', type: 'string' }])).toEqual([
    ...many.slice(0, 10),
    resource('r'),
  ]);
});
