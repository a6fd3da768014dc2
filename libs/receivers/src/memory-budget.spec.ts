import { createMemoryLogger } from '@vivace/base';
import { describe, expect, it } from 'vitest';
import { MemoryBudget } from './memory-budget.ts';

describe('MemoryBudget', () => {
  it('refuses what does not fit beside others, and says so once until there is room again', () => {
    const logger = createMemoryLogger();
    const budget = new MemoryBudget(100, logger);
    const [a, b, c] = [budget.lease(), budget.lease(), budget.lease()];
    a.take(60);
    b.take(40);
    for (const lease of [a, b, c]) {
      expect(() => lease.take(1)).toThrow(
        expect.objectContaining({
          code: 'resource_exhausted',
          message: 'receivers hold 100 bytes of requests already, limit distributor.max_pending_bytes 100',
          retryAfterMs: 1_000,
        }),
      );
    }
    a.release();
    c.take(60);
    expect(logger.entries.map(({ msg }) => msg)).toEqual(['requests are refused: more arrives than is worked on', 'requests are taken again']);
  });

  it('takes alone what is larger than all of it', () => {
    const budget = new MemoryBudget(100, createMemoryLogger());
    const large = budget.lease();
    for (let i = 0; i < 3; i++) large.take(100);
    expect(() => budget.lease().take(1)).toThrow('receivers hold 300 bytes');
    large.release();
    budget.lease().take(100);
  });
});
