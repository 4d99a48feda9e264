/** ACL users through a server: rules and how they are shown, authentication, checks wherever commands run, the log of denials, files. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { TestClient } from '../support/holdfast-process.ts';
import { ServerRig, stringsOf } from './server-rig.ts';

let rig: ServerRig;
let admin: TestClient;
const sha = (text: string): string => createHash('sha256').update(text).digest('hex');
const PW = sha('pw');

beforeEach(async () => {
  rig = await ServerRig.start();
  admin = await rig.connect();
});
afterEach(() => rig.stop());

const send = (line: string, client = admin): Promise<string> => client.send(...line.split(' '));

/** A connection of a user that is made with these rules. */
async function as(name: string, rules: string): Promise<TestClient> {
  expect(await send(`acl setuser ${name} on >pw ${rules}`)).toBe('+OK');
  const client = await rig.connect();
  expect(await client.send('auth', name, 'pw')).toBe('+OK');
  return client;
}

const closed = (client: TestClient): Promise<void> => new Promise((resolve) => { client.socket.once('close', () => resolve()); });
const rulesOf = async (name: string): Promise<string> => stringsOf(await send('acl list')).find((line) => line.startsWith(`user ${name} `))!.slice(name.length + 6);

test.each([
  ['', 'off sanitize-payload resetchannels -@all'],
  ['on nopass ~* &* +@all', 'on nopass sanitize-payload ~* &* +@all'],
  ['on >pw >pw', `on sanitize-payload #${PW} resetchannels -@all`],
  ['>pw <pw nopass >pw', `off sanitize-payload #${PW} resetchannels -@all`],
  ['~a ~a %R~b %W~b %R~c %W~d', 'off sanitize-payload ~a ~b %R~c %W~d resetchannels -@all'],
  ['&a &b skip-sanitize-payload', 'off skip-sanitize-payload resetchannels &a &b -@all'],
  ['+get +set -get +GET', 'off sanitize-payload resetchannels -@all +set +get'],
  ['+@all -config +config|get -config|set', 'off sanitize-payload resetchannels +@all -config +config|get -config|set'],
  ['+config|get +config', 'off sanitize-payload resetchannels -@all +config'],
  ['+select|0 +select|1 -debug', 'off sanitize-payload resetchannels -@all +select|0 +select|1 -debug'],
  ['+@read -@write +@read', 'off sanitize-payload resetchannels -@all -@write +@read'],
  ['(+get ~a) (+set %R~b &c)', 'off sanitize-payload resetchannels -@all (~a resetchannels -@all +get) (%R~b resetchannels &c -@all +set)'],
  ['(+get ~a) clearselectors ()', 'off sanitize-payload resetchannels -@all (resetchannels -@all)'],
  ['on >pw ~* &* +@all (+get) reset', 'off sanitize-payload resetchannels -@all'],
])('rules "%s" are shown as Redis 7.2 shows them', async (rules, shown) => {
  expect(await send(`acl setuser alice ${rules}`.trim())).toBe('+OK');
  expect(await rulesOf('alice')).toBe(shown);
});

test('GETUSER, LIST, USERS, WHOAMI', async () => {
  await send('acl setuser alice on >pw ~a %R~b &c +@read (%W~d +set)');
  expect(stringsOf(await send('acl getuser alice'))).toEqual([
    'flags', 'on', 'sanitize-payload', 'passwords', PW, 'commands', '-@all +@read', 'keys', '~a %R~b', 'channels', '&c', 'selectors',
    'commands', '-@all +set', 'keys', '%W~d', 'channels', '',
  ]);
  expect(await send('acl getuser nobody')).toBe('$-1');
  expect(stringsOf(await send('acl users'))).toEqual(['alice', 'default']);
  expect(await rulesOf('default')).toBe('on nopass sanitize-payload ~* &* +@all');
  expect(await send('acl whoami')).toBe('default');
  expect(await (await as('bob', '+acl|whoami')).send('acl', 'whoami')).toBe('bob');
});

test.each([
  ['acl setuser a|b >x y', "-ERR Error in ACL SETUSER modifier 'y': Syntax error"],
  ['acl setuser alice +nosuch', "-ERR Error in ACL SETUSER modifier '+nosuch': Unknown command or category name in ACL"],
  ['acl setuser alice ~* ~a', "-ERR Error in ACL SETUSER modifier '~a': Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. Try 'resetkeys' to start with an empty list of patterns"],
  ['acl setuser alice <pw', "-ERR Error in ACL SETUSER modifier '<pw': The password you are trying to remove from the user does not exist"],
  ['acl setuser alice #12', "-ERR Error in ACL SETUSER modifier '#12': The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters"],
  ['acl setuser alice +config|get|x', "-ERR Error in ACL SETUSER modifier '+config|get|x': Allowing first-arg of a subcommand is not supported"],
  ['acl setuser alice (+get ~a', "-ERR Unmatched parenthesis in acl selector starting at '(+get'."],
  ['acl deluser alice default', "-ERR The 'default' user cannot be removed"],
  ['acl deluser alice', ':0'],
  ['acl cat nosuch', "-ERR Unknown category 'nosuch'"],
  ['acl genpass 0', '-ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096'],
  ['acl log x', '-ERR value is not an integer or out of range'],
  ['acl log 1 2', "-ERR unknown subcommand or wrong number of arguments for 'log'. Try ACL HELP."],
  ['acl dryrun nobody get a', "-ERR User 'nobody' not found"],
  ['acl dryrun default nosuch', "-ERR Command 'nosuch' not found"],
  ['acl dryrun default get', "-ERR wrong number of arguments for 'get' command"],
  ['acl dryrun default get a', '+OK'],
  ['acl nosuch', "-ERR unknown subcommand 'nosuch'. Try ACL HELP."],
  ['acl save', '-ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store users in the Redis configuration.'],
  ['client kill user nobody', "-ERR No such user 'nobody'"],
])('%s', async (line, reply) => {
  expect(await send(line)).toBe(reply);
  expect(stringsOf(await send('acl users'))).toEqual(['default']);
});

test('a user of a bad name is none, and GENPASS is as long as it should be', async () => {
  expect(await admin.send('acl', 'setuser', 'a b')).toBe("-ERR Usernames can't contain spaces or null characters");
  const [long, short] = [await send('acl genpass'), await send('acl genpass 5')];
  expect(long).toMatch(/^[0-9a-f]{64}$/);
  expect(short).toMatch(/^[0-9a-f]{2}$/);
  expect(await send('acl genpass')).not.toBe(long);
});

test('nothing that is written with a space in a file of users can be set', async () => {
  for (const rule of ['~a b', '&a b', '+select| 1', '+select|1 ']) {
    expect(await admin.send('acl', 'setuser', 'alice', rule)).toBe(`-ERR Error in ACL SETUSER modifier '${rule}': Syntax error`);
  }
});

test('authentication', async () => {
  const client = await rig.connect();
  await send('acl setuser alice on >one >two +ping');
  const wrong = '-WRONGPASS invalid username-password pair or user is disabled.';
  expect(await send('auth alice three', client)).toBe(wrong);
  expect(await send('auth nobody one', client)).toBe(wrong);
  expect(await send('auth alice two', client)).toBe('+OK');
  expect(await send('ping', client)).toBe('+PONG');
  // Passwords that come and go do not concern those who are in.
  await send('acl setuser alice off');
  expect(await send('auth alice one', client)).toBe(wrong);
  expect(await send('ping', client)).toBe('+PONG');
  await send('acl setuser alice on nopass');
  expect(await send('auth alice anything', client)).toBe('+OK');
  expect(await send('auth one', client)).toMatch(/^-ERR AUTH <password> called without any password configured for the default user/);
  // HELLO and RESET.
  expect(await send('hello 2 auth alice x setname me', client)).toContain('server');
  expect(await send('acl whoami', client)).toBe("-NOPERM User alice has no permissions to run the 'acl|whoami' command");
  expect(await send('reset', client)).toBe('+RESET');
  expect(await send('acl whoami', client)).toBe('default');
  expect(await send('info stats')).toMatch(/acl_access_denied_auth:3\r/);
});

test('a password of the default user, and a default user that is off', async () => {
  await send('config set requirepass first');
  expect(stringsOf(await send('config get requirepass'))).toEqual(['requirepass', 'first']);
  expect(await rulesOf('default')).toBe(`on sanitize-payload #${sha('first')} ~* &* +@all`);
  const client = await rig.connect();
  expect(await send('get a', client)).toBe('-NOAUTH Authentication required.');
  expect(await send('auth second', client)).toMatch(/^-WRONGPASS/);
  expect(await send('auth first', client)).toBe('+OK');
  await send('acl setuser default >second');
  expect(await send('auth default second', client)).toBe('+OK');
  await send('config set requirepass third');
  expect(await send('auth second', client)).toMatch(/^-WRONGPASS/);
  await send('acl setuser default nopass off');
  const late = await rig.connect();
  expect(await send('get a', late)).toBe('-NOAUTH Authentication required.');
  await send('acl setuser default on');
  expect(await send('get a', await rig.connect())).toBe('$-1');
});

test('texts of what may not be done', async () => {
  await send('config resetstat');
  const client = await as('alice', '+get +set +publish +subscribe ~a* &c*');
  expect(await send('get b', client)).toBe('-NOPERM No permissions to access a key');
  expect(await send('del a', client)).toBe("-NOPERM User alice has no permissions to run the 'del' command");
  expect(await send('config get x', client)).toBe("-NOPERM User alice has no permissions to run the 'config|get' command");
  expect(await send('publish x m', client)).toBe('-NOPERM No permissions to access a channel');
  expect(await send('publish c m', client)).toBe(':0');
  expect(await send('set a1 v', client)).toBe('+OK');
  expect(await send('acl dryrun alice get b')).toBe("User alice has no permissions to access the 'b' key");
  expect(await send('acl dryrun alice publish x m')).toBe("User alice has no permissions to access the 'x' channel");
  expect(await send('info stats')).toMatch(/acl_access_denied_cmd:2\r\nacl_access_denied_key:1\r\nacl_access_denied_channel:1\r/);
  expect(await send('info commandstats')).toMatch(/cmdstat_get:calls=0,[^\r]*rejected_calls=1,failed_calls=0/);
});

test('EXEC that is refused says so, even without a transaction', async () => {
  const client = await as('alice', '+@all -exec ~*');
  const denial = "NOPERM User alice has no permissions to run the 'exec' command";
  expect(await send('exec', client)).toBe(`-EXECABORT Transaction discarded because of: ${denial}`);
  await send('multi', client);
  expect(await send('exec', client)).toBe(`-EXECABORT Transaction discarded because of: ${denial}`);
  expect(await send('discard', client)).toBe('-ERR DISCARD without MULTI');
});

test('in transactions: when queued, and again when they run', async () => {
  const client = await as('alice', '+@all -shutdown ~a*');
  await send('multi', client);
  expect(await send('get b', client)).toBe('-NOPERM No permissions to access a key');
  expect(await send('exec', client)).toBe('-EXECABORT Transaction discarded because of previous errors.');
  await send('multi', client);
  expect(await send('set a 1', client)).toBe('+QUEUED');
  expect(await send('incr a', client)).toBe('+QUEUED');
  await send('acl setuser alice -incr');
  expect(await send('exec', client)).toBe('*2\r\n+OK\r\n-NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. '
    + 'This command is no longer allowed for the following reason: no permission to execute the command or subcommand');
  // A transaction that changes its own user.
  await send('multi', client);
  await send('acl setuser alice resetkeys', client);
  expect(await send('set a 2', client)).toBe('+QUEUED');
  expect(await send('exec', client)).toMatch(/\+OK\r\n-NOPERM ACLs rules changed.*no permission to touch the specified keys$/);
  expect(await send('get a')).toBe('1');
  const log = stringsOf(await send('acl log'));
  expect(log.slice(2, 10)).toEqual(['reason', 'key', 'context', 'multi', 'object', 'a', 'username', 'alice']);
});

test('in scripts and functions, as the caller', async () => {
  const client = await as('alice', '+eval +fcall +get ~a*');
  const text = /^-ERR ACL failure in script: User alice has no permissions to run the 'set' command script: \w+, on @user_script:1\.$/;
  expect(await client.send('eval', "return redis.call('set', KEYS[1], 'v')", '1', 'a')).toMatch(text);
  expect(await client.send('eval', "return redis.call('get', 'b')", '0')).toMatch(/^-ERR ACL failure in script: No permissions to access a key/);
  expect(await client.send('eval', "return redis.pcall('set', 'a', 'v')['err']", '0')).toBe("ERR ACL failure in script: User alice has no permissions to run the 'set' command");
  expect(await client.send('eval', 'return 1', '1', 'b')).toBe('-NOPERM No permissions to access a key');
  expect(await client.send('eval', "return redis.call('get', KEYS[1])", '1', 'a')).toBe('$-1');
  expect(await client.send('eval', "return {redis.acl_check_cmd('set','a','x'), redis.acl_check_cmd('get','a'), redis.acl_check_cmd('get','b'), redis.acl_check_cmd('config','get','x')}", '0'))
    .toBe('*4\r\n$-1\r\n:1\r\n$-1\r\n$-1');
  await admin.send('function', 'load', "#!lua name=l\nredis.register_function('f', function(keys) return redis.call('del', 'a') end)");
  expect(await client.send('fcall', 'f', '0')).toMatch(/^-ERR ACL failure in script: User alice has no permissions to run the 'del' command/);
  expect(stringsOf(await send('acl log 1'))).toEqual(expect.arrayContaining(['context', 'lua', 'object', 'del']));
  // The same script for somebody who may.
  expect(await admin.send('eval', "return redis.call('set', KEYS[1], 'v')", '1', 'a')).toBe('+OK');
});

test('SORT reads other keys only for who may read all', async () => {
  await send('rpush list 2 1');
  const some = await as('some', '+sort ~list %R~w*');
  const all = await as('all', '+sort ~list %R~*');
  expect(await send('sort list', some)).toBe('*2\r\n$1\r\n1\r\n$1\r\n2');
  expect(await send('sort list by w_*', some)).toBe('-ERR BY option of SORT denied due to insufficient ACL permissions.');
  expect(await send('sort list by nosort', some)).toBe('*2\r\n$1\r\n2\r\n$1\r\n1');
  expect(await send('sort list get d_*', some)).toBe('-ERR GET option of SORT denied due to insufficient ACL permissions.');
  expect(await send('sort list by w_* get #', all)).toBe('*2\r\n$1\r\n1\r\n$1\r\n2');
  expect(await send('sort list store other', all)).toBe('-NOPERM No permissions to access a key');
});

test('a blocked client is served by the permissions of that time', async () => {
  const client = await as('alice', '+@all ~*');
  const popped = send('blpop list 0', client);
  await expect.poll(() => rig.server.engine.blocking.count).toBe(1);
  await send('acl setuser alice resetkeys');
  await send('rpush list a');
  expect(await popped).toBe('-NOPERM No permissions to access a key');
  expect(await send('lrange list 0 -1')).toBe('*1\r\n$1\r\na');
  expect(await send('ping', client)).toBe('+PONG');
});

test('who listens to what it may not any more is disconnected', async () => {
  const rules = '+@all &a* &b';
  const subscriber = await as('alice', rules);
  const other = await as('alice', rules);
  const patterns = await as('alice', rules);
  expect(await send('psubscribe a', patterns)).toBe('-NOPERM No permissions to access a channel');
  await send('subscribe a1', subscriber);
  await send('subscribe b', other);
  await send('psubscribe a*', patterns);
  const [firstEnd, patternEnd] = [closed(subscriber), closed(patterns)];
  // More than before, and other things, harm nobody.
  await send('acl setuser alice &c +get');
  expect(stringsOf(await send('pubsub numsub a1 b'))).toEqual(['a1', '1', 'b', '1']);
  expect(await send('pubsub numpat')).toBe(':1');
  await send('acl setuser alice resetchannels &b');
  await firstEnd;
  await patternEnd;
  expect(stringsOf(await send('pubsub numsub a1 b'))).toEqual(['a1', '0', 'b', '1']);
  expect(await send('pubsub numpat')).toBe(':0');
});

test('connections of a deleted user end, their own command answered', async () => {
  const client = await as('alice', '+@all ~*');
  const bob = await as('bob', '+@all ~*');
  const [clientEnd, bobEnd] = [closed(client), closed(bob)];
  expect(await send('acl deluser bob alice nobody', client)).toBe(':2');
  await Promise.all([clientEnd, bobEnd]);
  expect(await send('acl whoami')).toBe('default');
});

test('CLIENT LIST and KILL know users', async () => {
  const client = await as('alice', '+ping');
  expect(await send('client list')).toMatch(/ user=alice /);
  const end = closed(client);
  expect(await send('client kill user alice')).toBe(':1');
  await end;
});

test('ACL LOG groups what is alike', async () => {
  const client = await as('alice', '+get ~a');
  for (let i = 0; i < 3; i++) await send('get b', client);
  await send('del a', client);
  await send('get b', client);
  const entries = await send('acl log');
  expect(entries.startsWith('*2\r\n*20\r\n')).toBe(true);
  const words = stringsOf(entries);
  expect(words.slice(0, 10)).toEqual(['count', '4', 'reason', 'key', 'context', 'toplevel', 'object', 'b', 'username', 'alice']);
  expect(words.filter((_, i) => i % 2 === 0).slice(5, 10)).toEqual(['age-seconds', 'client-info', 'entry-id', 'timestamp-created', 'timestamp-last-updated']);
  expect(words[13]).toMatch(/ cmd=get user=alice /);
  expect(words.slice(20, 28)).toEqual(['count', '1', 'reason', 'command', 'context', 'toplevel', 'object', 'del']);
  await send('auth nobody x', client);
  expect(stringsOf(await send('acl log 1')).slice(0, 10)).toEqual(['count', '1', 'reason', 'auth', 'context', 'toplevel', 'object', 'auth', 'username', 'nobody']);
  await send('config set acllog-max-len 1');
  expect((await send('acl log')).startsWith('*1\r\n')).toBe(true);
  expect(await send('acl log reset')).toBe('+OK');
  expect(await send('acl log')).toBe('*0');
});

test('acl-pubsub-default decides for new users and selectors', async () => {
  await send('config set acl-pubsub-default allchannels');
  await send('acl setuser alice (+get)');
  expect(await rulesOf('alice')).toBe('off sanitize-payload &* -@all (&* -@all +get)');
  await send('config set acl-pubsub-default resetchannels');
  await send('acl setuser alice reset');
  expect(await rulesOf('alice')).toBe('off sanitize-payload resetchannels -@all');
});

test('passwords are nowhere in clear: not in the log, not in SLOWLOG', async () => {
  await send('config set slowlog-log-slower-than 0');
  await send('acl setuser alice on >verysecret +@all');
  await send('config set requirepass alsosecret');
  const slow = await send('slowlog get -1');
  expect(slow).not.toContain('secret');
  expect(slow).toContain('(redacted)');
  const [block] = rig.server.engine.users.entries().map(String);
  expect(rig.server.engine.users.snapshotText).toContain(sha('verysecret'));
  expect(`${block!}${rig.server.engine.users.snapshotText!}`).not.toContain('verysecret');
});

describe('in files', () => {
  let dir: string;
  beforeEach(() => { dir = mkdtempSync(join(tmpdir(), 'holdfast-acl-')); });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  async function restart(...args: string[]): Promise<void> {
    await rig.stop();
    rig = await ServerRig.start(...args);
    admin = await rig.connect();
  }

  test('aclfile: read at the start, written by SAVE, taken anew by LOAD', async () => {
    const path = join(dir, 'users.acl');
    writeFileSync(path, `user alice on #${PW} ~a +get\n\nuser default on nopass ~* &* +@all\n`);
    await restart('--dir', dir, '--aclfile', 'users.acl');
    expect(await rulesOf('alice')).toBe(`on sanitize-payload #${PW} ~a resetchannels -@all +get`);
    const [client, bob] = [await rig.connect(), await as('bob', '+@all')];
    expect(await send('auth alice pw', client)).toBe('+OK');
    expect(await send('acl save')).toBe('+OK');
    expect(readFileSync(path, 'latin1')).toBe(
      `user alice on sanitize-payload #${PW} ~a resetchannels -@all +get\nuser bob on sanitize-payload #${PW} resetchannels +@all\nuser default on nopass sanitize-payload ~* &* +@all\n`,
    );
    writeFileSync(path, 'user alice on nopass ~b +get (+set\nusr x\nuser y +nosuch +what nonsense\nuser y');
    expect(await send('acl load')).toBe(`-ERR ${path}:1: Unmatched parenthesis in selector definition.${path}:2 should start with user keyword followed by the username. `
      + `${path}:3: Error in applying operation '+nosuch': Unknown command or category name in ACL. ${path}:3: Error in applying operation '+what': Unknown command or category name in ACL. `
      + `${path}:3: Syntax error. WARNING: Duplicate user 'y' found on line 4. WARNING: ACL errors detected, no change to the previously active ACL rules was performed`);
    writeFileSync(path, 'user alice on nopass ~b +get');
    const end = closed(bob);
    expect(await send('acl load')).toBe('+OK');
    await end;
    expect(await send('get b', client)).toBe('$-1');
    expect(await send('get a', client)).toBe('-NOPERM No permissions to access a key');
    expect(stringsOf(await send('acl users'))).toEqual(['alice', 'default']);
    rmSync(path);
    expect(await send('acl load')).toBe(`-ERR Error loading ACLs, opening file '${path}': No such file or directory`);
  });

  test('user directives, and CONFIG REWRITE', async () => {
    const path = join(dir, 'redis.conf');
    writeFileSync(path, `user alice on >pw ~a* ( +get\nuser bob on nopass +ping\nmaxclients 77\n`.replace('( ', '(%R~b ').replace('+get\n', '+get )\n'));
    await restart(path, '--dir', dir);
    expect(await rulesOf('alice')).toBe(`on sanitize-payload #${PW} ~a* resetchannels -@all (%R~b resetchannels -@all +get)`);
    await send('acl deluser bob');
    expect(await send('config rewrite')).toBe('+OK');
    const lines = readFileSync(path, 'latin1').split('\n');
    expect(lines.filter((line) => line.startsWith('user '))).toEqual([
      `user alice on sanitize-payload #${PW} ~a* resetchannels -@all (%R~b resetchannels -@all +get)`, 'user default on nopass sanitize-payload ~* &* +@all',
    ]);
    await restart(path, '--dir', dir);
    expect(stringsOf(await send('acl users'))).toEqual(['alice', 'default']);
  });

  test.each([
    [['--user', 'alice', 'on', '+nosuch'], /rule '\+nosuch' for the user named 'alice': Unknown command/],
    [['--user', 'alice', 'on', '(+get'], /Unmatched parenthesis/],
    [['--user', 'alice', '--user', 'alice'], /Duplicate user found/],
    [['--user', 'alice', '--aclfile', '/nosuch'], /define them in one place/],
    [['--aclfile', '/nosuch/file'], /opening file '\/nosuch\/file': No such file or directory/],
  ])('%s stops the start', async (args, text) => {
    await expect(ServerRig.start(...args)).rejects.toThrow(text);
  });

  test('requirepass and a user line of the default user: the line counts', async () => {
    await restart('--requirepass', 'x', '--user', 'default', 'on', '>pw', '+@all', '~*');
    expect(await send('get a')).toBe('-NOAUTH Authentication required.');
    expect(await send('auth x')).toMatch(/^-WRONGPASS/);
    expect(await send('auth pw')).toBe('+OK');
  });
});
