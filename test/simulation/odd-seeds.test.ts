import { test } from 'vitest';
import { runSeeds } from './seeds.ts';

test('whole shards, odd seeds', { timeout: 3_600_000 }, () => runSeeds(1));
