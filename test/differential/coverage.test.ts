/** Every command has a form that is compared with redis-server's answers, or stands here with the reason why it has none. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SeededRandom } from '../protocol/seeded-random.ts';
import { ServerRig } from '../server/server-rig.ts';
import { COMMAND_FORMS } from './command-forms.ts';

/** How often a form is expanded to see which commands it makes. */
const EXPANSIONS = 200;

/** Reasons, and the commands (in lower case) for which they hold. */
const WITHOUT_FORM: readonly (readonly [reason: string, commands: readonly string[]])[] = [
  ['redis-server 7.0 does not have them: their own tests compare with the sources of those that do', [
    'delifeq', 'msetex', 'hexpire', 'hpexpire', 'hexpireat', 'hpexpireat', 'httl', 'hpttl', 'hexpiretime', 'hpexpiretime', 'hpersist', 'hgetdel', 'hgetex',
    'hsetex', 'commandlog', 'waitaof',
  ]],
  ['the generator makes transactions as a whole', ['multi']],
  ['they follow another server: test/replication/import.test.ts', ['replicaof', 'slaveof']],
  ['the payload has the version of the server that made it: test/snapshot/rdb-redis.test.ts and dump-commands.test.ts exchange them', ['dump']],
  ['it changes the protocol of the connection, or ends it, behind the back of the comparison: test/server has them', ['hello', 'quit', 'reset']],
  ['its answer is of this very process, machine or moment', ['info', 'time', 'lolwut', 'memory', 'lastsave', 'role']],
  ['its answer depends on snapshots, other members or another server', ['migrate', 'save', 'bgsave', 'bgrewriteaof', 'failover', 'wait', 'shutdown', 'readonly', 'readwrite']],
  ['it is no command of users: the comparison itself uses it', ['debug']],
  ['what follows on the connection is pushed: test/server compares it', ['monitor', 'subscribe', 'unsubscribe', 'psubscribe', 'punsubscribe', 'ssubscribe', 'sunsubscribe']],
  ['redis-server has it only as Sentinel, or not at all', ['sentinel', 'holdfast']],
];

let rig: ServerRig;
beforeAll(async () => { rig = await ServerRig.start(); });
afterAll(() => rig.stop());

test('every command has a form, or a reason for none', () => {
  const random = new SeededRandom(1);
  const formed = new Set<string>();
  for (const { form } of COMMAND_FORMS) for (let n = 0; n < EXPANSIONS; n++) formed.add(form.expand(random)[0]!.toLowerCase());
  const excused = WITHOUT_FORM.flatMap(([, commands]) => commands);
  const names = [...rig.server.engine.table.commands()].map(({ name }) => name);
  expect(names.filter((name) => !formed.has(name) && !excused.includes(name))).toEqual([]);
  expect(excused.filter((name) => formed.has(name)), 'excused, and yet with a form').toEqual([]);
  expect(excused.filter((name) => !names.includes(name)), 'excused, and not there').toEqual([]);
});
