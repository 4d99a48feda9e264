/** Replays scenarios/*.txt. `UPDATE_SCENARIOS=1` rewrites their expected output: read the difference before committing it. */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { playScenario } from './scenario.ts';

const directory = new URL('./scenarios/', import.meta.url);
const files = readdirSync(directory).filter((name) => name.endsWith('.txt')).sort();

describe('scenarios', () => {
  it('are there', () => expect(files.length).toBeGreaterThanOrEqual(12));
  for (const name of files) {
    it(name, () => {
      const file = new URL(name, directory);
      const source = readFileSync(file, 'latin1');
      const played = playScenario(source);
      if (process.env.UPDATE_SCENARIOS === '1') writeFileSync(file, played, 'latin1');
      else expect(played).toBe(source);
    });
  }
});
