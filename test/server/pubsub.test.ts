/** Pub/Sub on one node: confirmations, messages, patterns, shard channels, and what waits for a commit. */
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { TestClient } from '../support/holdfast-process.ts';
import { ScriptedLog } from '../support/scripted-log.ts';
import { ServerRig } from './server-rig.ts';

/** A listener: what came, as text. */
class Listener {
  text = '';
  readonly client: TestClient;

  constructor(client: TestClient) {
    this.client = client;
    client.socket.removeAllListeners('data');
    client.socket.on('data', (bytes) => { this.text += bytes.toString('latin1'); });
  }

  send(line: string): void {
    this.client.socket.write(`${line}\r\n`);
  }

  /** Waits until `text` has come, and takes everything through it. */
  async expect(text: string): Promise<void> {
    while (!this.text.includes(text)) await once(this.client.socket, 'data');
    expect(this.text.slice(0, this.text.indexOf(text) + text.length)).toBe(text);
    this.text = this.text.slice(text.length);
  }
}

let rig: ServerRig;
let log: ScriptedLog;

async function listener(): Promise<Listener> {
  return new Listener(await rig.connect());
}

async function begin(commits: 'at once' | 'held'): Promise<void> {
  log = new ScriptedLog(commits);
  rig = await ServerRig.on(log);
}
beforeEach(() => begin('at once'));
afterEach(() => rig.stop());

const confirmation = (verb: string, name: string, count: number): string => `*3\r\n$${verb.length}\r\n${verb}\r\n$${name.length}\r\n${name}\r\n:${count}\r\n`;

describe('channels', () => {
  test('a message goes to all listeners, by name and by pattern', async () => {
    const [one, two] = [await listener(), await listener()];
    one.send('SUBSCRIBE a b');
    await one.expect(confirmation('subscribe', 'a', 1) + confirmation('subscribe', 'b', 2));
    two.send('PSUBSCRIBE a*');
    await two.expect(confirmation('psubscribe', 'a*', 1));
    const client = await rig.connect();
    expect(await client.send('PUBLISH', 'a', 'hi')).toBe(':2');
    await one.expect('*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n');
    await two.expect('*4\r\n$8\r\npmessage\r\n$2\r\na*\r\n$1\r\na\r\n$2\r\nhi\r\n');
    expect(await client.send('PUBLISH', 'none', 'hi')).toBe(':0');
    expect(await client.send('PUBSUB', 'NUMSUB', 'a', 'none')).toBe('*4\r\n$1\r\na\r\n:1\r\n$4\r\nnone\r\n:0');
    expect(await client.send('PUBSUB', 'NUMPAT')).toBe(':1');
    expect(await client.send('PUBSUB', 'CHANNELS', 'a', 'b')).toBe("-ERR unknown subcommand or wrong number of arguments for 'CHANNELS'. Try PUBSUB HELP.");
    expect(await client.send('PUBSUB', 'CHANNELS', 'b*')).toBe('*1\r\n$1\r\nb');
  });

  test('what is listened to is confirmed in spite of REPLY OFF and SKIP, and nothing else is', async () => {
    const three = await listener();
    three.send('HELLO 3');
    while (!three.text.includes('modules\r\n*0\r\n')) await once(three.client.socket, 'data');
    three.text = '';
    const push = (verb: string, name: string, count: number): string => confirmation(verb, name, count).replace('*', '>');
    three.send('CLIENT REPLY SKIP\r\nSUBSCRIBE a\r\nPING\r\nCLIENT REPLY SKIP\r\nPING\r\nCLIENT REPLY OFF\r\nPING\r\nPSUBSCRIBE c*\r\nPING\r\nUNSUBSCRIBE a\r\nCLIENT REPLY SKIP');
    await three.expect(`${push('subscribe', 'a', 1)}+PONG\r\n${push('psubscribe', 'c*', 2)}${push('unsubscribe', 'a', 1)}`);
    expect(await (await rig.connect()).send('PUBLISH', 'cc', 'hi')).toBe(':1');
    await three.expect('>4\r\n$8\r\npmessage\r\n$2\r\nc*\r\n$2\r\ncc\r\n$2\r\nhi\r\n');
  });

  test('RESP2 listeners may only listen; RESP3 ones may do anything and get pushes', async () => {
    const two = await listener();
    two.send('SUBSCRIBE c');
    await two.expect(confirmation('subscribe', 'c', 1));
    two.send('GET k');
    await two.expect("-ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context\r\n");
    two.send('PING hey');
    await two.expect('*2\r\n$4\r\npong\r\n$3\r\nhey\r\n');
    two.send('UNSUBSCRIBE');
    await two.expect(confirmation('unsubscribe', 'c', 0));
    two.send('UNSUBSCRIBE');
    await two.expect('*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n');
    two.send('GET k');
    await two.expect('$-1\r\n');
    const three = await listener();
    three.send('HELLO 3');
    while (!three.text.includes('modules\r\n*0\r\n')) await once(three.client.socket, 'data');
    three.text = '';
    three.send('SUBSCRIBE c');
    await three.expect('>3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n');
    three.send('GET k');
    await three.expect('_\r\n');
    expect(await (await rig.connect()).send('PUBLISH', 'c', 'm')).toBe(':1');
    await three.expect('>3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n');
  });

  test('a transaction may listen, but not to shard channels', async () => {
    const one = await listener();
    one.send('MULTI\r\nSSUBSCRIBE s\r\nSUBSCRIBE c\r\nEXEC');
    await one.expect(`+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n-ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client\r\n${confirmation('subscribe', 'c', 1)}`);
  });

  test('shard channels are apart', async () => {
    const one = await listener();
    one.send('SSUBSCRIBE s');
    await one.expect(confirmation('ssubscribe', 's', 1));
    const client = await rig.connect();
    expect(await client.send('PUBLISH', 's', 'x')).toBe(':0');
    expect(await client.send('SPUBLISH', 's', 'x')).toBe(':1');
    await one.expect('*3\r\n$8\r\nsmessage\r\n$1\r\ns\r\n$1\r\nx\r\n');
    expect(await client.send('PUBSUB', 'SHARDNUMSUB', 's')).toBe('*2\r\n$1\r\ns\r\n:1');
  });

  test('a listener that is gone is forgotten', async () => {
    const one = await listener();
    one.send('SUBSCRIBE gone');
    await one.expect(confirmation('subscribe', 'gone', 1));
    one.client.close();
    const client = await rig.connect();
    while ((await client.send('PUBSUB', 'NUMSUB', 'gone')) !== '*2\r\n$4\r\ngone\r\n:0') await client.send('PING');
  });
});

describe('while writes are in flight', () => {
  test('a message waits until what was written before it is committed', async () => {
    await rig.stop();
    await begin('held');
    const one = await listener();
    one.send('SUBSCRIBE news');
    await one.expect(confirmation('subscribe', 'news', 1));
    const writer = await rig.connect();
    const written = writer.send('SET', 'k', 'v');
    await log.appended(1);
    const other = await rig.connect();
    expect(await other.send('PUBLISH', 'news', 'k was set')).toBe(':1');
    expect(await other.send('PING')).toBe('+PONG');
    expect(one.text).toBe('');
    log.commit();
    await one.expect('*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$9\r\nk was set\r\n');
    expect(await written).toBe('+OK');
  });

  test('it goes to those who listened when it was published', async () => {
    await rig.stop();
    await begin('held');
    const [stays, leaves, comes] = [await listener(), await listener(), await listener()];
    stays.send('PSUBSCRIBE n*');
    leaves.send('SUBSCRIBE news');
    await stays.expect(confirmation('psubscribe', 'n*', 1));
    await leaves.expect(confirmation('subscribe', 'news', 1));
    void (await rig.connect()).send('SET', 'k', 'v').catch(() => undefined);
    await log.appended(1);
    const other = await rig.connect();
    expect(await other.send('PUBLISH', 'news', 'early')).toBe(':2');
    comes.send('SUBSCRIBE news');
    await comes.expect(confirmation('subscribe', 'news', 1));
    leaves.send('UNSUBSCRIBE news');
    await leaves.expect(confirmation('unsubscribe', 'news', 0));
    log.commit();
    await stays.expect('*4\r\n$8\r\npmessage\r\n$2\r\nn*\r\n$4\r\nnews\r\n$5\r\nearly\r\n');
    expect(await other.send('PUBLISH', 'news', 'late')).toBe(':2');
    await comes.expect('*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$4\r\nlate\r\n');
    leaves.send('PING');
    await leaves.expect('+PONG\r\n');
  });

  test('also one that is published in the same transaction', async () => {
    await rig.stop();
    await begin('held');
    const one = await listener();
    one.send('SUBSCRIBE news');
    await one.expect(confirmation('subscribe', 'news', 1));
    const writer = await rig.connect();
    const replies = Promise.all([writer.send('MULTI'), writer.send('PUBLISH', 'news', 'first'), writer.send('INCR', 'n'), writer.send('PUBLISH', 'news', 'second'), writer.send('EXEC')]);
    await log.appended(1);
    const other = await rig.connect();
    expect(await other.send('PING')).toBe('+PONG');
    expect(one.text).not.toContain('second');
    log.commit();
    await one.expect('*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nfirst\r\n*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$6\r\nsecond\r\n');
    expect((await replies)[4]).toBe('*3\r\n:1\r\n:1\r\n:1');
  });
});
