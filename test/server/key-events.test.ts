/** Keyspace notifications: which, when, and in what form. That the events are Redis's is compared in test/differential. */
import { once } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import type { TestClient } from '../support/holdfast-process.ts';
import { ScriptedLog } from '../support/scripted-log.ts';
import { ServerRig, stringsOf } from './server-rig.ts';

let rig: ServerRig;
let log: ScriptedLog;
let client: TestClient;
afterEach(() => rig.stop());

async function begin(commits: 'at once' | 'held', classes: string): Promise<void> {
  log = new ScriptedLog(commits);
  rig = await ServerRig.on(log, '--notify-keyspace-events', classes);
  client = await rig.connect();
}

/** What has come to a subscriber of all channels, as "channel message". */
class Listener {
  readonly heard: string[] = [];
  readonly #client: TestClient;

  private constructor(subscriber: TestClient) {
    this.#client = subscriber;
    subscriber.socket.removeAllListeners('data');
    subscriber.socket.on('data', (bytes) => {
      for (const message of bytes.toString('latin1').split('*4\r\n').slice(1)) this.heard.push(stringsOf(message).slice(2).join(' '));
    });
  }

  static async open(): Promise<Listener> {
    const subscriber = await rig.connect();
    const listener = new Listener(subscriber);
    subscriber.socket.write('PSUBSCRIBE *\r\n');
    await once(subscriber.socket, 'data');
    return listener;
  }

  /** Everything that was heard until `last` was; forgets it. */
  async until(last: string): Promise<string[]> {
    while (!this.heard.includes(last)) await once(this.#client.socket, 'data');
    return this.heard.splice(0);
  }
}

describe('classes', () => {
  test('only what was asked for is told, on the channels that were asked for', async () => {
    await begin('at once', 'Eg$');
    const listener = await Listener.open();
    for (const command of [['SET', 'k', 'v'], ['RPUSH', 'l', 'x'], ['DEL', 'k'], ['DEL', 'l']]) await client.send(...command);
    expect(await listener.until('__keyevent@0__:del l')).toEqual(['__keyevent@0__:set k', '__keyevent@0__:del k', '__keyevent@0__:del l']);
    await client.send('CONFIG', 'SET', 'notify-keyspace-events', 'Kl');
    for (const command of [['SELECT', '3'], ['SET', 'k', 'v'], ['RPUSH', 'l', 'x']]) await client.send(...command);
    expect(await listener.until('__keyspace@3__:l rpush')).toEqual(['__keyspace@3__:l rpush']);
  });

  test('neither K nor E is silence, and so is the default', async () => {
    await begin('at once', '');
    const listener = await Listener.open();
    await client.send('SET', 'k', 'v');
    await client.send('CONFIG', 'SET', 'notify-keyspace-events', 'A');
    await client.send('SET', 'k', 'w');
    await client.send('PUBLISH', 'end', 'x');
    expect(await listener.until('end x')).toEqual(['end x']);
  });

  test('the directive is shown in canonical form, and a letter that is none is refused', async () => {
    await begin('at once', 'KEg$lshzxetd');
    expect(stringsOf(await client.send('CONFIG', 'GET', 'notify-keyspace-events'))).toEqual(['notify-keyspace-events', 'AKE']);
    for (const [given, shown] of [['lK', 'lK'], ['mEKA', 'AKEm'], ['nAE', 'AEn'], ['nE', 'nE'], ['', '']]) {
      expect(await client.send('CONFIG', 'SET', 'notify-keyspace-events', given!)).toBe('+OK');
      expect(stringsOf(await client.send('CONFIG', 'GET', 'notify-keyspace-events'))[1]).toBe(shown);
    }
    expect(await client.send('CONFIG', 'SET', 'notify-keyspace-events', 'Kw')).toContain("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
  });

  test('misses and new keys are told when asked for by name', async () => {
    await begin('at once', 'Emn$');
    const listener = await Listener.open();
    for (const command of [['GET', 'k'], ['SET', 'k', 'v'], ['SET', 'k', 'w'], ['GET', 'k']]) await client.send(...command);
    await client.send('PUBLISH', 'end', 'x');
    expect(await listener.until('end x')).toEqual(['__keyevent@0__:keymiss k', '__keyevent@0__:new k', '__keyevent@0__:set k', '__keyevent@0__:set k', 'end x']);
  });
});

describe('what ends by itself', () => {
  test('a key that has expired is told as such, found or not', async () => {
    await begin('at once', 'EA');
    const listener = await Listener.open();
    await client.send('SET', 'k', 'v', 'PX', '1');
    expect(await listener.until('__keyevent@0__:expired k')).toEqual(['__keyevent@0__:set k', '__keyevent@0__:expire k', '__keyevent@0__:expired k']);
  });

  test('a key that made room is told as evicted', async () => {
    await begin('at once', 'EA');
    const listener = await Listener.open();
    await client.send('SET', 'k', 'v');
    await client.send('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-random', 'maxmemory', '1');
    expect(await listener.until('__keyevent@0__:evicted k')).toEqual(['__keyevent@0__:set k', '__keyevent@0__:evicted k']);
  });

  test('fields that have expired are told once for each hash, and the hash with the last', async () => {
    await begin('at once', 'EA');
    const listener = await Listener.open();
    await client.send('HSET', 'h', 'a', '1', 'b', '2');
    await client.send('HPEXPIRE', 'h', '1', 'FIELDS', '2', 'a', 'b');
    expect(await listener.until('__keyevent@0__:del h')).toEqual([
      '__keyevent@0__:hset h', '__keyevent@0__:hexpire h', '__keyevent@0__:hexpired h', '__keyevent@0__:del h',
    ]);
  });

  test('fields with times: HSETEX, HGETEX, HGETDEL, HPERSIST', async () => {
    await begin('at once', 'Ehg');
    const listener = await Listener.open();
    await client.send('HSETEX', 'h', 'EX', '100', 'FIELDS', '2', 'a', '1', 'b', '2');
    await client.send('HGETEX', 'h', 'EX', '50', 'FIELDS', '1', 'a');
    await client.send('HGETEX', 'h', 'PERSIST', 'FIELDS', '1', 'a');
    await client.send('HPERSIST', 'h', 'FIELDS', '1', 'b');
    await client.send('HPEXPIREAT', 'h', '1', 'FIELDS', '1', 'a');
    await client.send('HGETDEL', 'h', 'FIELDS', '1', 'b');
    await client.send('PUBLISH', 'end', 'x');
    const events = (await listener.until('end x')).map((line) => line.replace('__keyevent@0__:', ''));
    expect(events).toEqual(['hset h', 'hexpire h', 'hexpire h', 'hpersist h', 'hpersist h', 'hdel h', 'hdel h', 'del h', 'end x']);
  });
});

describe('while writes are in flight', () => {
  test('an event waits until what it tells of is committed, and is in order with messages', async () => {
    await begin('held', 'EA');
    const listener = await Listener.open();
    const written = client.send('SET', 'k', 'v');
    const published = client.send('PUBLISH', 'news', 'k is v');
    await log.appended(1);
    // A listener that has been answered twice since has heard all that was let out.
    const witness = await rig.connect();
    for (let n = 0; n < 3; n++) await witness.send('PING');
    expect(listener.heard).toEqual([]);
    log.commit();
    await Promise.all([written, published]);
    expect(await listener.until('news k is v')).toEqual(['__keyevent@0__:set k', 'news k is v']);
  });

  test('an event without a write waits for those in flight before it, and not for those to come', async () => {
    await begin('held', 'EAm');
    const listener = await Listener.open();
    await client.send('GET', 'nothing');
    expect(await listener.until('__keyevent@0__:keymiss nothing')).toEqual(['__keyevent@0__:keymiss nothing']);
    const written = client.send('SET', 'k', 'v');
    await log.appended(1);
    const reader = await rig.connect();
    await reader.send('GET', 'other');
    for (let n = 0; n < 3; n++) await reader.send('PING');
    expect(listener.heard).toEqual([]);
    log.commit();
    await written;
    expect(await listener.until('__keyevent@0__:keymiss other')).toEqual(['__keyevent@0__:set k', '__keyevent@0__:keymiss other']);
  });
});
