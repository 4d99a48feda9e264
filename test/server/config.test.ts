/** redis.conf, redis-server's arguments, CONFIG GET, SET and REWRITE. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { ConfigError, readArguments } from '../../src/server/config/config-file.ts';
import { rewriteText } from '../../src/server/config/config-rewrite.ts';
import { Config } from '../../src/server/config/config.ts';
import { DIRECTIVES } from '../../src/server/config/directives.ts';
import { quoteWord, splitWords } from '../../src/shared/split-words.ts';
import { ServerRig, stringsOf } from './server-rig.ts';

const dir = mkdtempSync(join(tmpdir(), 'holdfast-config-'));
afterAll(() => { rmSync(dir, { recursive: true }); });

function file(name: string, text: string): string {
  writeFileSync(join(dir, name), text, 'latin1');
  return join(dir, name);
}

function load(...args: string[]): Config {
  const { directives, file: path } = readArguments(args);
  return Config.from(directives, path);
}

function reasonOf(...args: string[]): string {
  try {
    load(...args);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return 'accepted';
}

const fatal = (line: number, text: string, reason: string): string =>
  `\n*** FATAL CONFIG FILE ERROR (Redis 7.2.0) ***\nReading the configuration file, at line ${line}\n>>> '${text}'\n${reason}`;

describe('files and arguments', () => {
  test('comments, quotes, units, several values, arguments over the file', () => {
    const path = file('a.conf', '# comment\n\n  requirepass "a \\x41\\"b" \r\nMAXCLIENTS 77\nclient-query-buffer-limit 2mb\nsave 900 1\nsave 300 10\nbind 127.0.0.1 ::1\n');
    const config = load(path, '--maxclients', '78', '--dir', dir);
    expect(config.string('requirepass')).toBe('a A"b');
    expect(config.number('maxclients')).toBe(78);
    expect(config.number('client-query-buffer-limit')).toBe(2 * 1024 * 1024);
    expect(config.string('save')).toBe('900 1 300 10');
    expect(config.string('bind')).toBe('127.0.0.1 ::1');
    expect(config.file).toBe(path);
  });

  test("save '' and save without a value end all save points", () => {
    expect(load('--save', '900', '1').string('save')).toBe('900 1');
    expect(load('--save', '900 1').string('save')).toBe('900 1');
    expect(load(file('save.conf', 'save 900 1\nsave ""\nsave 60 5\n')).string('save')).toBe('60 5');
    expect(load(file('save.conf', 'save 900 1\n'), '--save', '').string('save')).toBe('');
    expect(load(file('save.conf', 'save 900 1\n'), '--save', '--port', '0').string('save')).toBe('');
  });

  test('include takes globs, in order, and files of files', () => {
    file('inc-1.conf', 'timeout 1\n');
    file('inc-2.conf', 'timeout 2\nhz 20\n');
    file('outer.conf', `include ${join(dir, 'inc-?.conf')}\n`);
    const config = load(file('main.conf', `include ${join(dir, 'outer.conf')}\nmaxclients 5\n`));
    expect([config.number('timeout'), config.number('hz'), config.number('maxclients')]).toEqual([2, 20, 5]);
    expect(reasonOf(file('loop.conf', `include ${join(dir, 'loop.conf')}\n`))).toContain('nested too deeply');
    expect(reasonOf('--include', join(dir, 'none.conf'))).toBe(`Fatal error, can't open config file '${join(dir, 'none.conf')}': No such file or directory`);
  });

  test('what is wrong is said with line and reason, as Redis says it', () => {
    expect(reasonOf('--port', 'abc')).toBe(fatal(2, 'port "abc"', "argument couldn't be parsed into an integer"));
    expect(reasonOf('--foo', 'bar')).toBe(fatal(2, 'foo "bar"', 'Bad directive or wrong number of arguments'));
    expect(reasonOf('--port')).toBe(fatal(2, 'port', 'wrong number of arguments'));
    expect(reasonOf('--port', '1', '2')).toBe(fatal(2, 'port "1" "2"', 'wrong number of arguments'));
    expect(reasonOf('--appendonly', 'maybe')).toBe(fatal(2, 'appendonly "maybe"', "argument must be 'yes' or 'no'"));
    expect(reasonOf('--rename-command', 'a')).toBe(fatal(2, 'rename-command "a"', 'Bad directive or wrong number of arguments'));
    expect(reasonOf('--client-output-buffer-limit', 'normal', '1')).toBe(
      fatal(2, 'client-output-buffer-limit "normal" "1"', 'Wrong number of arguments in buffer limit configuration.'),
    );
    expect(reasonOf(file('b.conf', '# x\nport 0\n foo "bar\n'))).toBe(fatal(3, 'foo "bar', 'Unbalanced quotes in configuration line'));
  });

  test('what cannot be had is refused, not ignored', () => {
    for (const line of ['cluster-enabled yes', 'replicaof a 1', 'daemonize yes', 'loadmodule x.so']) {
      expect(reasonOf(file('c.conf', `${line}\n`)), line).toContain(`>>> '${line}'`);
    }
    expect(reasonOf('--cluster-enabled', 'no', '--tls-port', '0')).toBe('accepted');
  });

  test('what has no effect is accepted, shown, and named in the log with its reason', () => {
    const config = load('--appendonly', 'no', '--appendfsync', 'everysec', '--save', '60', '1', '--rdbcompression', 'yes', '--io-threads', '4');
    expect(config.string('appendfsync')).toBe('everysec');
    expect(config.notices).toEqual([
      "'appendonly no' has no effect: every acknowledged write is in the transaction log: there is no running without it",
      "'appendfsync everysec' has no effect: a write is acknowledged only after its log record is fsynced",
      "'save 60 1' has no effect: snapshots are scheduled by the size of the transaction log, which holds every write in any case",
      "'io-threads 4' has no effect: commands run in one thread; sockets and the log have threads of their own",
    ]);
    expect(load('--appendonly', 'yes', '--save', '').notices).toEqual([]);
  });

  test('every default passes its own check', () => {
    const given = DIRECTIVES.filter((row) => row.default !== '').map((row) => ({ name: row.name, values: row.default.split(row.kind.type === 'words' ? ' ' : '\0'), line: 0, text: row.name }));
    expect(Config.from(given).notices).toEqual([]);
    expect(new Set(DIRECTIVES.flatMap((row) => [row.name, ...row.aliases])).size).toBe(DIRECTIVES.reduce((n, row) => n + 1 + row.aliases.length, 0));
  });

  test.each([['redis-server 7.0 shows', 'redis-7.0-parameters.txt'], ['Redis 7.4 and Valkey 8.1 have beside those', 'newer-parameters.txt']])('every parameter that %s is known', (_title, file) => {
    const names = readFileSync(fileURLToPath(new URL(file, import.meta.url)), 'utf8').trim().split('\n');
    const config = new Config();
    expect(names.filter((name) => config.get([name]).length === 0)).toEqual([]);
  });

  test('a process ends with code 1 and the reason on standard error', () => {
    const executable = fileURLToPath(new URL('../../bin/holdfast.js', import.meta.url));
    const { status, stderr } = spawnSync(executable, ['server', '-', '--dir', dir], { input: 'port 0\nbogus 1\n', encoding: 'utf8' });
    expect(status).toBe(1);
    expect(stderr).toContain(fatal(2, 'bogus 1', 'Bad directive or wrong number of arguments'));
  });
});

test('quoted words are read back as they were', () => {
  for (const word of ['', 'plain', 'a b', '"', "'", '\\', '\n\r\t\x07\b', '\x00\xff', '{title} {x}']) {
    expect(splitWords(quoteWord(word)), JSON.stringify(word)).toEqual([word]);
    expect(splitWords(quoteWord(word, true)), JSON.stringify(word)).toEqual([word]);
  }
});

describe('CONFIG REWRITE', () => {
  const settings = (config: Config): { row: (typeof DIRECTIVES)[number]; value: string }[] => DIRECTIVES.map((row) => ({ row, value: config.string(row.name) }));

  test('keeps comments, order and foreign lines; new settings go to the end', () => {
    const text = '# mine\nport 0\n\nclient-query-buffer-limit 100mb\n# another\nsave 900 1\nsave 300 10\nclient-output-buffer-limit normal 1mb 0 0\nrequirepass "a b"\nrename-command FLUSHALL ""\nslave-priority 10\ninclude /x\n';
    const config = load(file('d.conf', text.replace('include /x\n', '')));
    config.set([['client-query-buffer-limit', '1073741824'], ['timeout', '7'], ['save', '60 2']]);
    config.set([['requirepass', 'c"d']]);
    const once = rewriteText(text, settings(config).filter(({ row }) => row.name !== 'dir'), []);
    expect(once).toBe([
      '# mine', 'port 0', '', 'client-query-buffer-limit 1gb', '# another', 'save 60 2',
      'client-output-buffer-limit normal 1mb 0 0', 'client-output-buffer-limit replica 256mb 64mb 60', 'client-output-buffer-limit pubsub 32mb 8mb 60',
      'requirepass "c\\"d"', 'rename-command FLUSHALL ""', 'replica-priority 10', 'include /x', '', '# Generated by CONFIG REWRITE', 'timeout 7', '',
    ].join('\n'));
    expect(rewriteText(once, settings(config).filter(({ row }) => row.name !== 'dir'), [])).not.toContain('timeout 7\ntimeout');
  });

  test('a server started from the rewritten file has the same settings, for any setting', () => {
    const path = file('e.conf', '# only a comment\n');
    const config = load(path);
    for (const row of DIRECTIVES.filter(({ mutable, refuse, atStartOnly }) => mutable && refuse === null && atStartOnly === null)) {
      const { kind } = row;
      if (kind.type === 'bool') config.set([[row.name, row.default === 'yes' ? 'no' : 'yes']]);
      else if (kind.type === 'int') config.set([[row.name, String(Math.min(kind.max, Number(row.default) + 1))]]);
      else if (kind.type === 'memory') config.set([[row.name, String(Math.max(kind.min, Number(row.default) - 1))]]);
      else if (kind.type === 'string') config.set([[row.name, 'a "b" \n\xff']]);
      else if (kind.type === 'enum') config.set([[row.name, kind.values.find((value) => value !== row.default)!]]);
    }
    config.rewrite([]);
    const again = load(path);
    expect(again.get(['*'])).toEqual(config.get(['*']));
    const before = readFileSync(path, 'latin1');
    again.rewrite([]);
    expect(readFileSync(path, 'latin1')).toBe(before);
  });
});

test('GET of many patterns looks at each name quickly', () => {
  const config = new Config();
  const patterns = Array.from({ length: 2000 }, (_, i) => `nosuch-${i}-*`);
  const begunMs = performance.now();
  expect(config.get([...patterns, 'h?', ...patterns.map(() => '*')]).slice(0, 1)).toEqual([['hz', '10']]);
  expect(performance.now() - begunMs).toBeLessThan(500);
});

describe('CONFIG over the wire', () => {
  let rig: ServerRig;
  afterEach(() => rig.stop());

  test('GET takes several patterns and aliases; SET is all or nothing', async () => {
    rig = await ServerRig.start();
    const client = await rig.connect();
    const get = async (...patterns: string[]): Promise<string[]> => stringsOf(await client.send('config', 'get', ...patterns));
    expect(await get('Timeout', 'hash-max-*-value', 'nosuch')).toEqual(['timeout', '0', 'hash-max-listpack-value', '64', 'hash-max-ziplist-value', '64']);
    expect(await client.send('config', 'set', 'hash-max-ziplist-value', '32', 'timeout', '5', 'slave-priority', '3')).toBe('+OK');
    expect(await get('hash-max-listpack-value', 'replica-priority')).toEqual(['hash-max-listpack-value', '32', 'replica-priority', '3']);
    expect(rig.server.limits.hashMaxListpackValue).toBe(32);
    expect(await client.send('config', 'set', 'hash-max-listpack-value', '128', 'hash-max-ziplist-value', '512')).toBe('+OK');
    expect(await get('hash-max-listpack-value')).toEqual(['hash-max-listpack-value', '512']);
    expect(rig.server.limits.hashMaxListpackValue).toBe(512);
    for (const [given, taken] of [['1000', '500'], ['0', '1'], ['20', '20']] as const) {
      expect(await client.send('config', 'set', 'hz', given)).toBe('+OK');
      expect(await get('hz')).toEqual(['hz', taken]);
    }
    expect(await client.send('config', 'set', 'timeout', '9', 'hz', 'x')).toBe("-ERR CONFIG SET failed (possibly related to argument 'hz') - argument couldn't be parsed into an integer");
    expect(await get('timeout')).toEqual(['timeout', '5']);
    await client.send('config', 'set', 'client-output-buffer-limit', 'replica 1mb 0 0');
    expect(await get('client-output-buffer-limit')).toEqual(['client-output-buffer-limit', 'normal 0 0 0 slave 1048576 0 0 pubsub 33554432 8388608 60']);
  });

  test.each([
    [['timeout', '-1', 'nosuch', '1'], "Unknown option or number of arguments for CONFIG SET - 'nosuch'"],
    [['hash-max-listpack-value', 'x'], "CONFIG SET failed (possibly related to argument 'hash-max-listpack-value') - argument must be a memory value"],
    [['port', '1'], "CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this port: ports are fixed while the server runs"],
    [['bind', '127.0.0.2'], "CONFIG SET failed (possibly related to argument 'bind') - Failed to bind to specified addresses: they are fixed while the server runs"],
    [['election-timeout-ms', '1000'], "CONFIG SET failed (possibly related to argument 'election-timeout-ms') - can't set immutable config"],
    [['databases', '1'], "CONFIG SET failed (possibly related to argument 'databases') - can't set immutable config"],
    [['dbfilename', 'x'], "CONFIG SET failed (possibly related to argument 'dbfilename') - can't set protected config"],
    [['nosuch', '1'], "Unknown option or number of arguments for CONFIG SET - 'nosuch'"],
    [['hz', '10', 'hz', '11'], "CONFIG SET failed (possibly related to argument 'hz') - duplicate parameter"],
    [['hash-max-ziplist-value', '1', 'HASH-max-ziplist-value', '1'], "CONFIG SET failed (possibly related to argument 'HASH-max-ziplist-value') - duplicate parameter"],
    [['hz', '-5'], "CONFIG SET failed (possibly related to argument 'hz') - argument must be between 0 and 2147483647 inclusive"],
    [['timeout', '-1'], "CONFIG SET failed (possibly related to argument 'timeout') - argument must be between 0 and 2147483647 inclusive"],
    [['save', '1 2 3'], "CONFIG SET failed (possibly related to argument 'save') - Invalid save parameters"],
    [['client-output-buffer-limit', 'foo 1 2 3'], "CONFIG SET failed (possibly related to argument 'client-output-buffer-limit') - Invalid client class specified in buffer limit configuration."],
    [['client-output-buffer-limit', 'normal 1q 2 3'], "CONFIG SET failed (possibly related to argument 'client-output-buffer-limit') - Error in hard, soft or soft_seconds setting in buffer limit configuration."],
    [['latency-tracking-info-percentiles', '50 101'], "CONFIG SET failed (possibly related to argument 'latency-tracking-info-percentiles') - latency-tracking-info-percentiles parameters should sit between [0.0,100.0]"],
    [['maxmemory-clients', '101%'], "CONFIG SET failed (possibly related to argument 'maxmemory-clients') - percentage argument must be less or equal to 100"],
    [['hz'], "wrong number of arguments for 'config|set' command"],
    [['hz', '10', 'save'], 'syntax error'],
  ])('SET %j is refused', async (words, reason) => {
    rig = await ServerRig.start();
    expect(await (await rig.connect()).send('config', 'set', ...words)).toBe(`-ERR ${reason}`);
  });

  test('what only the start can change may be set to what it is', async () => {
    rig = await ServerRig.start();
    const client = await rig.connect();
    for (const name of ['port', 'bind', 'tls-port', 'election-timeout-ms', 'peer-bind', 'cluster-secret', 'replica-announce-port', 'unixsocketgroup', 'io-threads-do-reads']) {
      const [, value] = stringsOf(await client.send('config', 'get', name));
      expect(await client.send('config', 'set', name, value!)).toBe('+OK');
    }
  });

  test('protected parameters where the start allowed them; REWRITE without a file', async () => {
    rig = await ServerRig.start('--enable-protected-configs', 'local');
    const client = await rig.connect();
    expect(await client.send('config', 'set', 'dbfilename', 'x')).toBe('+OK');
    expect(await client.send('config', 'rewrite')).toBe('-ERR The server is running without a config file');
  });
});
