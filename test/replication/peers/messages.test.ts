/** Messages between members: order, groups, batches, bounds, and what becomes of them when connections break. */
import { afterEach, describe, expect, it } from 'vitest';
import { OperationalError } from '../../../src/shared/errors.ts';
import { FRAME_BYTES_MAX } from '../../../src/replication/peers/peer-network.ts';
import { FaultyProxy } from '../../support/faulty-proxy.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { Member, closeMembers, pair, until } from './peer-rig.ts';
import { testSeed } from '../../support/test-seed.ts';

const proxies: FaultyProxy[] = [];

async function proxyTo(port: number | (() => number)): Promise<FaultyProxy> {
  const proxy = await FaultyProxy.to(port);
  proxies.push(proxy);
  return proxy;
}

/** Two members that reach each other through a proxy only: n2 does not know where n1 is. */
async function pairBehindProxy(options: Parameters<typeof Member.start>[1] = {}): Promise<[Member, Member, FaultyProxy]> {
  const n1 = await Member.start('n1', options);
  const n2 = await Member.start('n2', options);
  const proxy = await proxyTo(n2.port);
  n1.knows([{ id: 'n2', port: proxy.port }]);
  await until(() => n1.isConnected('n2') && n2.isConnected('n1'));
  return [n1, n2, proxy];
}

afterEach(async () => {
  await closeMembers();
  await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
});

describe('messages between members', () => {
  it('come in the order in which they were sent, with their groups, whatever their lengths', async () => {
    const [n1, n2] = await pair();
    const seed = testSeed('PEER_FRAMES_SEED');
    const random = new SeededRandom(seed);
    const sent: { group: string; text: string }[] = [];
    for (let turn = 0; turn < 40; turn++) {
      for (let n = random.below(30); n >= 0; n--) {
        const length = random.chance(0.02) ? random.below(3_000_000) : random.chance(0.2) ? random.below(100_000) : random.below(300);
        const group = random.pick(['', 'control', 'a'.repeat(64)]);
        const text = String.fromCharCode(random.below(256)).repeat(length);
        expect(n1.transport.send('n2', group, Buffer.from(text, 'latin1'))).toBe(true);
        sent.push({ group, text });
      }
      n1.transport.flush();
      if (random.chance(0.3)) await new Promise(setImmediate);
    }
    await until(() => n2.frames.length === sent.length);
    expect(n2.frames.every((frame, i) => frame.from === 'n1' && frame.group === sent[i]!.group && frame.text === sent[i]!.text), `seed ${seed}`).toBe(true);
  });

  it('leave at the end of the turn, and not before', async () => {
    const [n1, n2] = await pair({ timing: { pingAfterMs: 1_000_000 } });
    n1.transport.send('n2', 'g', Buffer.from('first'));
    n1.transport.send('n2', 'g', Buffer.from('second'));
    expect(n1.status('n2')!.queueBytes).toBeGreaterThan('firstsecond'.length);
    n1.transport.flush();
    expect(n1.status('n2')!.queueBytes).toBe(0);
    await until(() => n2.frames.length === 2);
    expect(n2.texts()).toEqual(['first', 'second']);
  });

  it('take their bytes at once, and can be written where they go out', async () => {
    const [n1, n2] = await pair();
    const bytes = Buffer.from('before');
    n1.transport.send('n2', 'g', bytes);
    bytes.fill('x');
    const slot = n1.transport.reserve('n2', 'g', 5)!;
    slot.buffer.set(Buffer.from('slot!'), slot.at);
    n1.transport.flush();
    await until(() => n2.frames.length === 2);
    expect(n2.texts()).toEqual(['before', 'slot!']);
  });

  it('of the greatest length go through; a longer one is refused', async () => {
    const [n1, n2] = await pair();
    const long = Buffer.alloc(FRAME_BYTES_MAX + 1, 'x');
    expect(n1.transport.send('n2', 'g', long)).toBe(false);
    expect(n1.transport.send('n2', 'g', long.subarray(1))).toBe(true);
    n1.sendNow('n2', 'behind it');
    await until(() => n2.frames.length === 2);
    expect(n2.frames[0]!.text.length).toBe(FRAME_BYTES_MAX);
    expect(n2.frames[1]!.text).toBe('behind it');
  });

  it('go both ways at once between three members', async () => {
    const all = [await Member.start('n1'), await Member.start('n2'), await Member.start('n3')];
    for (const member of all) member.knows(all.filter((other) => other !== member));
    await until(() => all.every((member) => all.every((other) => member === other || member.isConnected(other.id))));
    for (const member of all) for (const other of all) if (member !== other) for (let i = 0; i < 100; i++) member.sendNow(other.id, `${member.id} ${i}`);
    await until(() => all.every((member) => member.frames.length === 200));
    for (const member of all) {
      for (const other of all.filter((each) => each !== member)) {
        expect(member.frames.filter(({ from }) => from === other.id).map(({ text }) => text)).toEqual(Array.from({ length: 100 }, (_, i) => `${other.id} ${i}`));
      }
    }
  });

  it('to somebody who is not connected are dropped', async () => {
    const n1 = await Member.start('n1');
    expect(n1.sendNow('n2', 'lost')).toBe(false);
    const [, n2] = [n1, await Member.start('n2')];
    n1.knows([n2]);
    await until(() => n1.isConnected('n2'));
    expect(n1.sendNow('n2', 'found')).toBe(true);
    await until(() => n2.frames.length === 1);
    expect(n2.texts()).toEqual(['found']);
  });

  it('that do not go out are dropped when the queue is full, and go on when it is not', async () => {
    const [n1, n2, proxy] = await pairBehindProxy({ timing: { silenceMaxMs: 1_000_000 }, queueBytesMax: 4 * 1024 * 1024 });
    proxy.block();
    const piece = 'x'.repeat(256 * 1024);
    let taken = 0;
    // What the kernel and the proxy take is theirs; the queue is what stays.
    while (n1.sendNow('n2', piece)) if (++taken > 1000) throw new Error('nothing is ever refused');
    expect(n1.status('n2')!.queueBytes).toBeLessThanOrEqual(4 * 1024 * 1024 + 8);
    expect(n1.status('n2')!.queueBytes).toBeGreaterThan(3 * 1024 * 1024);
    expect(n1.sendNow('n2', 'short ones still fit')).toBe(true);
    proxy.resume();
    await until(() => n2.frames.length === taken + 1 && n1.status('n2')!.queueBytes === 0);
    expect(n1.sendNow('n2', piece)).toBe(true);
    await until(() => n2.frames.length === taken + 2);
    expect(n1.events).toEqual(['+n2']);
  });

  it('an OperationalError over a message closes the connection, and another one is made', async () => {
    let bad = true;
    const [n1, n2] = await pair({}, {
      onFrame: () => {
        if (bad) throw new OperationalError('PEER_BAD_MESSAGE', 'cannot be read');
        n2Frames++;
      },
    });
    let n2Frames = 0;
    n1.sendNow('n2', 'bad');
    await until(() => n2.events.length === 3 && n1.isConnected('n2') && n2.isConnected('n1'));
    bad = false;
    expect(n2.events).toEqual(['+n1', '-n1', '+n1']);
    n1.sendNow('n2', 'good');
    await until(() => n2Frames === 1);
  });
});

describe('connections between members', () => {
  it('come again after they broke, and whatever came before came in order', async () => {
    const [n1, n2, proxy] = await pairBehindProxy();
    const seed = testSeed('PEER_FRAMES_SEED');
    const random = new SeededRandom(seed);
    let sent = 0;
    for (let cuts = 0; cuts < 10; cuts++) {
      const downs = n1.events.length;
      for (let n = random.below(200); n >= 0; n--) n1.sendNow('n2', String(sent++));
      proxy.cut();
      await until(() => n1.events.length >= downs + 2 && n1.isConnected('n2') && n2.isConnected('n1'));
    }
    n1.sendNow('n2', 'last');
    await until(() => n2.texts().at(-1) === 'last');
    const numbers = n2.texts().slice(0, -1).map(Number);
    expect(numbers.every((number, i) => i === 0 || number > numbers[i - 1]!), `seed ${seed}`).toBe(true);
    expect(n1.events.filter((event) => event === '-n2').length).toBe(10);
    expect(n1.events.filter((event) => event === '+n2').length).toBe(11);
  });

  it('are dialled by either side: it is enough that one knows where the other is', async () => {
    for (const [knowing, known] of [['n1', 'n2'], ['n2', 'n1']] as const) {
      const a = await Member.start(knowing);
      const b = await Member.start(known);
      a.knows([b]);
      await until(() => b.isConnected(knowing));
      expect(b.sendNow(knowing, 'back')).toBe(true);
      await until(() => a.texts().includes('back'));
      expect(b.status(knowing)!.address).toBeNull();
      await closeMembers();
    }
  });

  it('are one for each pair, however often both dial at once', async () => {
    for (let round = 0; round < 15; round++) {
      const n1 = await Member.start('n1', { timing: { backoffMinMs: 0 } });
      const n2 = await Member.start('n2', { timing: { backoffMinMs: 0 } });
      const towardsN1 = await proxyTo(n1.port);
      const towardsN2 = await proxyTo(n2.port);
      n1.knows([{ id: 'n2', port: towardsN2.port }]);
      n2.knows([{ id: 'n1', port: towardsN1.port }]);
      await until(() => n1.isConnected('n2') && n2.isConnected('n1') && towardsN1.connections + towardsN2.connections === 1);
      // Up and down alternate, and both ends are of the same connection: what one sends the other gets.
      for (const { events } of [n1, n2]) expect(events.every((event, i) => event.startsWith(i % 2 === 0 ? '+' : '-'))).toBe(true);
      expect(n1.sendNow('n2', 'to n2') && n2.sendNow('n1', 'to n1')).toBe(true);
      await until(() => n1.frames.length === 1 && n2.frames.length === 1);
      await closeMembers();
    }
  });

  it('are taken over by a member that was restarted, before its old connection is known to be dead', async () => {
    const [n1, n2, proxy] = await pairBehindProxy({ timing: { silenceMaxMs: 1_000_000 } });
    // The old process vanishes without a word.
    proxy.block();
    const again = await Member.start('n2');
    again.knows([n1]);
    await until(() => again.isConnected('n1') && n1.events.length === 3);
    expect(n1.events).toEqual(['+n2', '-n2', '+n2']);
    n1.sendNow('n2', 'to the new one');
    await until(() => again.frames.length === 1);
    expect(n2.frames).toEqual([]);
  });

  it('that are silent are given up by both sides', async () => {
    const [n1, n2, proxy] = await pairBehindProxy({ timing: { silenceMaxMs: 300, pingAfterMs: 50 } });
    const beganMs = performance.now();
    proxy.block();
    await until(() => n1.events.includes('-n2') && n2.events.includes('-n1'));
    expect(performance.now() - beganMs).toBeGreaterThan(250);
    expect(n1.status('n2')!.lastError).toMatch(/nothing came from n2 for \d+ ms/);
    proxy.resume();
    await until(() => n1.isConnected('n2') && n2.isConnected('n1'));
  });

  it.each(['out', 'in'] as const)('that carry nothing in one direction (%s) are given up by both sides', async (direction) => {
    const [n1, n2, proxy] = await pairBehindProxy({ timing: { silenceMaxMs: 300, pingAfterMs: 50, handshakeMaxMs: 300 } });
    proxy.block(direction);
    await until(() => n1.events.includes('-n2') && n2.events.includes('-n1'));
    expect(n1.isConnected('n2')).toBe(false);
    proxy.resume();
    await until(() => n1.isConnected('n2') && n2.isConnected('n1'));
  });

  it('with nothing to carry stay', async () => {
    const [n1, n2] = await pair({ timing: { silenceMaxMs: 250, pingAfterMs: 50 } }, { timing: { silenceMaxMs: 250, pingAfterMs: 50 } });
    // Two seconds of pings: eight times what ends a silent connection.
    await until(() => n1.status('n2')!.bytesIn > 16 * 40);
    expect(n1.events).toEqual(['+n2']);
    expect(n2.events).toEqual(['+n1']);
    expect(n1.status('n2')!.rttMs).toBeGreaterThanOrEqual(0);
    expect(n1.status('n2')!.rttMs).toBeLessThan(1000);
  });

  it('survive a process that was stopped for longer than silence is borne', async () => {
    const [n1, n2] = await pair({ timing: { silenceMaxMs: 300, pingAfterMs: 50 } }, { timing: { silenceMaxMs: 300, pingAfterMs: 50 } });
    const endMs = performance.now() + 1000;
    while (performance.now() < endMs);
    const { bytesIn } = n1.status('n2')!;
    await until(() => n1.status('n2')!.bytesIn > bytesIn + 100);
    expect([...n1.events, ...n2.events]).toEqual(['+n2', '+n1']);
  });

  it('follow a changed address from the next attempt on', async () => {
    const [n1, n2, proxy] = await pairBehindProxy();
    const other = await proxyTo(n2.port);
    n1.knows([{ id: 'n2', port: other.port }]);
    expect(n1.isConnected('n2')).toBe(true);
    proxy.refuse();
    await until(() => other.connections === 1 && n1.isConnected('n2'));
    // An attempt that hangs at the old address is given up at once.
    other.block();
    other.cut();
    await until(() => other.accepted === 2);
    n1.knows([n2]);
    await until(() => n1.isConnected('n2'));
    expect(n1.status('n2')!.address).toEqual({ host: '127.0.0.1', port: n2.port });
  });

  it('of those no longer named are closed', async () => {
    const [n1, n2] = await pairBehindProxy();
    n1.knows([]);
    await until(() => n2.events.includes('-n1'));
    expect(n1.events).toEqual(['+n2', '-n2']);
    expect(n1.transport.peers()).toEqual([]);
    expect(n1.sendNow('n2', 'lost')).toBe(false);
  });

  it('are dialled with growing and random pauses while nobody answers, and told of once', async () => {
    const n2 = await Member.start('n2');
    const proxy = await proxyTo(n2.port);
    proxy.refuse();
    const randoms: number[] = [];
    const n1 = await Member.start('n1', { random: () => randoms[randoms.push(0.5) - 1]!, timing: { backoffMinMs: 20, backoffMaxMs: 160 } });
    const beganMs = performance.now();
    n1.knows([{ id: 'n2', port: proxy.port }]);
    await until(() => proxy.accepted === 6);
    // (0, 40, 80, 160, 160, 160) × (0.5 + 0.5 / 2).
    expect(performance.now() - beganMs).toBeGreaterThan(600 * 0.75 - 20);
    expect(randoms.length).toBeGreaterThanOrEqual(6);
    expect(n1.warnings.length).toBe(1);
    expect(n1.warnings[0]).toMatch(/^Cannot connect to member n2 at 127\.0\.0\.1:\d+: .*\(PEER_DOWN\)$/);
    proxy.resume();
    await until(() => n1.isConnected('n2'));
    expect(n1.status('n2')!.lastError).toBe('');
  });

  it('end when the transport is closed, and what was sent before still comes', async () => {
    const [n1, n2] = await pair();
    for (let i = 0; i < 100; i++) n1.transport.send('n2', 'g', Buffer.from(String(i)));
    await n1.transport.close();
    await until(() => n2.events.includes('-n1'));
    expect(n2.texts()).toEqual(Array.from({ length: 100 }, (_, i) => String(i)));
    expect(n1.events).toEqual(['+n2']);
  });
});
