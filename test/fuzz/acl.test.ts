/**
 * Users made of rules of all kinds, whole and spoilt: what ACL LIST says makes the same user again, and so do the file and the log; and what
 * ACL DRYRUN says of a command is what becomes of it. test/server/acl-oracle.test.ts compares rules and decisions with redis-server's.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, test } from 'vitest';
import { User } from '../../src/engine/acl/user.ts';
import type { SeededRandom } from '../protocol/seeded-random.ts';
import { ServerRig, stringsOf } from '../server/server-rig.ts';
import type { TestClient } from '../support/holdfast-process.ts';
import { ScriptedLog } from '../support/scripted-log.ts';
import { FUZZ_TIMEOUT_MS, campaign } from './campaign.ts';

const CHANGES_PER_ROUND = 12;
const COMMANDS_PER_USER = 25;

const RULES = [
  'on', 'off', 'nopass', 'resetpass', 'reset', 'clearselectors', 'sanitize-payload', 'skip-sanitize-payload', '>pw', '<pw', `#${'a'.repeat(64)}`, `!${'a'.repeat(64)}`,
  '~*', 'allkeys', 'resetkeys', '~a*', '~*b', '%R~a*', '%W~*', '%RW~k:?', '%~x', '~[ab]', '~', '~a\\*', '&*', '&news', '&n*', 'allchannels', 'resetchannels', '&',
  '+@all', '-@all', 'allcommands', 'nocommands', '+@read', '-@write', '+@string', '-@dangerous', '+@nosuch', '+get', '-get', '+set', '+GET', '-set', '+select|1', '-config|get', '+config|get', '+config', '-config', '+mget', '-del',
  '+acl|whoami', '+publish', '+subscribe', '+eval', '(+get ~a*)', '(+@all ~* &*)', '(-@all +set %W~b)', '(&n* +publish)', '(', ')', '()', '(on)', '(+get', '~b)', '@all', '', '+', '-', '%', '#abc', '+nosuch',
];
const MARKS = ['|', '~', '&', '+', '-', '@', '(', ')', '%', '#', '"', '\xff', ' ', '\t', 'x', '*', '\\'];
const KEYS = ['a', 'b', 'ab', 'k:1', 'x', 'a*'];
/** What any user may be asked to do and nobody minds having done. */
const COMMANDS: readonly (readonly string[])[] = [
  ['GET', '?'], ['SET', '?', '1'], ['MGET', '?', '?'], ['DEL', '?'], ['COPY', '?', '?'], ['SET', '?', '1', 'GET'], ['APPEND', '?', '1'], ['PUBLISH', 'news', 'x'], ['PUBLISH', 'other', 'x'], ['SPUBLISH', 'news', 'x'],
  ['CONFIG', 'GET', 'port'], ['ACL', 'WHOAMI'], ['SELECT', '0'], ['PING'], ['ECHO', 'x'], ['EVAL', 'return 1', '1', '?'], ['SORT', '?', 'STORE', '?'], ['LMPOP', '2', '?', '?', 'LEFT'], ['BITFIELD', '?', 'GET', 'u8', '0'],
  ['BITFIELD', '?', 'SET', 'u8', '0', '1'], ['OBJECT', 'ENCODING', '?'], ['XREAD', 'STREAMS', '?', '0'], ['ZUNIONSTORE', '?', '1', '?'], ['TYPE', '?'], ['EXISTS', '?', '?'], ['KEYS', '*'], ['DBSIZE'], ['MEMORY', 'USAGE', '?'],
];

function garbled(random: SeededRandom, rule: string): string {
  const at = random.below(rule.length + 1);
  return rule.slice(0, at) + random.pick(['', ...MARKS]) + rule.slice(at + random.below(2));
}

const NOTHING = new Uint8Array(0);

/** Forgets what it has committed: all that a long campaign logs would look like a leak. */
class ForgetfulLog extends ScriptedLog {
  override commit(index = this.lastIndex): void {
    const from = this.commitIndex;
    super.commit(index);
    this.blocks.fill(NOTHING, from, index);
  }
}

let dir: string;
let rig: ServerRig;
let admin: TestClient;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'acl-fuzz-'));
  writeFileSync(join(dir, 'users.acl'), '');
  rig = await ServerRig.on(new ForgetfulLog('at once'), '--dir', dir, '--aclfile', 'users.acl');
  admin = await rig.connect();
});
afterAll(async () => {
  await rig.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** All users but the default one, as ACL LIST shows them. */
async function listed(): Promise<string[]> {
  return stringsOf(await admin.send('ACL', 'LIST')).filter((line) => !line.startsWith('user default '));
}

async function assertSame(what: string, expected: readonly string[]): Promise<void> {
  const found = await listed();
  if (found.join('\n') !== expected.join('\n')) throw new Error(`after ${what} the users are ${JSON.stringify(found)} instead of ${JSON.stringify(expected)}`);
}

/** A selector with a pattern that ends in a parenthesis reads as another one, and `~*` made of `%R~*` and `%W~*` as all there is, in Redis too. */
const AMBIGUOUS = / \(.*(\)\)|\) (?!\())|[ (][~%]\S* ~\*[ )]|[ (]~\* [~%]/;

/** What ACL LIST says of a user makes that user. @returns whether it does: false where what it says is ambiguous. */
async function remake(): Promise<boolean> {
  const { engine } = rig.server;
  const [line] = await listed();
  const user = engine.users.get('u')!;
  const copy = User.of('u', user.words(), engine.table);
  if (copy?.describe() !== user.describe()) throw new Error(`what is logged makes ${JSON.stringify(copy?.describe())} of ${JSON.stringify(user.describe())}`);
  if (AMBIGUOUS.test(line!)) return false;
  const words = line!.split(' ').slice(2);
  const reply = await admin.send('ACL', 'SETUSER', 'u', 'reset', ...words);
  if (reply !== '+OK') throw new Error(`${JSON.stringify(words)} of ACL LIST is refused: ${reply}`);
  await assertSame('SETUSER with what LIST says', [line!]);
  return true;
}

async function saveAndLoad(): Promise<void> {
  const before = await listed();
  for (const verb of ['SAVE', 'LOAD']) {
    const reply = await admin.send('ACL', verb);
    if (reply !== '+OK') throw new Error(`ACL ${verb}: ${reply} for ${JSON.stringify(before)}`);
  }
  await assertSame('SAVE and LOAD', before);
}

/** What the user really may is what DRYRUN says. */
async function decisions(random: SeededRandom): Promise<void> {
  const client = await rig.connect();
  try {
    // Whatever the rules say of passwords, this one may come in, and may do no more for it.
    await admin.send('ACL', 'SETUSER', 'u', 'on', 'nopass');
    const greeting = await client.send('AUTH', 'u', 'pw');
    if (greeting !== '+OK') throw new Error(`AUTH: ${greeting}`);
    for (let n = 0; n < COMMANDS_PER_USER; n++) {
      const words = random.pick(COMMANDS).map((word) => (word === '?' ? random.pick(KEYS) : word));
      const said = await admin.send('ACL', 'DRYRUN', 'u', ...words);
      const done = await client.send(...words);
      if ((said === '+OK') === done.startsWith('-NOPERM')) throw new Error(`${words.join(' ')}: DRYRUN says ${said}, and the command ${done}, to ${(await listed())[0]!}`);
    }
  } finally {
    client.close();
  }
}

test('rules of users', async () => {
  await campaign('ACL', 20, async (random) => {
    await admin.send('ACL', 'DELUSER', 'u');
    await admin.send('FLUSHALL');
    for (let n = 0; n < CHANGES_PER_ROUND; n++) {
      const rules = Array.from({ length: 1 + random.below(6) }, () => (random.below(4) === 0 ? garbled(random, random.pick(RULES)) : random.pick(RULES)));
      try {
        const before = await listed();
        const reply = await admin.send('ACL', 'SETUSER', 'u', ...rules);
        // A change is made whole or not at all.
        if (reply !== '+OK') await assertSame('a refused change', before);
        if (!rig.server.engine.users.names().includes('u')) continue;
        const isClear = await remake();
        if (isClear && random.below(3) === 0) await saveAndLoad();
        if (random.below(3) === 0) await decisions(random);
      } catch (error) {
        throw new Error(`${(error as Error).message}, behind ${JSON.stringify(rules)}`, { cause: error });
      }
    }
  });
}, FUZZ_TIMEOUT_MS);
