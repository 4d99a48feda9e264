/** Keyspace events on both sides of the log: what the engine tells as it executes, and what another tells that applies the effects. */
import { describe, expect, test } from 'vitest';
import { latin1Slice } from '../../src/shared/request.ts';
import { EngineRig } from './engine-rig.ts';

const EVERYTHING = -1;

/** Events from now on, as "event db:key". */
function listen({ engine }: EngineRig): string[] {
  const heard: string[] = [];
  const { events } = engine.keyspace;
  events.wanted = EVERYTHING;
  events.listener = (event, db, buf, off, len) => heard.push(`${event} ${db}:${latin1Slice(buf, off, off + len)}`);
  return heard;
}

/** An engine that has all that `primary` has logged so far. */
function follower(primary: EngineRig): EngineRig {
  const replica = new EngineRig(2);
  replica.engine.setReplica(true);
  follow(primary, replica);
  return replica;
}

function follow(primary: EngineRig, replica: EngineRig): void {
  const block = primary.engine.takeEffects();
  if (block !== null) replica.engine.applyEffects(block);
}

describe('a replica', () => {
  test('tells of what it applies, by the name of the effect', () => {
    const primary = new EngineRig(1);
    primary.line('SADD s a');
    const replica = follower(primary);
    const [told, heard] = [listen(primary), listen(replica)];
    primary.line('SPOP s');
    primary.line('INCRBYFLOAT n 1.5');
    primary.line('SETEX k 100 v');
    follow(primary, replica);
    expect(told).toEqual(['spop 0:s', 'del 0:s', 'new 0:n', 'incrbyfloat 0:n', 'new 0:k', 'set 0:k', 'expire 0:k']);
    expect(heard).toEqual(['del 0:s', 'new 0:n', 'set 0:n', 'new 0:k', 'set 0:k', 'expire 0:k']);
  });

  test('calls what expired a deletion, as a replica of Redis does', () => {
    const primary = new EngineRig(1);
    primary.line('SET k v PX 50');
    const replica = follower(primary);
    const [told, heard] = [listen(primary), listen(replica)];
    primary.engine.beginTurn(1_700_000_000_100);
    primary.line('EXISTS k');
    follow(primary, replica);
    expect(told).toEqual(['expired 0:k', 'keymiss 0:k']);
    expect(heard).toEqual(['del 0:k']);
  });
});

describe('what nobody is told', () => {
  test('a value that RESTORE reads aside, and does not take, is no key', () => {
    const rig = new EngineRig(1);
    rig.line('RPUSH l a b');
    const payload = rig.run('DUMP', 'l') as string;
    const heard = listen(rig);
    rig.run('RESTORE', 'm', '0', payload);
    expect(heard).toEqual(['new 0:m', 'restore 0:m']);
    heard.length = 0;
    expect(rig.raw('RESTORE', 'n', '0', `${payload.slice(0, 5)}x${payload.slice(6)}`)).toMatch(/^-/);
    expect(heard).toEqual([]);
  });

  test('times of fields are no keys of their own', () => {
    const rig = new EngineRig(1);
    const heard = listen(rig);
    rig.line('HSET h f v');
    rig.line('HEXPIRE h 100 FIELDS 1 f');
    expect(heard).toEqual(['new 0:h', 'hset 0:h', 'hexpire 0:h']);
  });

  test('a key that a result takes the place of is no new one, and a result of nothing deletes it', () => {
    const rig = new EngineRig(1);
    rig.line('SADD a 1 2');
    rig.line('SADD b 2 3');
    rig.line('SET d old');
    const heard = listen(rig);
    rig.line('SINTERSTORE d a b');
    rig.line('SDIFFSTORE d a a');
    rig.line('ZUNIONSTORE e 1 a');
    expect(heard).toEqual(['sinterstore 0:d', 'del 0:d', 'new 0:e', 'zunionstore 0:e']);
  });
});

test('databases: MOVE and COPY tell each its own', () => {
  const rig = new EngineRig(1);
  rig.line('SET k v');
  const heard = listen(rig);
  rig.line('COPY k c DB 2');
  rig.line('MOVE k 3');
  expect(heard).toEqual(['new 2:c', 'copy_to 2:c', 'new 3:k', 'move_from 0:k', 'move_to 3:k']);
});
