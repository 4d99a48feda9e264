/** Descriptors: clients get those that the log can do without, and no more. */
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import net from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { Config } from '../../src/server/config/config.ts';
import { readArguments } from '../../src/server/config/config-file.ts';
import { Logger } from '../../src/server/logger.ts';
import { RESERVED_DESCRIPTORS, limitClientsByOpenFiles, openFilesLimit } from '../../src/server/open-files.ts';
import { HoldfastProcess } from '../support/holdfast-process.ts';

const QUIET = new Logger('nothing', '');

function configOf(...args: string[]): Config {
  return Config.from(readArguments(args).directives);
}

function maxClients(config: Config, limit: number): string {
  limitClientsByOpenFiles(config, QUIET, () => limit);
  return config.string('maxclients');
}

test('the limit that the system tells', () => {
  const limits = (soft: string): string => `Limit                     Soft Limit           Hard Limit           Units     \nMax open files            ${soft}                 4096                 files     \n`;
  expect(openFilesLimit(limits('1024'))).toBe(1024);
  expect(openFilesLimit(limits('unlimited'))).toBe(Infinity);
  expect(openFilesLimit('')).toBe(Infinity);
});

test('maxclients is lowered to what there are descriptors for, two each where clients are passed on to other members', () => {
  expect(maxClients(configOf(), Infinity)).toBe('10000');
  expect(maxClients(configOf(), 10000 + RESERVED_DESCRIPTORS)).toBe('10000');
  expect(maxClients(configOf(), 9999 + RESERVED_DESCRIPTORS)).toBe('9999');
  expect(maxClients(configOf('--peer-port', '1'), 1024)).toBe(String((1024 - RESERVED_DESCRIPTORS) / 2));
  expect(maxClients(configOf('--maxclients', '10'), 1024)).toBe('10');
  expect(maxClients(configOf(), RESERVED_DESCRIPTORS + 1)).toBe('1');
  expect(() => maxClients(configOf(), RESERVED_DESCRIPTORS)).toThrow(expect.objectContaining({ code: 'TOO_FEW_OPEN_FILES' }) as Error);
});

test('CONFIG SET maxclients refuses what the limit of that moment does not allow', () => {
  let limit = 1024;
  const config = configOf();
  limitClientsByOpenFiles(config, QUIET, () => limit);
  const set = (value: number): void => config.set([['maxclients', String(value)]]);
  set(896);
  expect(() => set(897)).toThrow("ERR CONFIG SET failed (possibly related to argument 'maxclients') - The operating system is not able to handle the specified number of clients, try with 896");
  expect(config.maxClients).toBe(896);
  limit = 1025;
  set(897);
  expect(config.maxClients).toBe(897);
});

describe.skipIf(!existsSync('/proc/self/limits'))('a process that may open few files', () => {
  let server: HoldfastProcess;
  const sockets: net.Socket[] = [];
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await server.remove();
  });

  /** Says what it is told and never closes by itself. */
  async function idle(): Promise<{ text: string }> {
    const socket = net.connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true });
    sockets.push(socket);
    const heard = { text: '' };
    socket.on('data', (bytes: Buffer) => { heard.text += bytes.toString('latin1'); });
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    return heard;
  }

  test('turns away the clients too many, closes them, and goes on to write', async () => {
    server = await HoldfastProcess.prepare(0);
    server.openFilesMax = 300;
    await server.restart();
    const most = 300 - RESERVED_DESCRIPTORS;
    expect(server.output).toContain(`You requested maxclients of 10000 requiring at least ${10000 + RESERVED_DESCRIPTORS} max file descriptors.`);
    expect(server.output).toContain(`Current maximum open files is 300. maxclients has been reduced to ${most} to compensate for low ulimit. If you need higher maxclients increase 'ulimit -n'.`);
    const writer = await server.connect();
    sockets.push(writer.socket);
    expect(await writer.send('CONFIG', 'GET', 'maxclients')).toContain(`$3\r\n${most}`);
    const heard = await Promise.all(Array.from({ length: 400 }, idle));
    for (let i = 0; i < 12; i++) expect(await writer.send('SET', `key:${i % 3}`, 'v'.repeat(1_000_000))).toBe('+OK');
    expect(await writer.send('SAVE')).toBe('+OK');
    expect(heard.filter(({ text }) => text === '-ERR max number of clients reached\r\n').length).toBe(400 - (most - 1));
    expect(readdirSync(`/proc/${server.pid}/fd`).length).toBeLessThan(most + 60);
  });

  test('does not start where the program itself has too few, and says so', async () => {
    server = await HoldfastProcess.prepare(0);
    server.openFilesMax = 100;
    const why = await server.restart().then(() => '', (error: unknown) => (error as Error).message);
    expect(why).toMatch(/^the server ended with 1:\nholdfast: the current 'ulimit -n' is not enough for the server to start.*\n$/);
  });
});
