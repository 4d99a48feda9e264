/**
 * Messages come out of their frames as they went in; and whatever else a frame may hold, it is refused by an OperationalError.
 * PEER_CODEC_RUNS: how many random messages and frames (default 4000). PEER_CODEC_SEED: the seed (default: the clock).
 */
import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { OperationalError } from '../../src/shared/errors.ts';
import { decodePeerMessage, encodePeerMessage, peerMessageBytes, writePeerMessage } from '../../src/txlog/peer-message-codec.ts';
import { firstConfig } from '../../src/txlog/raft/configuration.ts';
import type { Entry, EntryKind, MemberConfig, PeerMessage } from '../../src/txlog/raft/types.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { testSeed } from '../support/test-seed.ts';

const RUNS = Number(process.env.PEER_CODEC_RUNS ?? 4000);
const SEED = testSeed('PEER_CODEC_SEED');
const KINDS: readonly EntryKind[] = ['normal', 'noop', 'config'];
const TYPES: readonly PeerMessage['type'][] = [
  'pre-vote', 'pre-vote-reply', 'vote', 'vote-reply', 'append', 'append-reply', 'heartbeat', 'heartbeat-reply', 'snapshot',
  'snapshot-failed', 'timeout-now', 'read-index', 'read-index-reply',
];
const EDGES = [0, 1, 127, 128, 16383, 16384, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 49, Number.MAX_SAFE_INTEGER];

class Messages extends SeededRandom {
  count(): number {
    return this.chance(0.3) ? this.pick(EDGES) : Math.floor(this.next() * 2 ** this.below(53));
  }

  config(): MemberConfig {
    const ids = ['a', 'b-1', '10.0.0.1:7000', 'x'.repeat(64)].slice(0, 1 + this.below(4));
    const label = String.fromCharCode(...this.bytes(this.below(20)));
    return firstConfig(ids.map((id, i) => ({ id, role: i === 0 ? 'voter' : this.pick(['voter', 'log-only', 'learner']), label })));
  }

  entries(prevIndex: number, prevTerm: number): Entry[] {
    const entries: Entry[] = [];
    let term = prevTerm;
    for (let n = this.chance(0.1) ? this.below(300) : this.below(5); entries.length < n;) {
      if (this.chance(0.2)) term = this.count();
      const data = this.bytes(this.chance(0.05) ? this.below(3000) : this.below(40));
      entries.push({ index: prevIndex + 1 + entries.length, term, kind: this.pick(KINDS), data });
    }
    return entries;
  }

  message(type: PeerMessage['type']): PeerMessage {
    const head = { from: 'n1', to: 'n2', term: this.count() };
    const flag = this.chance(0.5);
    switch (type) {
      case 'pre-vote':
        return { ...head, type, lastIndex: this.count(), lastTerm: this.count() };
      case 'vote':
        return { ...head, type, lastIndex: this.count(), lastTerm: this.count(), transfer: flag };
      case 'pre-vote-reply':
      case 'vote-reply':
        return { ...head, type, granted: flag };
      case 'append': {
        const prevIndex = Math.min(this.count(), Number.MAX_SAFE_INTEGER - 300);
        const prevTerm = this.count();
        return { ...head, type, prevIndex, prevTerm, entries: this.entries(prevIndex, prevTerm), commit: this.count() };
      }
      case 'append-reply':
        return { ...head, type, index: this.count(), rejected: flag, hintIndex: this.count(), hintTerm: this.count(), impaired: this.chance(0.5) };
      case 'heartbeat':
        return { ...head, type, commit: this.count(), round: this.count(), sentTick: this.count() };
      case 'heartbeat-reply':
        return { ...head, type, round: this.count(), sentTick: this.count(), impaired: flag };
      case 'snapshot':
        return { ...head, type, snapshot: { index: this.count(), term: this.count(), config: this.config(), configIndex: this.count() } };
      case 'snapshot-failed':
        return { ...head, type, index: this.count() };
      case 'timeout-now':
        return { ...head, type, round: this.count() };
      case 'read-index':
        return { ...head, type, context: flag ? this.count() : -1 - this.below(1000) };
      case 'read-index-reply':
        return { ...head, type, context: flag ? this.count() : -1 - this.below(1000), index: this.chance(0.3) ? -1 : this.below(2 ** 40) };
    }
  }
}

/** Entries' data as strings: whether it is a Buffer does not matter. */
function plain(message: PeerMessage): unknown {
  return message.type === 'append' ? { ...message, entries: message.entries.map((entry) => ({ ...entry, data: Buffer.from(entry.data).toString('latin1') })) } : message;
}

function seal(frame: Uint8Array): Uint8Array {
  new DataView(frame.buffer, frame.byteOffset).setUint32(0, crc32(frame.subarray(4)));
  return frame;
}

function refusalOf(frame: Uint8Array): string {
  try {
    decodePeerMessage(frame, 'n1', 'n2');
  } catch (error) {
    expect(error).toBeInstanceOf(OperationalError);
    return (error as OperationalError).code;
  }
  return '';
}

const APPEND: PeerMessage = {
  type: 'append', from: 'n1', to: 'n2', term: 7, prevIndex: 300, prevTerm: 6, commit: 299,
  entries: [
    { index: 301, term: 6, kind: 'normal', data: Uint8Array.of(1, 2, 3) },
    { index: 302, term: 7, kind: 'noop', data: new Uint8Array(0) },
  ],
};

describe('peer messages', () => {
  it.each(TYPES)('%s: comes out as it went in, in as many bytes as were foretold', (type) => {
    const random = new Messages(SEED);
    for (let run = 0; run < RUNS / TYPES.length; run++) {
      const message = random.message(type);
      const frame = encodePeerMessage(message);
      expect(plain(decodePeerMessage(frame, 'n1', 'n2')), `PEER_CODEC_SEED=${SEED}, message ${run}`).toEqual(plain(message));
      const within = new Uint8Array(frame.length + 10).fill(0xee);
      expect(peerMessageBytes(message)).toBe(frame.length);
      writePeerMessage(message, within, 5);
      expect(within.subarray(5, 5 + frame.length)).toEqual(frame);
      expect([...within.subarray(0, 5), ...within.subarray(5 + frame.length)]).toEqual(new Array(10).fill(0xee));
    }
  });

  it('the form of an append is fixed: members of different versions speak to each other', () => {
    const behindCrc = '01' + '04' + '00' + '07' + 'ac02' + '06' + 'ab02' + '02' + '0403' + '010700' + '010203';
    const frame = Buffer.from(encodePeerMessage(APPEND));
    expect(frame.toString('hex', 4)).toBe(behindCrc);
    expect(frame.readUInt32BE(0)).toBe(crc32(frame.subarray(4)));
  });

  it('a frame may be used again once it is decoded', () => {
    const frame = encodePeerMessage(APPEND);
    const message = decodePeerMessage(frame, 'n1', 'n2');
    frame.fill(0);
    expect(plain(message)).toEqual(plain(APPEND));
  });

  it('a message of a later version is refused as such', () => {
    const frame = encodePeerMessage(APPEND);
    frame[4] = 2;
    expect(refusalOf(frame)).toBe('PEER_BAD_MESSAGE');
    expect(refusalOf(seal(frame))).toBe('PEER_MESSAGE_VERSION');
  });

  it.each([
    ['of an unknown type', (frame: Uint8Array) => { frame[5] = 13; }],
    ['with a flag that its type has not', (frame: Uint8Array) => { frame[6] = 1; }],
    ['with more entries than bytes', (frame: Uint8Array) => { frame[13] = 100; }],
    ['with an entry that reaches behind the end', (frame: Uint8Array) => { frame[15] = 4; }],
    ['with an entry that ends too early', (frame: Uint8Array) => { frame[15] = 2; }],
    ['with an entry of an unknown kind', (frame: Uint8Array) => { frame[14] = 7; }],
    ['with an entry of an unknown mark', (frame: Uint8Array) => { frame[14] = 12; }],
    ['with a number that goes on with zeros', (frame: Uint8Array) => { frame[9] = 0; }],
  ])('a frame %s is refused though its checksum is right', (_, change) => {
    const frame = encodePeerMessage(APPEND);
    change(frame);
    expect(refusalOf(seal(frame))).toBe('PEER_BAD_MESSAGE');
  });

  it('every single flipped bit and every shorter frame is refused', () => {
    const frame = encodePeerMessage(APPEND);
    for (let bit = 0; bit < frame.length * 8; bit++) {
      frame[bit >> 3]! ^= 1 << (bit & 7);
      expect(refusalOf(frame)).toBe('PEER_BAD_MESSAGE');
      frame[bit >> 3]! ^= 1 << (bit & 7);
    }
    for (let length = 0; length < frame.length; length++) {
      expect(refusalOf(frame.subarray(0, length))).toBe('PEER_BAD_MESSAGE');
      if (length > 4) expect(refusalOf(seal(frame.slice(0, length)))).toBe('PEER_BAD_MESSAGE');
    }
  });

  it('random and changed frames with right checksums: read or refused, and what is read is written back the same', () => {
    const random = new Messages(SEED);
    let read = 0;
    for (let run = 0; run < RUNS * 4; run++) {
      let frame: Uint8Array;
      if (run % 8 === 0) {
        frame = random.bytes(random.below(60));
        if (frame.length > 5) frame[4] = 1;
      } else {
        frame = encodePeerMessage(random.message(random.pick(TYPES)));
        for (let changes = 1 + random.below(3); changes > 0; changes--) frame[5 + random.below(frame.length - 5)] = random.below(256);
        if (random.chance(0.2)) frame = frame.slice(0, random.below(frame.length));
      }
      if (frame.length > 4) seal(frame);
      if (refusalOf(frame) !== '') continue;
      read++;
      const message = decodePeerMessage(frame, 'n1', 'n2');
      // A configuration is JSON and an entry's term may be written out though it is the one before's: other bytes, the same message.
      const again = encodePeerMessage(message);
      expect(plain(decodePeerMessage(again, 'n1', 'n2')), `PEER_CODEC_SEED=${SEED}, frame ${run}`).toEqual(plain(message));
      if (message.type !== 'append' && message.type !== 'snapshot') expect(again).toEqual(frame);
    }
    expect(read).toBeGreaterThan(RUNS / 10);
  });
});
