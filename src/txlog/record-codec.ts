/**
 * Bytes of what a log store keeps: records, the mark and the state. The only file that knows msgpackr and CRCs.
 *
 * Every value begins with a prefix of 7 bytes: CRC-32 (big-endian) of everything behind it through the end of the head, the
 * format version needed to read the value, the version's complement (so that a flipped bit is damage and not a version of
 * the future), and the length of the head, prefix included (0: the whole value). Then MessagePack: for a record an array
 * whose last element is the entry's data, one block of raw bytes that a CRC in the head covers; so every byte is summed once.
 *
 * The running checksum is a chain: CRC-32 of (index, term, kind, length of the data, CRC of the data), seeded with the
 * checksum of the record before. It depends on nothing that differs between members.
 */
import { crc32 } from 'node:zlib';
import { Packr, Unpackr, RESERVE_START_SPACE } from 'msgpackr';
import { InvariantViolation } from '../shared/errors.ts';
import { LogError } from './log-store.ts';
import type { LogIdentity, LogPosition } from './log-store.ts';
import type { ConfigAt, Entry, EntryKind, HardState } from './raft/types.ts';

/** Newest version that this program reads, and the one it writes. */
export const STORE_FORMAT_VERSION = 1;

const PREFIX_BYTES = 7;
/** More than any head is long: fourteen numbers of nine bytes. */
const HEAD_BYTES_MAX = 128;
const SCRATCH_BYTES = 2 * 1024 * 1024;
/** msgpackr takes another buffer when less than 2 KiB are left, and wants some room behind what it writes. */
const PACK_SLACK_BYTES = 4096;

const KINDS: readonly EntryKind[] = ['normal', 'noop', 'config'];

// Records of msgpackr ("structures") would make values unreadable without their shared state: plain arrays and maps only.
const packr = new Packr({ useRecords: false });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true });

const scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
const chainInput = Buffer.alloc(25);
const chainView = new DataView(chainInput.buffer, chainInput.byteOffset, chainInput.byteLength);

/** What a stored record says, its data included. */
export interface StoredRecord {
  readonly index: number;
  readonly term: number;
  readonly kind: EntryKind;
  readonly checksum: number;
  readonly dataCrc: number;
  /** All records through here were durable when this one was written. Differs between members. */
  readonly durableIndex: number;
  /** Commit index known when this one was written. Differs between members. */
  readonly commitIndex: number;
  /** Number of the state that was on the disk when this one was written. Differs between members. */
  readonly stateNumber: number;
  readonly data: Uint8Array;
}

/** What a member knows beside its records. */
export interface StoredState {
  /** One more each time that it is written. */
  readonly number: number;
  readonly identity: LogIdentity;
  readonly hardState: HardState;
  readonly base: LogPosition;
  /** In force at `base`. */
  readonly baseConfig: ConfigAt;
  /** Records through here were durable when this was written. */
  readonly durableIndex: number;
  readonly impaired: boolean;
}

/** Code of a kind, which also enters the running checksum: never to be changed. */
function kindCode(kind: EntryKind): number {
  return kind === 'normal' ? 0 : kind === 'noop' ? 1 : 2;
}

/** Running checksum through a record, given the one through its predecessor. */
export function chainChecksum(before: number, index: number, term: number, kind: EntryKind, dataBytes: number, dataCrc: number): number {
  chainView.setUint32(0, Math.floor(index / 0x1_0000_0000));
  chainView.setUint32(4, index >>> 0);
  chainView.setUint32(8, Math.floor(term / 0x1_0000_0000));
  chainView.setUint32(12, term >>> 0);
  chainInput[16] = kindCode(kind);
  chainView.setUint32(17, dataBytes);
  chainView.setUint32(21, dataCrc);
  return crc32(chainInput, before);
}

/** Running checksum through `entry`, given the one through its predecessor: for those who keep a log elsewhere. */
export function entryChecksum(before: number, entry: Entry): number {
  return chainChecksum(before, entry.index, entry.term, entry.kind, entry.data.length, crc32(entry.data));
}

/** Packs `value` behind a prefix. The result stands in the scratch buffer: valid until the next call. */
function pack(value: unknown, bytesMax: number, blockBytes: number): Uint8Array {
  const room = bytesMax + PACK_SLACK_BYTES;
  packr.useBuffer(room <= SCRATCH_BYTES ? scratch : Buffer.allocUnsafeSlow(room));
  const out = packr.pack(value, RESERVE_START_SPACE | PREFIX_BYTES);
  const headBytes = blockBytes < 0 ? 0 : out.length - blockBytes;
  if (headBytes > HEAD_BYTES_MAX) throw new InvariantViolation(`a record's head of ${headBytes} bytes`);
  out[4] = STORE_FORMAT_VERSION;
  out[5] = ~STORE_FORMAT_VERSION & 255;
  out[6] = headBytes;
  out.writeUInt32BE(crc32(headBytes === 0 ? out.subarray(4) : out.subarray(4, headBytes)), 0);
  return out;
}

/** Checks prefix and head of `value` and unpacks it. Throws LogError LOG_DAMAGED or LOG_FORMAT. */
function unpack(value: Uint8Array, what: string, index: number): unknown {
  if (value.length <= PREFIX_BYTES || value[4] !== (~value[5]! & 255)) throw damaged(what, index, 'its beginning is unreadable');
  if (value[4]! > STORE_FORMAT_VERSION || value[4] === 0) {
    const needs = `${what} needs log format version ${value[4]}, this program knows versions up to ${STORE_FORMAT_VERSION}`;
    throw new LogError('LOG_FORMAT', needs, index);
  }
  const headBytes = value[6] === 0 ? value.length : value[6]!;
  const crc = ((value[0]! << 24) | (value[1]! << 16) | (value[2]! << 8) | value[3]!) >>> 0;
  if (headBytes > value.length || crc32(value.subarray(4, headBytes)) !== crc) throw damaged(what, index, 'its checksum is wrong');
  try {
    return unpackr.unpack(value.subarray(PREFIX_BYTES));
  } catch (cause) {
    throw damaged(what, index, 'it cannot be unpacked', cause);
  }
}

function damaged(what: string, index: number, why: string, cause?: unknown): LogError {
  return new LogError('LOG_DAMAGED', `${what} is damaged: ${why}`, index, cause);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Reused for every record: msgpackr reads it at once. */
const recordFields: [number, number, number, number, number, number, number, number, Uint8Array] = [0, 0, 0, 0, 0, 0, 0, 0, scratch];

/** Bytes of a record with its running checksum. Valid until the next encode. */
export function encodeRecord(
  entry: Entry,
  checksum: number,
  dataCrc: number,
  durableIndex: number,
  commitIndex: number,
  stateNumber: number,
): Uint8Array {
  const { data } = entry;
  recordFields[0] = entry.index;
  recordFields[1] = entry.term;
  recordFields[2] = kindCode(entry.kind);
  recordFields[3] = checksum;
  recordFields[4] = dataCrc;
  recordFields[5] = durableIndex;
  recordFields[6] = commitIndex;
  // A view: msgpackr would write any other Uint8Array as an extension type of its own.
  recordFields[7] = stateNumber;
  recordFields[8] = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const out = pack(recordFields, HEAD_BYTES_MAX + data.length, data.length);
  recordFields[8] = scratch;
  return out;
}

/** Reads what encodeRecord wrote as record `index`. Throws LogError LOG_DAMAGED or LOG_FORMAT. */
export function decodeRecord(value: Uint8Array, index: number): StoredRecord {
  const what = `log record ${index}`;
  const fields = unpack(value, what, index);
  if (value[6] === 0 || !Array.isArray(fields) || fields.length !== 9) throw damaged(what, index, 'it is no record');
  const [ownIndex, term, kindNumber, checksum, dataCrc, durableIndex, commitIndex, stateNumber, data] = fields as unknown[];
  const sound =
    isCount(ownIndex) && isCount(term) && isCount(kindNumber) && isCount(checksum) && isCount(dataCrc) && isCount(durableIndex) &&
    isCount(commitIndex) && isCount(stateNumber) && data instanceof Uint8Array;
  if (!sound || value.length - data.length !== value[6]) throw damaged(what, index, 'its head lacks fields');
  if (ownIndex !== index) throw damaged(what, index, `in its place is record ${ownIndex}`);
  const kind = KINDS[kindNumber];
  if (kind === undefined) throw new LogError('LOG_FORMAT', `${what} is of an unknown kind (${kindNumber})`, index);
  if (crc32(data) !== dataCrc) throw damaged(what, index, 'the checksum of its data is wrong');
  return { index, term, kind, checksum, dataCrc, durableIndex, commitIndex, stateNumber, data };
}

/** "All records through `index` are durable, and this is the checksum through there." */
export interface StoredMark {
  readonly checksum: number;
  /** As in a record. */
  readonly stateNumber: number;
}

/** Bytes of a mark. Valid until the next encode. */
export function encodeMark(index: number, checksum: number, stateNumber: number): Uint8Array {
  return pack([index, checksum, stateNumber], HEAD_BYTES_MAX, -1);
}

/** Reads the mark found at `index`. Throws LogError LOG_DAMAGED or LOG_FORMAT. */
export function decodeMark(value: Uint8Array, index: number): StoredMark {
  const what = `the mark at log index ${index}`;
  const fields = unpack(value, what, index);
  if (!Array.isArray(fields) || fields[0] !== index || !isCount(fields[1]) || !isCount(fields[2])) throw damaged(what, index, 'it lacks fields');
  return { checksum: fields[1], stateNumber: fields[2] };
}

/** Bytes of the state. Valid until the next encode. */
export function encodeState(state: StoredState): Uint8Array {
  // Labels are at most 512 characters for each of some dozens of members; what is larger grows the buffer.
  return pack(state, SCRATCH_BYTES - PACK_SLACK_BYTES, -1);
}

/** Reads what encodeState wrote. Throws LogError LOG_DAMAGED (index -1: it cannot be salvaged) or LOG_FORMAT. */
export function decodeState(value: Uint8Array): StoredState {
  const what = 'the state of the log (hard state, beginning, identity)';
  const state = unpack(value, what, -1) as StoredState;
  const { hardState, base, baseConfig, identity } = state;
  const sound =
    isCount(hardState?.term) && isCount(hardState.commit) && typeof hardState.vote === 'string' && isCount(base?.index) && isCount(base.term) &&
    isCount(base.checksum) && isCount(baseConfig?.index) && typeof identity?.shardId === 'string' && isCount(state.durableIndex) && isCount(state.number);
  if (!sound) throw damaged(what, -1, 'it lacks fields');
  return state;
}

/** How far the journal in front of a disk is needed no more, and which journal. */
export interface JournalPosition {
  /** Hexadecimal. */
  readonly id: string;
  /** The disk has all frames through this sequence number. */
  readonly sequence: number;
  readonly segmentCount: number;
  readonly segmentBytes: number;
}

/** Bytes of the journal's position. Valid until the next encode. */
export function encodeJournalPosition(position: JournalPosition): Uint8Array {
  return pack(position, SCRATCH_BYTES - PACK_SLACK_BYTES, -1);
}

/** Reads what encodeJournalPosition wrote. Throws LogError LOG_DAMAGED (index -1) or LOG_FORMAT. */
export function decodeJournalPosition(value: Uint8Array): JournalPosition {
  const what = "the position of the log's journal";
  const position = unpack(value, what, -1) as JournalPosition;
  const { id, sequence, segmentCount, segmentBytes } = position;
  if (typeof id !== 'string' || !isCount(sequence) || !isCount(segmentCount) || !isCount(segmentBytes)) throw damaged(what, -1, 'it lacks fields');
  return position;
}
