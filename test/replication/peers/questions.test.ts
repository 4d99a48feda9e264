/** Questions between members and their answers; who may ask what before it has joined. */
import { afterEach, describe, expect, it } from 'vitest';
import { OperationalError } from '../../../src/shared/errors.ts';
import type { PeerTransportOptions } from '../../../src/replication/peers/peer-network.ts';
import { FaultyProxy } from '../../support/faulty-proxy.ts';
import { Member, OTHER_CLUSTER, closeMembers, pair, until } from './peer-rig.ts';

const BODY = Buffer.from('body');
const HOST = '127.0.0.1';
const proxies: FaultyProxy[] = [];

/** Says back what was asked. */
const echo: PeerTransportOptions['onAsk'] = (from, group, kind, body, joined) => (
  Promise.resolve(Buffer.from(`${from} ${group} ${kind} ${Buffer.from(body).toString('latin1')} ${joined}`, 'latin1'))
);

function textOf(answer: Uint8Array): string {
  return Buffer.from(answer).toString('latin1');
}

afterEach(async () => {
  await closeMembers();
  await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
});

describe('questions', () => {
  it('are answered, in both directions', async () => {
    const [n1, n2] = await pair({ onAsk: echo }, { onAsk: echo });
    expect(textOf(await n1.transport.ask('n2', 'g', 'members', BODY, 5000))).toBe('n1 g members body true');
    expect(textOf(await n2.transport.ask('n1', '', 'k'.repeat(64), Buffer.alloc(0), 5000))).toBe(`n2  ${'k'.repeat(64)}  true`);
  });

  it('and answers may be long, and the bytes are the receiver\'s to keep', async () => {
    const kept: Uint8Array[] = [];
    const [n1] = await pair({}, {
      onAsk: (_from, _group, _kind, body) => {
        kept.push(body);
        return Promise.resolve(body);
      },
    });
    const long = Buffer.alloc(5_000_000, 'abc');
    const answers = await Promise.all([long, BODY, long].map((body) => n1.transport.ask('n2', 'g', 'echo', body, 20_000)));
    expect(answers.map((answer) => Buffer.compare(Buffer.from(answer), answer.length === 4 ? BODY : long))).toEqual([0, 0, 0]);
    expect(kept.map((body) => Buffer.compare(body, body.length === 4 ? BODY : long))).toEqual([0, 0, 0]);
  });

  it('are answered in whatever order, each by its own answer', async () => {
    const pending: { body: Uint8Array; resolve: (answer: Uint8Array) => void }[] = [];
    const [n1] = await pair({}, { onAsk: (_from, _group, _kind, body) => new Promise((resolve) => pending.push({ body, resolve })) });
    const asked = ['a', 'b', 'c'].map((name) => n1.transport.ask('n2', 'g', 'later', Buffer.from(name), 5000));
    await until(() => pending.length === 3);
    for (const { body, resolve } of pending.reverse()) resolve(Buffer.concat([body, body]));
    expect((await Promise.all(asked)).map(textOf)).toEqual(['aa', 'bb', 'cc']);
  });

  it('that are refused bring the code and the text of the error', async () => {
    const [n1] = await pair({}, { onAsk: () => Promise.reject(new OperationalError('MEMBER_UNKNOWN', 'who is that: é')) });
    await expect(n1.transport.ask('n2', 'g', 'members', BODY, 5000)).rejects.toMatchObject({ code: 'MEMBER_UNKNOWN', message: 'who is that: ?' });
  });

  it('without an answer end in time, and an answer that comes too late is nobody\'s', async () => {
    const late: ((answer: Uint8Array) => void)[] = [];
    const [n1] = await pair({}, { onAsk: (_from, _group, kind, body) => (kind === 'late' ? new Promise((resolve) => late.push(resolve)) : Promise.resolve(body)) });
    await expect(n1.transport.ask('n2', 'g', 'late', BODY, 30)).rejects.toMatchObject({ code: 'PEER_TIMEOUT' });
    late[0]!(Buffer.from('too late'));
    expect(textOf(await n1.transport.ask('n2', 'g', 'now', BODY, 5000))).toBe('body');
  });

  it('whose connection breaks fail at once with an outcome that is unknown', async () => {
    let asked = 0;
    const [n1, n2] = await pair({}, {
      onAsk: () => {
        asked++;
        return new Promise(() => undefined);
      },
    });
    const answer = n1.transport.ask('n2', 'g', 'never', BODY, 60_000);
    await until(() => asked === 1);
    await Promise.all([n2.transport.close(), expect(answer).rejects.toMatchObject({ code: 'PEER_DOWN' })]);
    await expect(n1.transport.ask('n2', 'g', 'never', BODY, 60_000)).rejects.toMatchObject({ code: 'PEER_NOT_CONNECTED' });
  });

  it('are bounded in number', async () => {
    const [n1] = await pair();
    const asked = Array.from({ length: 1024 }, () => n1.transport.ask('n2', 'g', 'never', BODY, 60_000));
    const refused = asked.map((answer) => expect(answer).rejects.toMatchObject({ code: 'PEER_DOWN' }));
    await expect(n1.transport.ask('n2', 'g', 'never', BODY, 60_000)).rejects.toMatchObject({ code: 'PEER_BUSY', message: 'too much is waiting for n2' });
    await n1.transport.close();
    await Promise.all(refused);
  });
});

describe('questions before joining', () => {
  it.each([['', 'c'.repeat(40)], ['c'.repeat(40), ''], ['', '']])('only those for joining are answered (cluster %j asks %j)', async (asker, asked) => {
    const [n1] = await pair({ clusterId: asker }, { clusterId: asked, onAsk: echo });
    expect(textOf(await n1.transport.ask('n2', 'g', 'join', BODY, 5000))).toBe('n1 g join body false');
    await expect(n1.transport.ask('n2', 'g', 'members', BODY, 5000)).rejects.toMatchObject({ code: 'PEER_NOT_JOINED' });
  });
});

describe('questions to an address', () => {
  it('need to know nobody, and leave no connection behind', async () => {
    const n1 = await Member.start('n1', { clusterId: '' });
    const n2 = await Member.start('n2', { onAsk: echo });
    const proxy = await FaultyProxy.to(n2.port);
    proxies.push(proxy);
    const address = { host: HOST, port: proxy.port };
    expect(textOf(await n1.transport.askAddress(address, '', 'join', BODY, 5000))).toBe('n1  join body false');
    await expect(n1.transport.askAddress(address, '', 'members', BODY, 5000)).rejects.toMatchObject({ code: 'PEER_NOT_JOINED' });
    await until(() => proxy.connections === 0);
    expect([...n1.transport.peers(), ...n2.transport.peers()]).toEqual([]);
    n1.transport.setClusterId('c'.repeat(40));
    expect(textOf(await n1.transport.askAddress(address, '', 'members', BODY, 5000))).toBe('n1  members body true');
  });

  it('do not disturb the connection that two members have', async () => {
    const [n1, n2] = await pair({}, { onAsk: echo });
    expect(textOf(await n1.transport.askAddress({ host: HOST, port: n2.port }, 'g', 'members', BODY, 5000))).toBe('n1 g members body true');
    n1.sendNow('n2', 'still there');
    await until(() => n2.frames.length === 1);
    expect([...n1.events, ...n2.events]).toEqual(['+n2', '+n1']);
  });

  it('fail with the reason', async () => {
    const n1 = await Member.start('n1');
    const other = await Member.start('n2', { clusterId: OTHER_CLUSTER });
    const wary = await Member.start('n3', { secret: 'other' });
    const silent = await FaultyProxy.to(other.port);
    proxies.push(silent);
    silent.block();
    const ask = (port: number): Promise<unknown> => n1.transport.askAddress({ host: HOST, port }, '', 'join', BODY, 300);
    await expect(ask(n1.port)).rejects.toMatchObject({ code: 'PEER_SELF' });
    await expect(ask(other.port)).rejects.toMatchObject({ code: 'PEER_CLUSTER' });
    await expect(ask(wary.port)).rejects.toMatchObject({ code: 'PEER_SECRET' });
    await expect(ask(silent.port)).rejects.toMatchObject({ code: 'PEER_HANDSHAKE', message: 'no connection or not a word within 300 ms' });
    const { port } = wary;
    await wary.transport.close();
    await expect(ask(port)).rejects.toMatchObject({ code: 'PEER_DOWN', message: expect.stringContaining('ECONNREFUSED') as string });
  });

  it('end when the transport is closed', async () => {
    const n1 = await Member.start('n1');
    const n2 = await Member.start('n2');
    const silent = await FaultyProxy.to(n2.port);
    proxies.push(silent);
    silent.block();
    const dialling = n1.transport.askAddress({ host: HOST, port: silent.port }, '', 'join', BODY, 60_000);
    const refused = expect(dialling).rejects.toMatchObject({ code: 'PEER_CLOSED' });
    await n1.transport.close();
    await refused;
    await expect(n1.transport.askAddress({ host: HOST, port: n2.port }, '', 'join', BODY, 60_000)).rejects.toMatchObject({ code: 'PEER_CLOSED' });
  });
});
