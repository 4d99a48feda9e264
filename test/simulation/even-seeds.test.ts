import { test } from 'vitest';
import { runSeeds } from './seeds.ts';

test('whole shards, even seeds', { timeout: 3_600_000 }, () => runSeeds(0));
