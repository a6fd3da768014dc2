import { expect, it } from 'vitest';
import { PooledTable, TablePool } from './table-pool.ts';

it('uses a table again when it is saved and read by nobody', () => {
  const pool = new TablePool(16, 2);
  const first = new PooledTable(pool);
  const { table } = first;
  table.internTrace(new Uint8Array(16).fill(7), 0);
  const [a, b] = [first.read(), first.read()];
  a(true);
  first.saved();
  expect(new PooledTable(pool).table).not.toBe(table);
  b(true);
  const again = new PooledTable(pool);
  expect(again.table).toBe(table);
  expect(table.traceCount).toBe(0);
  expect(table.findTrace(new Uint8Array(16).fill(7))).toBe(-1);
});

it('never uses a table again whose reading may go on', () => {
  const pool = new TablePool(16, 2);
  const first = new PooledTable(pool);
  const done = first.read();
  first.saved();
  done(false);
  expect(new PooledTable(pool).table).not.toBe(first.table);
});

it('keeps no more than it may', () => {
  const pool = new TablePool(16, 1);
  const tables = [new PooledTable(pool), new PooledTable(pool)];
  for (const t of tables) t.saved();
  expect(new PooledTable(pool).table).toBe(tables[0].table);
  expect(tables.map((t) => t.table)).not.toContain(new PooledTable(pool).table);
});
