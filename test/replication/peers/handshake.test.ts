/** Who gets in and who does not: secrets, clusters, versions, ids; and those who come to disturb. */
import net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { FRAME_HEAD_BYTES, FrameType } from '../../../src/replication/peers/frames.ts';
import { HandshakeType, Purpose, encodeHello, encodeNumber, encodeStreamRequest, handshakeMessage } from '../../../src/replication/peers/handshake-messages.ts';
import { FaultyProxy } from '../../support/faulty-proxy.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { Member, OTHER_CLUSTER, closeMembers, until } from './peer-rig.ts';
import { HELLO, Stranger } from './stranger.ts';
import { testSeed } from '../../support/test-seed.ts';

const SECRET = 'open sesame';
const strangers: Stranger[] = [];
const closers: (() => Promise<void> | void)[] = [];

function strangerTo(member: Member): Stranger {
  const stranger = new Stranger(member.port);
  strangers.push(stranger);
  return stranger;
}

/** What n1 and n2, whose options differ, have against each other: the codes in n1's and n2's status and warnings. */
async function quarrel(n1: Member, n2: Member): Promise<void> {
  n1.knows([n2]);
  n2.knows([n1]);
  await until(() => n1.status('n2')!.lastError !== '' && n2.status('n1')!.lastError !== '');
}

function messageFrame(text: string): Buffer {
  const name = Buffer.alloc(FRAME_HEAD_BYTES + 1, 'g');
  name.writeUInt32BE(1, 0);
  name.fill(0, 4, 8);
  name[4] = FrameType.group;
  const frame = Buffer.alloc(FRAME_HEAD_BYTES + text.length);
  frame.writeUInt32BE(text.length, 0);
  frame[4] = FrameType.message;
  frame.write(text, FRAME_HEAD_BYTES, 'latin1');
  return Buffer.concat([name, frame]);
}

afterEach(async () => {
  for (const stranger of strangers.splice(0)) stranger.close();
  await closeMembers();
  for (const close of closers.splice(0)) await close();
});

describe('members refuse each other', () => {
  it('for another secret', async () => {
    const n1 = await Member.start('n1');
    const n2 = await Member.start('n2', { secret: 'open sesame!' });
    await quarrel(n1, n2);
    for (const [member, other] of [[n1, 'n2'], [n2, 'n1']] as const) {
      expect(member.status(other)!.lastError).toMatch(/n1 and n2 have different cluster secrets|n2 and n1 have different cluster secrets/);
      expect(member.isConnected(other)).toBe(false);
      expect(member.events).toEqual([]);
    }
    await until(() => n1.warnings.some((warning) => /Cannot connect to member n2 .*\(PEER_SECRET\)/.test(warning)));
    await until(() => n1.warnings.some((warning) => /connection from 127\.0\.0\.1 .* turned away: .*\(PEER_SECRET\)/.test(warning)));
  });

  it('for no secret', async () => {
    const n1 = await Member.start('n1');
    await quarrel(n1, await Member.start('n2', { secret: '' }));
    expect(n1.events).toEqual([]);
    expect(n1.status('n2')!.lastError).toMatch('different cluster secrets');
  });

  it('for another cluster', async () => {
    const n1 = await Member.start('n1');
    const n2 = await Member.start('n2', { clusterId: OTHER_CLUSTER });
    await quarrel(n1, n2);
    expect(n1.status('n2')!.lastError).toBe(`n2 belongs to cluster ${OTHER_CLUSTER}, n1 to ${'c'.repeat(40)}`);
    expect([...n1.events, ...n2.events]).toEqual([]);
  });

  it('for being another one than was looked for', async () => {
    const n1 = await Member.start('n1');
    const n2 = await Member.start('n2');
    n1.knows([{ id: 'n3', port: n2.port }]);
    await until(() => n1.warnings.length > 0);
    expect(n1.warnings[0]).toMatch(/at the address of n3 listens n2 \(PEER_WRONG_MEMBER\)$/);
    expect(n2.transport.peers()).toEqual([]);
  });

  it('for being oneself, at one\'s own address or in another process under the same id', async () => {
    const n1 = await Member.start('n1');
    n1.knows([{ id: 'n2', port: n1.port }]);
    await until(() => n1.warnings.length > 0);
    expect(n1.warnings[0]).toMatch(/member n1 is connected to itself: the address is its own \(PEER_SELF\)$/);
    const twin = await Member.start('n1');
    twin.knows([{ id: 'n2', port: n1.port }]);
    await until(() => twin.warnings.length > 0);
    expect(twin.warnings[0]).toMatch(/another process runs under the same id \(PEER_SELF\)$/);
  });
});

describe('members', () => {
  it('who join a cluster are connected anew, and fully, once they know which it is', async () => {
    const n1 = await Member.start('n1', { clusterId: '' });
    const n2 = await Member.start('n2');
    n1.knows([n2]);
    await until(() => n1.status('n2')!.joining && n2.status('n1')?.joining === true);
    expect(n1.sendNow('n2', 'too early')).toBe(false);
    expect(n2.sendNow('n1', 'too early')).toBe(false);
    n1.transport.setClusterId('c'.repeat(40));
    await until(() => n1.events.length > 0 && n2.events.length > 0);
    expect(n1.sendNow('n2', 'now')).toBe(true);
    await until(() => n2.frames.length === 1);
    expect([n1.status('n2')!.joining, n2.status('n1')!.joining]).toEqual([false, false]);
    expect([...n1.events, ...n2.events]).toEqual(['+n2', '+n1']);
  });
});

describe('a transport does not start', () => {
  it('without a secret where strangers can reach it', async () => {
    await expect(Member.start('n1', { secret: '', listen: [{ host: '0.0.0.0', port: 0 }] })).rejects.toMatchObject({ code: 'PEER_SECRET_MISSING' });
    await expect(Member.start('n1', { secret: '', listen: [{ host: '127.0.0.1', port: 0 }, { host: '::', port: 0 }] })).rejects.toMatchObject({ code: 'PEER_SECRET_MISSING' });
    await Member.start('n1', { secret: '', listen: [{ host: '127.0.0.1', port: 0 }] });
  });

  it('on a port that is taken', async () => {
    const n1 = await Member.start('n1');
    await expect(Member.start('n2', { listen: [{ host: '127.0.0.1', port: n1.port }] })).rejects.toMatchObject({ code: 'PEER_LISTEN_FAILED' });
  });

  it('but does on both wildcards, as redis.conf has them, and without an address that the machine lacks if it is optional', async () => {
    const wildcards = [{ host: '0.0.0.0', port: 0 }, { host: '::', port: 0, optional: true }];
    const n1 = await Member.start('n1', { listen: [...wildcards, { host: '192.0.2.1', port: 0, optional: true }] });
    const n2 = await Member.start('n2');
    n2.knows([n1]);
    await until(() => n2.isConnected('n1'));
    await expect(Member.start('n3', { listen: [...wildcards, { host: '192.0.2.1', port: 0 }] })).rejects.toMatchObject({ code: 'PEER_LISTEN_FAILED' });
    await expect(Member.start('n3', { listen: [{ host: '127.0.0.1', port: n1.port, optional: true }] })).rejects.toMatchObject({ code: 'PEER_LISTEN_FAILED' });
  });

  it('but does on several addresses, all on one port', async () => {
    const n1 = await Member.start('n1', { listen: [{ host: '127.0.0.1', port: 0 }, { host: '127.0.0.2', port: 0 }] });
    const n2 = await Member.start('n2');
    n2.transport.setPeers(new Map([['n1', { host: '127.0.0.2', port: n1.port }]]));
    await until(() => n2.isConnected('n1'));
  });
});

describe('a stranger', () => {
  it('who knows the secret gets in: what the others below lack is nothing else', async () => {
    const n1 = await Member.start('n1');
    const stranger = strangerTo(n1);
    await stranger.introduce(SECRET);
    expect((await stranger.hear())!.type).toBe(HandshakeType.accept);
    stranger.socket.write(messageFrame('let in'));
    await until(() => n1.frames.length === 1);
    expect(n1.frames).toEqual([{ from: 'n9', group: 'g', text: 'let in' }]);
  });

  it('of a smaller id decides himself on the connection, which counts from then on', async () => {
    const n5 = await Member.start('n5');
    const stranger = strangerTo(n5);
    await stranger.introduce(SECRET, { ...HELLO, memberId: 'n1' });
    expect((await stranger.hear())!.type).toBe(HandshakeType.accept);
    expect(n5.events).toEqual([]);
    stranger.socket.write(Buffer.concat([handshakeMessage(HandshakeType.go, encodeNumber(1)), messageFrame('let in')]));
    await until(() => n5.frames.length === 1);
    expect(n5.events).toEqual(['+n1']);
  });

  it.each([
    ['whose proof has a flipped bit', (proof: Buffer) => { proof[31]! ^= 1; return proof; }],
    ['whose proof is too short', (proof: Buffer) => proof.subarray(0, 31)],
    ['whose proof is empty', () => Buffer.alloc(0)],
    ['whose proof is too long', (proof: Buffer) => Buffer.concat([proof, Buffer.of(0)])],
  ])('%s is refused', async (_, twist) => {
    const n1 = await Member.start('n1');
    const stranger = strangerTo(n1);
    await stranger.introduce(SECRET, HELLO, Buffer.alloc(0), twist);
    stranger.socket.write(messageFrame('not let in'));
    expect(await stranger.refusal()).toBe('PEER_SECRET');
    await stranger.ended;
    expect(n1.frames).toEqual([]);
    expect(n1.transport.peers()).toEqual([]);
  });

  it('who does not wait to be let in is not listened to', async () => {
    const n1 = await Member.start('n1');
    const stranger = strangerTo(n1);
    stranger.socket.write(Buffer.concat([handshakeMessage(HandshakeType.hello, encodeHello(HELLO)), messageFrame('not let in')]));
    expect((await stranger.hear())!.type).toBe(HandshakeType.reply);
    expect(await stranger.refusal()).toBe('');
    expect(n1.frames).toEqual([]);
  });

  it('who repeats what a member once said is refused', async () => {
    const n1 = await Member.start('n1');
    const said: Buffer[] = [];
    const recorder = net.createServer((socket) => {
      const onward = net.connect({ port: n1.port, host: '127.0.0.1' });
      socket.on('data', (piece) => said.push(piece));
      socket.pipe(onward).pipe(socket);
      for (const each of [socket, onward]) each.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => {
      recorder.listen(0, '127.0.0.1', resolve);
    });
    const n2 = await Member.start('n2');
    n2.knows([{ id: 'n1', port: (recorder.address() as net.AddressInfo).port }]);
    // The one that dialled is the last to know that it is let in.
    await until(() => n1.isConnected('n2') && n2.isConnected('n1'));
    n2.sendNow('n1', 'genuine');
    await until(() => n1.frames.length === 1);
    recorder.close();
    const stranger = strangerTo(n1);
    stranger.socket.write(Buffer.concat(said));
    expect((await stranger.hear())!.type).toBe(HandshakeType.reply);
    expect(await stranger.refusal()).toBe('PEER_SECRET');
    expect(n1.texts()).toEqual(['genuine']);
  });

  it('who holds up a mirror sees nobody come in', async () => {
    const n1 = await Member.start('n1');
    const mirror = await FaultyProxy.to(n1.port);
    closers.push(() => mirror.close());
    n1.knows([{ id: 'n2', port: mirror.port }]);
    await until(() => n1.warnings.some((warning) => warning.includes('PEER_SELF')));
    expect(n1.events).toEqual([]);
  });

  it('of another version hears of it; one that also speaks ours gets an answer', async () => {
    const n1 = await Member.start('n1');
    const newer = strangerTo(n1);
    newer.socket.write(handshakeMessage(HandshakeType.hello, encodeHello({ ...HELLO, versionMin: 2, versionMax: 3 }), Buffer.from('and more')));
    expect(await newer.refusal()).toBe('PEER_VERSION');
    await until(() => n1.warnings.some((warning) => warning.includes('n9 speaks versions 2 to 3 of the protocol, this member 1 to 1')));
    const both = strangerTo(n1);
    both.socket.write(handshakeMessage(HandshakeType.hello, encodeHello({ ...HELLO, versionMax: 3 }), Buffer.from('and more')));
    expect((await both.hear())!.type).toBe(HandshakeType.reply);
  });

  it('may not open a stream without having joined', async () => {
    const n1 = await Member.start('n1');
    const stranger = strangerTo(n1);
    await stranger.introduce(SECRET, { ...HELLO, clusterId: '', purpose: Purpose.stream }, encodeStreamRequest({ kind: 'snapshot', header: {} }));
    expect(await stranger.refusal()).toBe('PEER_NOT_JOINED');
    expect(n1.streams).toEqual([]);
  });

  it('may not send messages without having joined', async () => {
    const n1 = await Member.start('n1');
    const stranger = strangerTo(n1);
    await stranger.introduce(SECRET, { ...HELLO, clusterId: '' });
    expect((await stranger.hear())!.type).toBe(HandshakeType.accept);
    stranger.socket.write(messageFrame('too early'));
    await stranger.ended;
    expect(n1.frames).toEqual([]);
    expect(n1.events).toEqual([]);
  });

  it.each([
    ['a browser', 'GET / HTTP/1.1\r\nHost: holdfast\r\n\r\n'],
    ['a Redis client', '*1\r\n$4\r\nPING\r\n'],
    ['zeros', '\0'.repeat(64)],
    ['a hello that is too long', '\x02\x01\x01'],
    ['a message of no known type', '\x00\x01\x07'],
    ['a message out of turn', '\x00\x08\x05\x00\x00\x00\x00\x00\x00\x00\x01'],
  ])('who is %s is cut off at once and without a word', async (_, said) => {
    const n1 = await Member.start('n1', { timing: { handshakeMaxMs: 1_000_000 } });
    const stranger = strangerTo(n1);
    stranger.socket.write(said, 'latin1');
    await stranger.ended;
    expect(stranger.unheard.length).toBe(0);
    expect(n1.transport.visitors).toBe(0);
    expect(n1.warnings.length).toBe(1);
  });

  it('who listens in a member\'s place without the secret is not spoken to', async () => {
    const impostor = net.createServer((socket) => {
      socket.once('data', () => {
        socket.write(handshakeMessage(HandshakeType.reply, encodeHello({ ...HELLO, memberId: 'n2' })));
        socket.once('data', () => socket.write(handshakeMessage(HandshakeType.accept, Buffer.alloc(32), encodeNumber(1))));
      });
      socket.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => {
      impostor.listen(0, '127.0.0.1', resolve);
    });
    closers.push(() => { impostor.close(); });
    const n1 = await Member.start('n1');
    n1.knows([{ id: 'n2', port: (impostor.address() as net.AddressInfo).port }]);
    await until(() => n1.warnings.length > 0);
    expect(n1.warnings[0]).toMatch(/n2 and n1 have different cluster secrets \(PEER_SECRET\)$/);
    expect(n1.events).toEqual([]);
    expect(n1.isConnected('n2')).toBe(false);
  });

  it('who changes any byte of a handshake, or sends noise, does not get in and breaks nothing', async () => {
    const seed = testSeed('PEER_FRAMES_SEED');
    const random = new SeededRandom(seed);
    const n1 = await Member.start('n1');
    for (let run = 0; run < 150; run++) {
      const stranger = strangerTo(n1);
      if (run % 3 === 0) {
        stranger.socket.write(random.bytes(random.below(700)));
        stranger.socket.end();
      } else if (run % 3 === 1) {
        const hello = handshakeMessage(HandshakeType.hello, encodeHello(HELLO));
        hello[random.below(hello.length)]! ^= 1 << random.below(8);
        stranger.socket.write(Buffer.concat([hello, messageFrame('not let in')]));
        stranger.socket.end();
      } else {
        await stranger.introduce(SECRET, HELLO, Buffer.alloc(0), (proof) => {
          proof[random.below(proof.length)]! ^= 1 << random.below(8);
          return proof;
        });
      }
      await stranger.ended;
    }
    expect(n1.frames, `seed ${seed}`).toEqual([]);
    expect(n1.events, `seed ${seed}`).toEqual([]);
    const n2 = await Member.start('n2');
    n2.knows([n1]);
    await until(() => n1.isConnected('n2'));
  });

  it('who dawdles is cut off', async () => {
    const n1 = await Member.start('n1', { timing: { handshakeMaxMs: 200 } });
    const silent = strangerTo(n1);
    const slow = strangerTo(n1);
    const hello = handshakeMessage(HandshakeType.hello, encodeHello(HELLO));
    let at = 0;
    const dripping = setInterval(() => slow.socket.write(hello.subarray(at, ++at)), 10);
    const beganMs = performance.now();
    await Promise.all([silent.ended, slow.ended]);
    clearInterval(dripping);
    expect(performance.now() - beganMs).toBeGreaterThan(150);
    expect(at).toBeLessThan(hello.length);
    expect(n1.warnings[0]).toMatch(/no end of the handshake within 200 ms \(PEER_HANDSHAKE\)$/);
  });

  it('who brings a crowd neither grows without bound nor keeps members out', async () => {
    const n1 = await Member.start('n1');
    const crowd = Array.from({ length: 400 }, () => strangerTo(n1));
    await until(() => n1.transport.visitors === 256);
    const n2 = await Member.start('n2');
    n2.knows([n1]);
    await until(() => n1.isConnected('n2'));
    expect(crowd.filter(({ socket }) => !socket.destroyed).length).toBeGreaterThan(200);
    // Hundreds were turned away, and it is told once.
    expect(n1.warnings.length).toBe(1);
    expect(n1.warnings[0]).toContain('PEER_BUSY');
  });
});
