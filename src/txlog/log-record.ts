/**
 * Log records as they stand in a store: one msgpack envelope around one block of bytes, behind a CRC-32 of both.
 *
 * Envelope: [format version that a reader needs, kind, term, running checksum, block]. The running checksum chains over
 * index, term, kind and block of every record since the beginning of the log, so that one record proves all before it.
 */
import { crc32 } from 'node:zlib';
import { Packr } from 'msgpackr';
import { OperationalError } from '../shared/errors.ts';
import type { Entry, EntryKind } from './raft/types.ts';
import type { StoredEntry } from './log-store.ts';

/** The newest format that this program reads. A record says what it needs at least. */
const FORMAT_VERSION = 1;

const KINDS: readonly EntryKind[] = ['normal', 'noop', 'config'];
const CRC_BYTES = 4;

const packr = new Packr({ useRecords: false, structuredClone: false, moreTypes: false });
const header = Buffer.alloc(17);

/** The running checksum after `entry`, given the one before it. */
export function chainChecksum(previous: number, entry: Entry): number {
  header.writeUIntBE(entry.index, 0, 6);
  header.writeUIntBE(entry.term, 6, 6);
  header.writeUInt8(KINDS.indexOf(entry.kind), 12);
  header.writeUInt32BE(previous, 13);
  return crc32(entry.data, crc32(header));
}

export function encodeRecord(entry: Entry, checksum: number): Buffer {
  const body = packr.pack([FORMAT_VERSION, KINDS.indexOf(entry.kind), entry.term, checksum, entry.data]);
  const out = Buffer.allocUnsafe(CRC_BYTES + body.length);
  out.writeUInt32BE(crc32(body), 0);
  body.copy(out, CRC_BYTES);
  return out;
}

/** @throws OperationalError LOG_DAMAGED, LOG_TOO_NEW */
export function decodeRecord(index: number, bytes: Buffer): StoredEntry {
  const body = bytes.subarray(CRC_BYTES);
  if (bytes.length <= CRC_BYTES || bytes.readUInt32BE(0) !== crc32(body)) throw damagedLog(index, 'its checksum does not fit');
  const [version, kind, term, checksum, data] = packr.unpack(body) as [number, number, number, number, Uint8Array];
  if (version > FORMAT_VERSION) {
    throw new OperationalError('LOG_TOO_NEW', `log record ${index} needs format ${version}, this program reads up to ${FORMAT_VERSION}: upgrade it`);
  }
  return { index, term, kind: KINDS[kind]!, data, checksum };
}

export function damagedLog(index: number, what: string): OperationalError {
  return new OperationalError('LOG_DAMAGED', `log record ${index} is damaged: ${what}. This member must not vote or lead with it`);
}
