/** Streams between members: every byte, back-pressure, and ends that can be told from deaths. */
import { createHash } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { OperationalError } from '../../../src/shared/errors.ts';
import { Purpose, HandshakeType, encodeStreamRequest } from '../../../src/replication/peers/handshake-messages.ts';
import { FaultyProxy } from '../../support/faulty-proxy.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { Member, closeMembers, pair, until } from './peer-rig.ts';
import { HELLO, Stranger } from './stranger.ts';
import { testSeed } from '../../support/test-seed.ts';

const MIB = 1024 * 1024;
const proxies: FaultyProxy[] = [];

/** A stream from n1 to n2, and its other end. */
async function streamOf(n1: Member, n2: Member): Promise<[Duplex, Duplex]> {
  const near = await n1.transport.openStream('n2', 'test', { at: 7, name: 'x' });
  return [near, n2.streams.at(-1)!.stream];
}

/** n1 reaches n2 through a proxy only. */
async function pairBehindProxy(options: Parameters<typeof Member.start>[1] = {}): Promise<[Member, Member, FaultyProxy]> {
  const n1 = await Member.start('n1', options);
  const n2 = await Member.start('n2', options);
  const proxy = await FaultyProxy.to(n2.port);
  proxies.push(proxy);
  n1.knows([{ id: 'n2', port: proxy.port }]);
  await until(() => n1.isConnected('n2') && n2.isConnected('n1'));
  return [n1, n2, proxy];
}

/** All that comes before the end. Not by `for await`, which destroys what it has read, the way back included. */
function contents(stream: Duplex): Promise<Buffer> {
  const pieces: Buffer[] = [];
  stream.on('data', (piece: Buffer) => pieces.push(piece));
  return new Promise((resolve, reject) => {
    stream.once('end', () => resolve(Buffer.concat(pieces)));
    stream.once('error', reject);
  });
}

/** The error that ends `stream`, and whether an end came before it. */
function failureOf(stream: Duplex): Promise<{ code: string; message: string; ended: boolean }> {
  let ended = false;
  stream.on('end', () => {
    ended = true;
  });
  stream.resume();
  return new Promise((resolve) => {
    stream.on('error', (error: OperationalError) => resolve({ code: error.code, message: error.message, ended }));
  });
}

function digest(bytes: Buffer): string {
  return createHash('sha1').update(bytes).digest('hex');
}

afterEach(async () => {
  await closeMembers();
  await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
});

describe('streams', () => {
  it('are announced with who, what and a header', async () => {
    const [n1, n2] = await pair();
    await streamOf(n1, n2);
    expect(n2.streams.map(({ kind, from, header }) => ({ kind, from, header }))).toEqual([{ kind: 'test', from: 'n1', header: { at: 7, name: 'x' } }]);
    await n2.transport.openStream('n1', 'back', {});
    expect(n1.streams.length).toBe(1);
  });

  it('carry every byte in both directions at once, in whatever pieces', async () => {
    const [n1, n2] = await pair();
    const [near, far] = await streamOf(n1, n2);
    const seed = testSeed('PEER_FRAMES_SEED');
    const random = new SeededRandom(seed);
    const write = async (stream: Duplex): Promise<Buffer> => {
      const pieces: Buffer[] = [];
      for (let bytes = 0; bytes < 8 * MIB;) {
        const length = random.chance(0.1) ? random.below(3 * MIB) : random.below(40_000);
        const piece = Buffer.alloc(length, random.bytes(17));
        pieces.push(piece);
        bytes += length;
        if (!stream.write(piece)) await new Promise((resolve) => stream.once('drain', resolve));
      }
      stream.end();
      return Buffer.concat(pieces);
    };
    const [there, back, arrivedThere, arrivedBack] = await Promise.all([write(near), write(far), contents(far), contents(near)]);
    expect([digest(arrivedThere), digest(arrivedBack)], `seed ${seed}`).toEqual([digest(there), digest(back)]);
  });

  it('end in one direction while the other goes on', async () => {
    const [n1, n2] = await pair();
    const [near, far] = await streamOf(n1, n2);
    near.end('question');
    expect((await contents(far)).toString()).toBe('question');
    far.end('answer');
    expect((await contents(near)).toString()).toBe('answer');
    await until(() => near.destroyed && far.destroyed);
    expect([near.errored, far.errored]).toEqual([null, null]);
  });

  it('make the writer wait for the reader', async () => {
    const [n1, n2] = await pair();
    const [near, far] = await streamOf(n1, n2);
    const piece = Buffer.alloc(MIB, 'x');
    let written = 0;
    let waiting = false;
    const writing = (async () => {
      for (; written < 64; written++) {
        if (near.write(piece)) continue;
        waiting = true;
        await new Promise((resolve) => near.once('drain', resolve));
        waiting = false;
      }
      near.end();
    })();
    // Nobody reads: the writer stands still once the buffers of both sides and of the kernels are full.
    let seen = -1;
    await until(() => {
      const still = waiting && written === seen;
      seen = written;
      return still;
    });
    expect(written).toBeLessThan(32);
    expect(near.writableLength).toBeLessThan(3 * MIB);
    expect(far.readableLength).toBeLessThan(2 * MIB);
    expect((await contents(far)).length).toBe(64 * MIB);
    await writing;
  });

  it('do not hold up messages', async () => {
    const [n1, n2] = await pair();
    const [near] = await streamOf(n1, n2);
    near.write(Buffer.alloc(32 * MIB));
    n1.sendNow('n2', 'ahead of it');
    await until(() => n2.frames.length === 1);
  });

  it('are refused with an error that reaches the one who opened it', async () => {
    const [n1] = await pair({}, { onStream: (_kind, _from, _header, stream) => stream.destroy(new OperationalError('SNAPSHOT_NONE', 'there is no snapshot')) });
    await expect(n1.transport.openStream('n2', 'snapshot', {})).rejects.toMatchObject({ code: 'SNAPSHOT_NONE', message: 'there is no snapshot' });
  });

  it.each([['dialler', 0], ['acceptor', 1]] as const)('fail at both ends when the %s fails, with its error', async (_, failing) => {
    const [n1, n2] = await pair();
    const ends = await streamOf(n1, n2);
    const failure = failureOf(ends[1 - failing]!);
    ends[failing]!.write('some');
    ends[failing]!.destroy(new OperationalError('DISK_FULL', 'no room'));
    expect(await failure).toEqual({ code: 'DISK_FULL', message: 'no room', ended: false });
  });

  it('fail when the other side closes them before it ended them', async () => {
    const [n1, n2] = await pair();
    const [near, far] = await streamOf(n1, n2);
    const failure = failureOf(far);
    near.destroy();
    expect(await failure).toMatchObject({ code: 'PEER_STREAM_CLOSED', ended: false });
  });

  it('never just end when their connection breaks', async () => {
    const [n1, n2, proxy] = await pairBehindProxy();
    const [near, far] = await streamOf(n1, n2);
    near.write('half of it');
    await until(() => far.readableLength > 0);
    const failures = Promise.all([failureOf(near), failureOf(far)]);
    proxy.cut();
    for (const failure of await failures) expect(failure).toMatchObject({ code: 'PEER_DOWN', ended: false });
  });

  it('fail when the member at the other end is found silent', async () => {
    const [n1, n2, proxy] = await pairBehindProxy({ timing: { silenceMaxMs: 300 } });
    const [near, far] = await streamOf(n1, n2);
    const failures = Promise.all([failureOf(near), failureOf(far)]);
    proxy.block();
    for (const failure of await failures) expect(failure).toMatchObject({ code: 'PEER_SILENT', ended: false });
  });

  it('stay when only the connection for messages is made anew', async () => {
    const [n1, n2] = await pair();
    const [near, far] = await streamOf(n1, n2);
    let bad = true;
    const n3 = await Member.start('n3', {
      onFrame: () => {
        if (bad) throw new OperationalError('PEER_BAD_MESSAGE', 'cannot be read');
      },
    });
    n1.knows([n2, n3]);
    await until(() => n1.isConnected('n3'));
    const other = await n1.transport.openStream('n3', 'test', {});
    n1.sendNow('n3', 'bad');
    await until(() => n1.events.filter((event) => event === '+n3').length === 2);
    bad = false;
    other.end('through');
    near.end('through');
    expect((await contents(n3.streams[0]!.stream)).toString()).toBe('through');
    expect((await contents(far)).toString()).toBe('through');
  });

  it('cannot be opened to whom nobody knows, nor outside a cluster', async () => {
    const [n1] = await pair();
    await expect(n1.transport.openStream('n3', 'test', {})).rejects.toMatchObject({ code: 'PEER_NOT_CONNECTED' });
    await expect(n1.transport.openStream('n2', 'test', { long: 'x'.repeat(10_000) })).rejects.toMatchObject({ code: 'PEER_PROTOCOL' });
    await closeMembers();
    const n4 = await Member.start('n4', { clusterId: '' });
    n4.knows([await Member.start('n5')]);
    await expect(n4.transport.openStream('n5', 'test', {})).rejects.toMatchObject({ code: 'PEER_NOT_JOINED' });
  });

  it('fail when either transport is closed', async () => {
    const [n1, n2] = await pair();
    const [near, far] = await streamOf(n1, n2);
    const failures = Promise.all([failureOf(near), failureOf(far)]);
    await n2.transport.close();
    for (const failure of await failures) expect(failure).toMatchObject({ code: 'PEER_CLOSED', ended: false });
  });

  it.each([
    ['of an unknown type', Buffer.of(9, 0, 0, 0)],
    ['longer than allowed', Buffer.of(1, 0xff, 0xff, 0xff)],
    ['behind the end', Buffer.of(2, 0, 0, 0, 1, 0, 0, 1, 65)],
  ])('fail over a chunk %s', async (_, chunk) => {
    const n1 = await Member.start('n1');
    const stranger = new Stranger(n1.port);
    await stranger.introduce('open sesame', { ...HELLO, purpose: Purpose.stream }, encodeStreamRequest({ kind: 'test', header: {} }));
    expect((await stranger.hear())!.type).toBe(HandshakeType.accept);
    await until(() => n1.streams.length === 1);
    const failure = failureOf(n1.streams[0]!.stream);
    stranger.socket.write(chunk);
    expect((await failure).code).toBe('PEER_PROTOCOL');
    stranger.close();
  });
});
