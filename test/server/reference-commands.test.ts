/**
 * The command table beside that of Redis 7.4 and Valkey 8.1: reference-commands.json has arity, flags, ACL categories and key specifications
 * of every command but those of cluster mode and of Sentinel. What is missing or differs on purpose stands here, with the reason.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Command, FLAG_NAMES, type KeySpec } from '../../src/engine/command.ts';
import REFERENCE from './reference-commands.json' with { type: 'json' };
import { ServerRig } from './server-rig.ts';

interface Facts {
  readonly arity: number;
  readonly flags: string;
  readonly acl: string;
  readonly keys?: readonly string[];
}

/** Commands that are not there, by the beginning of their names. */
const MISSING: Readonly<Record<string, string>> = {
  psync: 'replicas of Redis are not served: members of the shard are the replicas',
  sync: 'as psync',
  replconf: 'as psync',
  sflush: 'flushes slots, which cluster mode has; experimental',
};

/** Commands whose facts are others here. */
const DIFFERENT: Readonly<Record<string, string>> = {
  multi: 'Valkey 8.1 flags it no_multi, which makes its error another than the one that all versions of Redis give',
  watch: 'as multi',
};

function flagsOf({ flags }: Command): string {
  return FLAG_NAMES.filter(([bit, name]) => (flags & bit) !== 0 && name !== 'movablekeys').map(([, name]) => name).sort().join(' ');
}

function keysText({ flags, begin, find }: KeySpec): string {
  const isUnknown = 'unknown' in find;
  const start = 'keyword' in begin ? `keyword ${begin.keyword} from ${begin.startFrom}` : isUnknown ? 'unknown' : `index ${begin.index}`;
  const end = isUnknown ? 'unknown' : 'lastKey' in find ? `range ${find.lastKey} ${find.step} ${find.limit}` : `keynum ${find.keyNumIndex} ${find.firstKey} ${find.step}`;
  return `${flags.toLowerCase().split(' ').sort().join(' ')}; ${start}; ${end}`;
}

function factsOf(command: Command): Facts {
  const keys = command.keys.map(keysText);
  return { arity: command.arity, flags: flagsOf(command), acl: command.categories.join(' '), ...(keys.length > 0 ? { keys } : {}) };
}

const isException = (name: string, exceptions: Readonly<Record<string, string>>): boolean => Object.keys(exceptions).some((key) => name === key || name.startsWith(`${key}|`));

describe('the command table', () => {
  let rig: ServerRig;
  const names = Object.keys(REFERENCE);
  beforeAll(async () => { rig = await ServerRig.start(); });
  afterAll(() => rig.stop());
  const find = (name: string): Command | undefined => rig.server.engine.table.get(name);

  test('has every command but those that are named here', () => {
    expect(names.filter((name) => find(name) === undefined && !isException(name, MISSING))).toEqual([]);
  });

  test('has none of those that are named as missing', () => {
    expect(names.filter((name) => find(name) !== undefined && isException(name, MISSING))).toEqual([]);
    expect(Object.keys(MISSING).filter((key) => !names.some((name) => name === key || name.startsWith(`${key}|`)))).toEqual([]);
  });

  test('has their arity, flags, ACL categories and key specifications', () => {
    const wrong: Record<string, unknown> = {};
    for (const [name, wanted] of Object.entries<Facts>(REFERENCE)) {
      const command = find(name);
      if (command === undefined || isException(name, DIFFERENT)) continue;
      const found = factsOf(command);
      const differing = (Object.keys({ ...wanted, ...found }) as (keyof Facts)[]).filter((key) => JSON.stringify(wanted[key]) !== JSON.stringify(found[key]));
      if (differing.length > 0) wrong[name] = Object.fromEntries(differing.map((key) => [key, { wanted: wanted[key], found: found[key] }]));
    }
    expect(wrong).toEqual({});
  });
});
