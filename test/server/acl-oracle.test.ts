/**
 * Users, commands, keys and channels from a seed: rules are taken or refused, and commands allowed or denied, as redis-server does. ACL_USERS
 * and ACL_SEED choose how many users and which; ACL_FUZZ_RULES how many rules are made up.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { User } from '../../src/engine/acl/user.ts';
import { SeededRandom } from '../protocol/seeded-random.ts';
import { Generator } from '../differential/generator.ts';
import { TestClient } from '../support/holdfast-process.ts';
import { RedisProcess, redisServerMissing } from '../support/redis-process.ts';
import { ServerRig, stringsOf } from './server-rig.ts';
import { testSeed } from '../support/test-seed.ts';

const USERS = Number(process.env['ACL_USERS'] ?? 60);
const FUZZ_RULES = Number(process.env['ACL_FUZZ_RULES'] ?? 1500);
const SEED = testSeed('ACL_SEED', 4711);
const COMMANDS_PER_USER = 120;
const CHANNELS = ['news', 'news.eu', 'chat:1', 'chat:*', '*', 'x'];
const CHANNEL_RULES = ['&news', '&news.*', '&chat:*', '&*', 'allchannels', 'resetchannels', '&'];
const KEY_RULES = ['~*', 'allkeys', 'resetkeys', '~str:*', '~*:1', '%R~*', '%W~*', '%RW~set:*', '%R~str:?', '%W~z*', '~[hl]*', '%R~*:[0-1]', '%wr~geo:*', '~', '~a\\*b'];
const WRONG = [
  'nosuch', '+nosuch', '-nosuch', '+@nosuch', '-config|nosuch', '+config|get|x', '+get|', '%~x', '%RR~x', '%X~x', '~a b', '&a b', '#abc', '!abc', '<none', '(', ')', '(+nosuch)', '(on)', '(nopass)',
  '(>pw)', '-select|0', '+', '-', '+@', '@all', '',
];

let rig: ServerRig;
let ours: TestClient;

beforeAll(async () => {
  rig = await ServerRig.start();
  ours = await rig.connect();
});
afterAll(() => rig.stop());

/** Replies of redis-server 7.0 in the words of 7.2. */
function asNewer(reply: string, user: string): string {
  return reply.replace(/^This user has/, `User ${user} has`);
}

describe.skipIf(redisServerMissing)(`beside redis-server, from seed ${SEED}`, () => {
  let redis: RedisProcess;
  let theirs: TestClient;
  /** Names that both have, and their categories there. */
  let common: string[] = [];

  beforeAll(async () => {
    redis = await RedisProcess.start();
    theirs = await TestClient.connect(redis.port);
    const here = new Set(stringsOf(await ours.send('command', 'list')));
    // DEBUG has no subcommands there, and the categories of WAIT follow from flags that 7.2 has changed.
    common = stringsOf(await theirs.send('command', 'list')).filter((name) => here.has(name) && !/^(debug|wait$)/.test(name));
  });
  afterAll(async () => {
    theirs.close();
    await redis.stop();
  });

  const both = async (...words: string[]): Promise<readonly [string, string]> => [await ours.send(...words), await theirs.send(...words)];

  test('every category holds the same commands', async () => {
    const [categories, wanted] = await both('acl', 'cat');
    expect(stringsOf(categories)).toEqual(stringsOf(wanted));
    const shared = new Set(common);
    for (const category of stringsOf(wanted)) {
      const [here, there] = await both('acl', 'cat', category);
      const names = (reply: string): string[] => stringsOf(reply).filter((name) => shared.has(name)).sort();
      expect(names(here), category).toEqual(names(there));
    }
  });

  function commandRule(random: SeededRandom): string {
    const sign = random.float() < 0.6 ? '+' : '-';
    const choice = random.float();
    if (choice < 0.4) return `${sign}@${random.pick(['read', 'write', 'string', 'hash', 'keyspace', 'fast', 'slow', 'dangerous', 'admin', 'pubsub', 'connection', 'set', 'stream', 'all', 'scripting', 'blocking'])}`;
    if (choice < 0.5) return random.pick(['allcommands', 'nocommands']);
    if (choice < 0.6) return `+${random.pick(['select', 'get', 'ping', 'set'])}|${random.pick(['0', '1', 'str:0', 'ABC'])}`;
    const name = random.pick(common);
    return sign + (random.float() < 0.3 ? name.toUpperCase() : name);
  }

  function permissionRule(random: SeededRandom): string {
    const choice = random.float();
    return choice < 0.5 ? commandRule(random) : choice < 0.8 ? random.pick(KEY_RULES) : random.pick(CHANNEL_RULES);
  }

  function rule(random: SeededRandom): string {
    const choice = random.float();
    if (choice < 0.06) return random.pick(WRONG);
    if (choice < 0.12) return random.pick(['on', 'off', 'nopass', 'resetpass', 'reset', 'clearselectors', 'sanitize-payload', 'skip-sanitize-payload', '>pw', '>other', '<pw', `#${'0'.repeat(64)}`]);
    if (choice < 0.2) return `(${Array.from({ length: 1 + random.below(4) }, () => permissionRule(random)).filter((word) => word !== '&' && word !== '~').join(' ')})`;
    return permissionRule(random);
  }

  const makeRules = (random: SeededRandom): string[] => Array.from({ length: 1 + random.below(8) }, () => rule(random));

  /** Sets the user on both sides; their replies must agree. */
  async function setUser(name: string, rules: readonly string[]): Promise<void> {
    const [here, there] = await both('acl', 'setuser', name, ...rules);
    expect(here, `seed ${SEED}: ${JSON.stringify(rules)}`).toBe(there);
  }

  function channelCommand(random: SeededRandom): readonly string[] {
    const channel = (): string => random.pick(CHANNELS);
    return random.pick([
      ['PUBLISH', channel(), 'x'], ['SPUBLISH', channel(), 'x'], ['SUBSCRIBE', channel(), channel()], ['PSUBSCRIBE', channel()], ['SSUBSCRIBE', channel()],
      ['UNSUBSCRIBE', channel()], ['PUNSUBSCRIBE', channel()],
    ]);
  }

  const key = (random: SeededRandom): string => `${random.pick(['str', 'set', 'zset', 'geo', 'hash'])}:${random.below(3)}`;

  /** Commands without a form: of the server, and those whose keys are hard to find. */
  function otherCommand(random: SeededRandom): readonly string[] {
    const count = String(random.below(4));
    const names = [key(random), key(random)];
    const anyName = random.pick(common);
    return random.pick([
      ['EVAL', 'return 1', count, ...names], ['EVALSHA', 'x', count, ...names, 'arg'], ['FCALL', 'f', count, ...names], ['FCALL_RO', 'f', count, ...names],
      ['SORT', key(random), 'BY', 'w_*', 'GET', 'd_*', 'STORE', key(random)], ['SORT_RO', key(random), 'GET', '#'], ['SORT', key(random), 'LIMIT', '0', '1', 'STORE', key(random), 'STORE', key(random)],
      ['GEORADIUS', key(random), '1', '2', '3', 'm', 'STORE', key(random)], ['GEORADIUS', key(random), '1', '2', '3', 'm', 'STOREDIST', key(random)], ['GEORADIUS_RO', key(random), '1', '2', '3', 'm'],
      ['XREAD', 'COUNT', '1', 'STREAMS', ...names, '0', '0'], ['XREAD', 'STREAMS', ...names, '0'], ['XREADGROUP', 'GROUP', 'g', 'streams', 'STREAMS', key(random), '>'],
      ['SET', key(random), 'v', 'GET'], ['SET', key(random), 'get'], ['BITFIELD', key(random), 'GET', 'u8', '0'], ['BITFIELD', key(random), 'GET', 'u8', '0', 'SET', 'u8', '0', '1'], ['BITFIELD', key(random), 'OVERFLOW', 'SAT'],
      ['ZUNIONSTORE', key(random), count, ...names], ['SINTERCARD', count, ...names], ['LMPOP', count, ...names, 'LEFT'], ['BLMPOP', '0', count, ...names, 'LEFT'], ['ZDIFF', count, ...names],
      ['COPY', ...names], ['RENAME', ...names], ['LCS', ...names], ['OBJECT', 'ENCODING', key(random)], ['MEMORY', 'USAGE', key(random)], ['XINFO', 'STREAM', key(random)], ['XGROUP', 'CREATE', key(random), 'g', '0'],
      ['SELECT', random.pick(['0', '1', '2'])], ['GET', random.pick(['str:0', 'abc'])], ['CONFIG', 'GET', 'x'], ['CONFIG', 'SET', 'a', 'b'], ['CLIENT', 'ID'], ['AUTH', 'x'], ['HELLO'], ['RESET'], ['PING'], ['MULTI'], ['EXEC'],
      ['NOSUCH', 'x'], ['CONFIG', 'NOSUCH'], ['GET'], anyName.split('|'), [...anyName.split('|'), key(random), key(random)],
    ]);
  }

  test(`${USERS} users run what they may`, async () => {
    const random = new SeededRandom(SEED);
    const known = new Set(common.map((name) => name.toUpperCase()));
    const generator = new Generator(random, known);
    const differing: string[] = [];
    let allowed = 0;
    let deniedKeys = 0;
    let deniedChannels = 0;
    for (let n = 0; n < USERS; n++) {
      const name = `user-${n}`;
      for (let changes = 1 + random.below(3); changes > 0; changes--) await setUser(name, makeRules(random));
      if (random.float() < 0.5) await setUser(name, [random.pick(['+@all', '+@read', '+@all -@dangerous'])].flatMap((word) => word.split(' ')));
      await setUser(name, []);
      const commands: (readonly string[])[] = [];
      while (commands.length < COMMANDS_PER_USER) {
        const choice = random.float();
        if (choice < 0.2) commands.push(channelCommand(random));
        else if (choice < 0.5) commands.push(otherCommand(random));
        else commands.push(...generator.unit());
      }
      const asked = commands.filter((words) => !words.some((word) => word.includes('\0')) && (known.has(words[0]!.toUpperCase()) || words[0] === 'NOSUCH'));
      const here = await Promise.all(asked.map((words) => ours.send('acl', 'dryrun', name, ...words)));
      const there = await Promise.all(asked.map((words) => theirs.send('acl', 'dryrun', name, ...words)));
      for (const [i, words] of asked.entries()) {
        const wanted = asNewer(there[i]!, name);
        if (here[i] === '+OK') allowed++;
        if (/ key$/.test(wanted)) deniedKeys++;
        if (/ channel$/.test(wanted)) deniedChannels++;
        if (here[i] !== wanted) differing.push(`${JSON.stringify(words)} of ${await ours.send('acl', 'list')}:\n  redis:    ${wanted}\n  holdfast: ${here[i]!}`.replace(/\r\n/g, ' '));
      }
      expect(differing.slice(0, 3), `seed ${SEED}`).toEqual([]);
      await both('acl', 'deluser', name);
    }
    // Otherwise it has compared nothing.
    expect(Math.min(allowed, deniedKeys, deniedChannels)).toBeGreaterThan(USERS);
  });

  test('made-up rules are taken or refused alike, and survive the log', async () => {
    const random = new SeededRandom(SEED + 1);
    const { users } = rig.server.engine;
    const garble = (word: string): string => {
      const at = random.below(word.length + 1);
      const choice = random.float();
      if (choice < 0.3) return word.slice(0, at) + random.pick(['|', '~', '&', '+', '-', '@', '(', ')', '%', '#', '\x00', ' ', '\xff', '"', 'x']) + word.slice(at);
      return choice < 0.5 ? word.slice(0, at) : word;
    };
    let taken = 0;
    for (let made = 0; made < FUZZ_RULES; made++) {
      const rules = makeRules(random).map(garble);
      // Redis takes rules as C strings here and there: a zero byte ends them. What is in quotes within a selector it unquotes, and where quotes
      // do not match it takes none of its rules. 7.0 begins a selector anew at its second parenthesis. A lone percent sign ends a
      // redis-server when the user is shown. First arguments may have spaces there.
      const text = rules.join(' ');
      const begun = rules.filter((word) => word.startsWith('(') && !word.endsWith(')')).length;
      const isTheirs = begun < 2 && !text.includes('\0') && !(text.includes('"') && text.includes('(')) && !/(^| |\()%( |\)|$)/.test(text)
        && !rules.some((word) => /^\+.*\|.*\s/.test(word));
      const name = isTheirs ? 'both' : 'ours';
      if (isTheirs) await setUser(name, rules);
      else await ours.send('acl', 'setuser', name, ...rules);
      const user = users.get(name);
      if (user === undefined) continue;
      taken++;
      // What is logged makes the same user again.
      const words = user.words();
      const copy = User.of(name, words, rig.server.engine.table);
      expect(copy?.describe(), `seed ${SEED}: ${JSON.stringify(words)}`).toBe(user.describe());
    }
    expect(taken).toBeGreaterThan(0);
  });
});
