/** A set that becomes a listpack in the very cell that its integers had: the cell must know its owner, or compaction loses it. */
import { test } from 'vitest';
import { EngineRig } from './engine-rig.ts';

test('every way from integers to members leaves a cell that knows its entry', () => {
  const rig = new EngineRig();
  for (let integers = 1; integers <= 40; integers++) {
    for (let length = 1; length <= 40; length++) {
      rig.run('DEL', 'k');
      rig.run('SADD', 'k', ...Array.from({ length: integers }, (_, n) => String(n * 7)));
      rig.run('SADD', 'k', 'm'.repeat(length));
      rig.check();
    }
  }
}, 120_000);
