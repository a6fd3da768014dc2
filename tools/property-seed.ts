// Property tests try the same cases in every run, so that a change is judged by what it does; FAST_CHECK_SEED=random, or a seed that a failure printed, tries others.
import fc from 'fast-check';

const { FAST_CHECK_SEED = '1' } = process.env;
if (FAST_CHECK_SEED !== 'random') fc.configureGlobal({ seed: Number(FAST_CHECK_SEED) });
