import { createMemoryLogger } from '@vivace/base';
import { expect, it } from 'vitest';
import { nestLogger } from './nest-logger.ts';

it('leaves to others what is thrown as well, and has no empty parts', () => {
  const logger = createMemoryLogger();
  const nest = nestLogger(logger);
  nest.log('Mapped {/ready, GET} route', 'RouterExplorer');
  nest.error(new Error('in use'), undefined, 'NestApplication');
  nest.error(new Error('held'), undefined, 'ExceptionHandler');
  nest.error('broken', undefined, 'Scheduler');
  expect(logger.entries.map(({ level, msg, fields }) => [level, msg, fields.context])).toEqual([
    ['debug', 'Mapped {/ready, GET} route', 'RouterExplorer'],
    ['debug', 'Error: in use', 'NestApplication'],
    ['debug', 'Error: held', 'ExceptionHandler'],
    ['error', 'broken', 'Scheduler'],
  ]);
});
