/** Who is told of a change: those whose key it is, whatever other keys are watched or were. Marks of keys collide here in number. */
import { expect, test } from 'vitest';
import { KeyInterest } from '../../../src/engine/keyspace/key-interest.ts';
import { Session } from '../../../src/engine/session.ts';
import { latin1Bytes } from '../../../src/shared/request.ts';
import { SeededRandom } from '../../protocol/seeded-random.ts';

const KEYS = ['', 'a', 'aa', '\xff\xff', ...Array.from({ length: 3000 }, (_, i) => `bull:queue:${i}`)];

test.each([1, 2])('random watching and blocking beside a list of pairs; seed %i', (seed) => {
  const random = new SeededRandom(seed);
  const interest = new KeyInterest();
  const sessions = [1, 2, 3].map((id) => new Session(id, null));
  const watched = new Set<string>();
  const blocked = new Set<string>();
  for (let n = 0; n < 20_000; n++) {
    const session = random.pick(sessions);
    const key = random.pick(KEYS);
    const pair = `${session.id} ${key}`;
    switch (random.below(5)) {
      case 0:
        interest.watch(session, 0, key);
        watched.add(pair);
        break;
      case 1:
        interest.unwatch(session, 0, key);
        watched.delete(pair);
        break;
      case 2:
        interest.block(session, 0, key);
        blocked.add(pair);
        break;
      case 3:
        interest.unblock(session, 0, key);
        blocked.delete(pair);
        break;
      default: {
        const bytes = latin1Bytes(`-${key}-`);
        interest.changed(0, bytes, 1, key.length);
        expect(sessions.map((each) => each.watchBroken)).toEqual(sessions.map((each) => watched.has(`${each.id} ${key}`)));
        expect(interest.takeReady()).toEqual(sessions.some((each) => blocked.has(`${each.id} ${key}`)) ? [{ db: 0, key }] : []);
        for (const each of sessions) each.watchBroken = false;
      }
    }
  }
});
