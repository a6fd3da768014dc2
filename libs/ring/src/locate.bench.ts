// node --conditions=@vivace/source libs/ring/src/locate.bench.ts
import { addMembers, fixedClock, seeded, testRing } from './ring.fixture.ts';

const TOKENS = 100_000;
for (const [members, zoneAware] of [
  [3, false],
  [50, true],
  [500, true],
] as const) {
  const ring = testRing({ zoneAware, clock: fixedClock() });
  addMembers(ring, members, seeded(1), (i) => ({ zone: `z${i % 3}` }));
  const tokens = Uint32Array.from({ length: TOKENS }, seeded(2));
  const out = new Uint16Array(TOKENS * 3);
  const view = ring.view();
  const builtAt = performance.now();
  view.locate(tokens, 1, out);
  const buildMs = performance.now() - builtAt;
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 30; round++) {
    const from = performance.now();
    view.locate(tokens, TOKENS, out);
    best = Math.min(best, performance.now() - from);
  }
  console.log(`${members} members: table ${buildMs.toFixed(1)} ms once, ${((best * 1e6) / TOKENS).toFixed(1)} ns a token`);
}
