/** COMMANDLOG: commands that took long, and those with a large request or reply; SLOWLOG beside it. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { TestClient } from '../support/holdfast-process.ts';
import { ServerRig, stringsOf } from './server-rig.ts';

let rig: ServerRig;
let client: TestClient;
beforeEach(async () => {
  rig = await ServerRig.start('--slowlog-log-slower-than', '-1');
  client = await rig.connect();
});
afterEach(() => rig.stop());

const set = (name: string, value: string): Promise<string> => client.send('CONFIG', 'SET', name, value);

test('requests and replies that are large are kept with their sizes, each in a list of its own', async () => {
  await set('commandlog-request-larger-than', '500');
  await set('commandlog-reply-larger-than', '600');
  await client.send('SET', 'k', 'x'.repeat(550));
  await client.send('GET', 'k');
  await client.send('SET', 'k', 'x'.repeat(700));
  await client.send('GET', 'k');
  expect(await client.send('COMMANDLOG', 'LEN', 'large-request')).toBe(':2');
  expect(await client.send('COMMANDLOG', 'LEN', 'LARGE-REPLY')).toBe(':1');
  expect(await client.send('COMMANDLOG', 'LEN', 'slow')).toBe(':0');
  const [id, , size, ...rest] = stringsOf(await client.send('COMMANDLOG', 'GET', '-1', 'large-reply'));
  expect(id).toBe('0');
  expect(Number(size)).toBe(700 + '$700\r\n\r\n'.length);
  expect(rest.slice(0, 2)).toEqual(['GET', 'k']);
  const requests = stringsOf(await client.send('COMMANDLOG', 'GET', '1', 'large-request'));
  expect(Number(requests[2])).toBeGreaterThan(700);
  expect(requests[5]).toBe(`${'x'.repeat(128)}... (572 more bytes)`);
  expect(await client.send('COMMANDLOG', 'RESET', 'large-request')).toBe('+OK');
  expect(await client.send('COMMANDLOG', 'LEN', 'large-request')).toBe(':0');
  expect(await client.send('COMMANDLOG', 'LEN', 'large-reply')).toBe(':1');
});

test('-1 turns a list off, and its length has a bound', async () => {
  await set('commandlog-request-larger-than', '0');
  await set('commandlog-large-request-max-len', '3');
  for (let n = 0; n < 5; n++) await client.send('PING');
  expect(await client.send('COMMANDLOG', 'LEN', 'large-request')).toBe(':3');
  await set('commandlog-request-larger-than', '-1');
  await client.send('COMMANDLOG', 'RESET', 'large-request');
  await client.send('PING');
  expect(await client.send('COMMANDLOG', 'LEN', 'large-request')).toBe(':0');
});

test('SLOWLOG is the list of the slow ones, under both names of its directives', async () => {
  await set('commandlog-execution-slower-than', '0');
  expect(stringsOf(await client.send('CONFIG', 'GET', 'slowlog-log-slower-than'))).toEqual(['slowlog-log-slower-than', '0']);
  await client.send('PING', 'slow');
  const bySlowlog = stringsOf(await client.send('SLOWLOG', 'GET', '1'));
  expect(bySlowlog.slice(3, 5)).toEqual(['PING', 'slow']);
  expect(stringsOf(await client.send('COMMANDLOG', 'GET', '2', 'slow')).join()).toContain(bySlowlog.join());
  expect(await client.send('SLOWLOG', 'GET', '1', '2')).toBe("-ERR unknown subcommand or wrong number of arguments for 'GET'. Try SLOWLOG HELP.");
  await set('slowlog-log-slower-than', '-1');
  expect(await client.send('SLOWLOG', 'RESET')).toBe('+OK');
  expect(await client.send('COMMANDLOG', 'LEN', 'slow')).toBe(':0');
});

test('secrets are not kept', async () => {
  await set('commandlog-request-larger-than', '0');
  await client.send('AUTH', 'default', 'hunter2');
  await client.send('CONFIG', 'SET', 'maxclients', '100', 'requirepass', 'hunter2');
  for (const name of ['masterauth', 'masteruser', 'primaryauth', 'primaryuser']) await client.send('CONFIG', 'SET', name, 'hunter2');
  await client.send('HELLO', '2', 'AUTH', 'default', 'hunter2', 'SETNAME', 'me');
  await client.send('MIGRATE', 'nowhere', '1', 'k', '0', '10', 'AUTH2', 'me', 'hunter2');
  const text = await client.send('COMMANDLOG', 'GET', '-1', 'large-request');
  expect(text).toContain('(redacted)');
  expect(text).toContain('SETNAME');
  expect(text).not.toContain('hunter2');
});

test('errors', async () => {
  expect(await client.send('COMMANDLOG', 'GET', '-2', 'slow')).toBe('-ERR count should be greater than or equal to -1');
  expect(await client.send('COMMANDLOG', 'GET', '1', 'fast')).toBe('-ERR type should be one of the following: slow, large-request, large-reply');
  expect(await client.send('COMMANDLOG', 'LEN')).toBe("-ERR wrong number of arguments for 'commandlog|len' command");
  expect(await client.send('COMMANDLOG', 'HELP')).toMatch(/^\*\d+\r\n.*COMMANDLOG <subcommand>/);
});
