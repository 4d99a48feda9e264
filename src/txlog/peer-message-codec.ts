/**
 * Bytes of the Raft messages that members send each other. Must never let a damaged or foreign frame through, nor fail with
 * anything but an OperationalError over one: what cannot be read is refused as a whole.
 *
 * Frame: CRC-32 (big-endian) of everything behind it, version, type, flags, the sender's term, then the fields of the type.
 * Numbers are varints: seven bits a byte, the lowest first. Sender and receiver are not in it: the connection knows them.
 * The entries of an append come as heads (kind, term unless it is the one before's, length), then all their data, so that a
 * receiver copies the data of a message in one piece.
 */
import { crc32 } from 'node:zlib';
import { InvariantViolation, OperationalError, invariant } from '../shared/errors.ts';
import { decodeConfig, encodeConfig } from './raft/configuration.ts';
import type { Append, Entry, EntryKind, InstallSnapshot, PeerMessage } from './raft/types.ts';

/** The version that this program writes; it reads no other one yet. */
export const PEER_MESSAGE_VERSION = 1;

const CRC_BYTES = 4;
/** CRC, version, type, flags. */
const PREFIX_BYTES = 7;
/** Flags of all types: there is no bit with two meanings. */
const GRANTED = 1;
const TRANSFER = 2;
const REJECTED = 4;
const IMPAIRED = 8;
const NEGATIVE = 16;

/** By code, which is never to be changed. */
const TYPES = [
  'pre-vote', 'pre-vote-reply', 'vote', 'vote-reply', 'append', 'append-reply', 'heartbeat', 'heartbeat-reply', 'snapshot',
  'snapshot-failed', 'timeout-now', 'read-index', 'read-index-reply',
] as const satisfies readonly PeerMessage['type'][];
const KINDS: readonly EntryKind[] = ['normal', 'noop', 'config'];
const KIND_MASK = 3;
/** In the head of an entry: its term is that of the entry before, or the append's `prevTerm`. */
const SAME_TERM = 4;
/** The shortest head of an entry. */
const ENTRY_HEAD_BYTES_MIN = 2;

function varintBytes(n: number): number {
  if (!(n >= 0 && n <= Number.MAX_SAFE_INTEGER)) throw new InvariantViolation(`peer message: a number of ${n}`);
  let bytes = 1;
  for (; n > 127; n = Math.floor(n / 128)) bytes++;
  return bytes;
}

const NO_BYTES: Uint8Array = new Uint8Array(0);

/** Where the next byte goes or comes from: one message is written or read at a time. */
let buffer = NO_BYTES;
let at = 0;
let end = 0;

function put(n: number): void {
  for (; n > 0x7fffffff; n = Math.floor(n / 128)) buffer[at++] = (n % 128) | 128;
  for (; n > 127; n >>>= 7) buffer[at++] = (n & 127) | 128;
  buffer[at++] = n;
}

function bad(why: string): OperationalError {
  return new OperationalError('PEER_BAD_MESSAGE', `a message from a peer is damaged: ${why}`);
}

function takeByte(): number {
  if (at >= end) throw bad('it ends too early');
  return buffer[at++]!;
}

function take(): number {
  let byte = takeByte();
  let n = byte & 127;
  for (let scale = 128; byte > 127; scale *= 128) {
    byte = takeByte();
    n += (byte & 127) * scale;
    // One form for each number, and none that a double cannot hold.
    if (n > Number.MAX_SAFE_INTEGER || byte === 0) throw bad('a number is malformed');
  }
  return n;
}

/** Bytes of the last snapshot message's configuration, made when its size was asked for. */
let configOf: InstallSnapshot | null = null;
let configBytes = NO_BYTES;

function encodedConfig(message: InstallSnapshot): Uint8Array {
  if (configOf !== message) {
    configBytes = encodeConfig(message.snapshot.config);
    configOf = message;
  }
  return configBytes;
}

function appendBytes(message: Append): number {
  const { entries } = message;
  let bytes = varintBytes(message.prevIndex) + varintBytes(message.prevTerm) + varintBytes(message.commit) + varintBytes(entries.length);
  let termBefore = message.prevTerm;
  for (const { term, data } of entries) {
    bytes += 1 + varintBytes(data.length) + data.length;
    if (term !== termBefore) bytes += varintBytes(term);
    termBefore = term;
  }
  return bytes;
}

/** Exact length of `message` as a frame. */
export function peerMessageBytes(message: PeerMessage): number {
  return PREFIX_BYTES + varintBytes(message.term) + fieldBytes(message);
}

function fieldBytes(message: PeerMessage): number {
  switch (message.type) {
    case 'pre-vote':
    case 'vote':
      return varintBytes(message.lastIndex) + varintBytes(message.lastTerm);
    case 'pre-vote-reply':
    case 'vote-reply':
      return 0;
    case 'append':
      return appendBytes(message);
    case 'append-reply':
      return varintBytes(message.index) + varintBytes(message.hintIndex) + varintBytes(message.hintTerm);
    case 'heartbeat':
      return varintBytes(message.commit) + varintBytes(message.round) + varintBytes(message.sentTick);
    case 'heartbeat-reply':
      return varintBytes(message.round) + varintBytes(message.sentTick);
    case 'snapshot': {
      const { index, term, configIndex } = message.snapshot;
      const config = encodedConfig(message).length;
      return varintBytes(index) + varintBytes(term) + varintBytes(configIndex) + varintBytes(config) + config;
    }
    case 'snapshot-failed':
      return varintBytes(message.index);
    case 'timeout-now':
      return varintBytes(message.round);
    case 'read-index':
      return varintBytes(Math.abs(message.context));
    case 'read-index-reply':
      // -1, "not answered", becomes 0.
      return varintBytes(Math.abs(message.context)) + varintBytes(message.index + 1);
  }
}

function flagsOf(message: PeerMessage): number {
  switch (message.type) {
    case 'pre-vote-reply':
    case 'vote-reply':
      return message.granted ? GRANTED : 0;
    case 'vote':
      return message.transfer ? TRANSFER : 0;
    case 'append-reply':
      return (message.rejected ? REJECTED : 0) | (message.impaired ? IMPAIRED : 0);
    case 'heartbeat-reply':
      return message.impaired ? IMPAIRED : 0;
    case 'read-index':
    case 'read-index-reply':
      return message.context < 0 ? NEGATIVE : 0;
    default:
      return 0;
  }
}

/** Writes `message` into [start, start + peerMessageBytes(message)) of `out`. */
export function writePeerMessage(message: PeerMessage, out: Uint8Array, start: number): void {
  buffer = out;
  at = start + CRC_BYTES;
  buffer[at++] = PEER_MESSAGE_VERSION;
  buffer[at++] = TYPES.indexOf(message.type);
  buffer[at++] = flagsOf(message);
  put(message.term);
  putFields(message);
  const crc = crc32(out.subarray(start + CRC_BYTES, at));
  out[start] = crc >>> 24;
  out[start + 1] = crc >>> 16;
  out[start + 2] = crc >>> 8;
  out[start + 3] = crc;
  buffer = NO_BYTES;
}

/** The frame of `message`, in bytes of its own. */
export function encodePeerMessage(message: PeerMessage): Uint8Array {
  const out = new Uint8Array(peerMessageBytes(message));
  writePeerMessage(message, out, 0);
  return out;
}

function putFields(message: PeerMessage): void {
  switch (message.type) {
    case 'pre-vote':
    case 'vote':
      put(message.lastIndex);
      put(message.lastTerm);
      return;
    case 'pre-vote-reply':
    case 'vote-reply':
      return;
    case 'append':
      putAppend(message);
      return;
    case 'append-reply':
      put(message.index);
      put(message.hintIndex);
      put(message.hintTerm);
      return;
    case 'heartbeat':
      put(message.commit);
      put(message.round);
      put(message.sentTick);
      return;
    case 'heartbeat-reply':
      put(message.round);
      put(message.sentTick);
      return;
    case 'snapshot':
      putSnapshot(message);
      return;
    case 'snapshot-failed':
      put(message.index);
      return;
    case 'timeout-now':
      put(message.round);
      return;
    case 'read-index':
      put(Math.abs(message.context));
      return;
    case 'read-index-reply':
      put(Math.abs(message.context));
      put(message.index + 1);
      return;
  }
}

function putAppend(message: Append): void {
  const { entries } = message;
  put(message.prevIndex);
  put(message.prevTerm);
  put(message.commit);
  put(entries.length);
  let termBefore = message.prevTerm;
  let index = message.prevIndex;
  for (const entry of entries) {
    invariant(entry.index === ++index, 'peer message: entries with a gap');
    const same = entry.term === termBefore;
    buffer[at++] = KINDS.indexOf(entry.kind) | (same ? SAME_TERM : 0);
    if (!same) put(entry.term);
    put(entry.data.length);
    termBefore = entry.term;
  }
  for (const { data } of entries) {
    buffer.set(data, at);
    at += data.length;
  }
}

function putSnapshot(message: InstallSnapshot): void {
  const { index, term, configIndex } = message.snapshot;
  const config = encodedConfig(message);
  put(index);
  put(term);
  put(configIndex);
  put(config.length);
  buffer.set(config, at);
  at += config.length;
  configOf = null;
}

/**
 * Reads a frame that `from` sent to `to`. The message owns its bytes: `frame` may be used again, unless `mayKeep`.
 * @throws OperationalError PEER_BAD_MESSAGE (damaged), PEER_MESSAGE_VERSION (of another version), RAFT_BAD_MESSAGE (a bad configuration)
 */
export function decodePeerMessage(frame: Uint8Array, from: string, to: string, mayKeep = false): PeerMessage {
  if (frame.length <= PREFIX_BYTES) throw bad('it is too short');
  const crc = ((frame[0]! << 24) | (frame[1]! << 16) | (frame[2]! << 8) | frame[3]!) >>> 0;
  if (crc32(frame.subarray(CRC_BYTES)) !== crc) throw bad('its checksum is wrong');
  const version = frame[4]!;
  if (version !== PEER_MESSAGE_VERSION) {
    throw new OperationalError('PEER_MESSAGE_VERSION', `a message from a peer has version ${version}, this program knows version ${PEER_MESSAGE_VERSION}`);
  }
  const type = TYPES[frame[5]!];
  const flags = frame[6]!;
  if (type === undefined) throw bad('it is of an unknown type');
  buffer = frame;
  at = PREFIX_BYTES;
  end = frame.length;
  const message = takeFields(type, from, to, take(), flags, mayKeep);
  buffer = NO_BYTES;
  if (at !== end) throw bad('bytes are left over');
  if (flagsOf(message) !== flags) throw bad('its flags are not of its type');
  return message;
}

function takeFields(type: PeerMessage['type'], from: string, to: string, term: number, flags: number, mayKeep: boolean): PeerMessage {
  switch (type) {
    case 'pre-vote':
      return { type, from, to, term, lastIndex: take(), lastTerm: take() };
    case 'vote':
      return { type, from, to, term, lastIndex: take(), lastTerm: take(), transfer: (flags & TRANSFER) !== 0 };
    case 'pre-vote-reply':
    case 'vote-reply':
      return { type, from, to, term, granted: (flags & GRANTED) !== 0 };
    case 'append':
      return takeAppend(from, to, term, mayKeep);
    case 'append-reply':
      return {
        type, from, to, term, index: take(), hintIndex: take(), hintTerm: take(), rejected: (flags & REJECTED) !== 0,
        impaired: (flags & IMPAIRED) !== 0,
      };
    case 'heartbeat':
      return { type, from, to, term, commit: take(), round: take(), sentTick: take() };
    case 'heartbeat-reply':
      return { type, from, to, term, round: take(), sentTick: take(), impaired: (flags & IMPAIRED) !== 0 };
    case 'snapshot':
      return takeSnapshot(from, to, term);
    case 'snapshot-failed':
      return { type, from, to, term, index: take() };
    case 'timeout-now':
      return { type, from, to, term, round: take() };
    case 'read-index':
      return { type, from, to, term, context: takeContext(flags) };
    case 'read-index-reply':
      return { type, from, to, term, context: takeContext(flags), index: take() - 1 };
  }
}

function takeContext(flags: number): number {
  const context = take();
  return (flags & NEGATIVE) === 0 ? context : -context;
}

function takeAppend(from: string, to: string, term: number, mayKeep: boolean): Append {
  const prevIndex = take();
  const prevTerm = take();
  const commit = take();
  const count = take();
  if (count > (end - at) / ENTRY_HEAD_BYTES_MIN || prevIndex + count > Number.MAX_SAFE_INTEGER) throw bad('it has too many entries');
  const headsAt = at;
  let dataBytes = 0;
  for (let i = 0; i < count; i++) {
    if ((takeByte() & SAME_TERM) === 0) take();
    dataBytes += take();
  }
  if (dataBytes !== end - at) throw bad('the lengths of its entries are wrong');
  let data = buffer.subarray(at, end);
  if (!mayKeep) {
    data = Buffer.allocUnsafe(dataBytes);
    data.set(buffer.subarray(at, end));
  }
  at = headsAt;
  const entries: Entry[] = [];
  let termBefore = prevTerm;
  let offset = 0;
  for (let i = 0; i < count; i++) {
    const head = takeByte();
    const kind = KINDS[head & KIND_MASK];
    if (kind === undefined || head > (KIND_MASK | SAME_TERM)) throw bad('an entry is of an unknown kind');
    if ((head & SAME_TERM) === 0) termBefore = take();
    const length = take();
    entries.push({ index: prevIndex + 1 + i, term: termBefore, kind, data: data.subarray(offset, offset + length) });
    offset += length;
  }
  at = end;
  return { type: 'append', from, to, term, prevIndex, prevTerm, entries, commit };
}

function takeSnapshot(from: string, to: string, term: number): InstallSnapshot {
  const index = take();
  const snapshotTerm = take();
  const configIndex = take();
  const length = take();
  if (length > end - at) throw bad('it ends too early');
  const config = decodeConfig(buffer.subarray(at, at + length));
  at += length;
  return { type: 'snapshot', from, to, term, snapshot: { index, term: snapshotTerm, config, configIndex } };
}
